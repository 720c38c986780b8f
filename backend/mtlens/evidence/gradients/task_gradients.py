"""Gradients of a model's tasks on microbatches of training texts, and their products, summed in Gramians."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from mtlens.config.run import Run
from mtlens.config.task import Task
from mtlens.data.splits import TRAIN, in_split
from mtlens.data.tokenize import Encoded, collate
from mtlens.evidence.gradients.estimators import Alignment
from mtlens.evidence.gradients.gramian import Gramian, task_gradients
from mtlens.evidence.gradients.parameter_blocks import Block, block_names
from mtlens.tasks import MISSING, kind_of
from mtlens.training.hardware import Hardware
from mtlens.training.losses import label_tables
from mtlens.training.model import MultiTaskModel
from mtlens.training.trainer import training_labels

Alignments = dict[Block, Alignment]


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientBatches:
    """K microbatches of training rows for T tasks.

    labels: [n, T] of all examples, as trained on; permuted: the same in another order. tables: the label table of each task.
    independent: [T, T], pairs of tasks that share no example. part: for each table of texts, its number among the parts that
    share no task.
    """

    encoded: Encoded
    rows: list[NDArray[np.int64]]
    labels: NDArray[np.int64]
    permuted: NDArray[np.int64]
    tables: list[Tensor]
    independent: NDArray[np.bool_]
    part: NDArray[np.int32]

    def parts(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The rows of a microbatch, divided so that no task has labels in two parts: a task's gradient needs only its part."""
        part = self.part[self.encoded.sources[rows]]
        return [rows[part == number] for number in np.unique(part)]


def make_gradient_batches(encoded: Encoded, run: Run, rows: list[NDArray[np.int64]], hardware: Hardware) -> GradientBatches:
    """The microbatches `rows` with the labels and label tables of a run's training."""
    labels = training_labels(encoded, run)
    train = in_split(encoded.splits, TRAIN)
    permuted = labels.copy()
    for j in range(labels.shape[1]):
        known = np.flatnonzero(train & (labels[:, j] != MISSING))
        permuted[known, j] = np.random.default_rng([run.seed, j]).permutation(labels[known, j])
    present = (labels[train] != MISSING).astype(np.int64)
    return GradientBatches(
        encoded=encoded,
        rows=rows,
        labels=labels,
        permuted=permuted,
        tables=[torch.from_numpy(table).to(hardware.device) for table in label_tables(encoded, labels, run.training)],
        independent=(present.T @ present) == 0,
        part=_parts_of_tables(encoded.sources[train], present > 0),
    )


def _parts_of_tables(sources: NDArray[np.int16], present: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number of each table's part: tables that label a task in common are in the same one."""
    labels = np.stack([present[sources == table].any(axis=0) for table in range(int(sources.max()) + 1)]).astype(np.int64)
    return connected_components(labels @ labels.T, directed=False)[1]


def shared_gradients(
    model: MultiTaskModel, batches: GradientBatches, hardware: Hardware, *, permuted: bool, report: Callable[[], None]
) -> Alignments:
    """All tasks at the weights of one model, also on permuted labels if these are asked for.

    Each part of a microbatch takes one forward pass, and a backward pass for each of its tasks.
    """
    names, parameters = encoder_parameters(model)
    num_tasks = len(batches.tables) * (2 if permuted else 1)
    independent = np.tile(batches.independent, (2, 2)) if permuted else batches.independent
    gramian = Gramian(block_names(names), num_tasks, independent=independent)
    model.eval().to(hardware.device)
    for rows in batches.rows:
        gradients: list[list[Tensor] | None] = [None] * num_tasks
        for part in batches.parts(rows):
            logits = _forward(model, batches.encoded, part, hardware)
            losses = _losses(batches.encoded.tasks, logits, batches.labels[part], batches.tables)
            if permuted:
                losses += _losses(batches.encoded.tasks, logits, batches.permuted[part], batches.tables)
            present = {task: loss for task, loss in enumerate(losses) if loss is not None}
            for task, found in zip(present, task_gradients(list(present.values()), parameters), strict=True):
                gradients[task] = found
        gramian.add(gradients)
        report()
    return gramian.result()


def losses_of(
    model: MultiTaskModel, batches: GradientBatches, rows: NDArray[np.int64], hardware: Hardware
) -> list[Tensor | None]:
    """Loss of each task on a microbatch at the model's present weights; None for a task without a label in it."""
    found: list[Tensor | None] = [None] * len(batches.tables)
    for part in batches.parts(rows):
        logits = _forward(model, batches.encoded, part, hardware)
        of_part = _losses(batches.encoded.tasks, logits, batches.labels[part], batches.tables)
        found = [own if own is not None else earlier for own, earlier in zip(of_part, found, strict=True)]
    return found


def own_gradients(
    models: Sequence[MultiTaskModel], batches: GradientBatches, hardware: Hardware, report: Callable[[], None]
) -> Alignments:
    """Each task at the weights of its own model, on the same microbatches."""
    names, _ = encoder_parameters(models[0])
    gramian = Gramian(block_names(names), len(models), independent=batches.independent)
    for model in models:
        model.eval().to(hardware.device)
    for rows in batches.rows:
        gramian.add([_own_gradient(model, j, rows, batches, hardware) for j, model in enumerate(models)])
        report()
    return gramian.result()


def weight_changes(models: Sequence[MultiTaskModel], start: MultiTaskModel) -> Alignments:
    """Task vectors: changes of each model's encoder by training (Ilharco et al. 2023)."""
    names, first = encoder_parameters(start)
    gramian = Gramian(block_names(names), len(models))
    gramian.add(
        [[a.detach() - b.detach() for a, b in zip(encoder_parameters(model)[1], first, strict=True)] for model in models]
    )
    return gramian.result()


def of_tasks(alignment: Alignment, tasks: Sequence[int]) -> Alignment:
    """The alignment among some of its tasks."""
    chosen = np.ix_(tasks, tasks)
    return replace(
        alignment,
        half_products=alignment.half_products[:, :, tasks][:, :, :, tasks],
        microbatch_products=alignment.microbatch_products[:, tasks][:, :, tasks],
        present=alignment.present[:, tasks],
        independent=alignment.independent[chosen],
    )


def encoder_parameters(model: MultiTaskModel) -> tuple[list[str], list[Tensor]]:
    """Names and values of the parameters that the tasks share."""
    named = [(name, parameter) for name, parameter in model.encoder.named_parameters() if parameter.requires_grad]
    return [name for name, _ in named], [parameter for _, parameter in named]


def _own_gradient(
    model: MultiTaskModel, j: int, rows: NDArray[np.int64], batches: GradientBatches, hardware: Hardware
) -> list[Tensor] | None:
    labelled = rows[batches.labels[rows, j] != MISSING]
    if not len(labelled):
        return None
    logits = _forward(model, batches.encoded, labelled, hardware)
    losses = _losses([batches.encoded.tasks[j]], logits, batches.labels[labelled][:, [j]], [batches.tables[j]])
    return task_gradients([loss for loss in losses if loss is not None], encoder_parameters(model)[1])[0]


def _forward(model: nn.Module, encoded: Encoded, rows: NDArray[np.int64], hardware: Hardware) -> list[Tensor]:
    tokens, mask = (torch.from_numpy(array).to(hardware.device) for array in collate(encoded, rows))
    with hardware.training():
        return model(tokens, mask)


def _losses(
    tasks: Sequence[Task], logits: Sequence[Tensor], labels: NDArray[np.int64], tables: Sequence[Tensor]
) -> list[Tensor | None]:
    """Per task the weighted mean over its labelled rows, as in training; None without any."""
    return [
        kind_of(task).loss(task, own, torch.from_numpy(column).to(own.device), table, "mean")
        if (column != MISSING).any()
        else None
        for task, own, column, table in zip(tasks, logits, labels.T.copy(), tables, strict=True)
    ]
