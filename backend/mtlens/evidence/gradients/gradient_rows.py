"""Gradients of the tasks: the weights at which they are computed, and the rows for the store.

multi         all tasks at the weights of one multi-task model: at the start, with probed heads; after each epoch whose
              weights were kept; at the end; and over the course of training, the sum over the epochs
cross         each task at the weights of its own task-specific model
task_vectors  what training has changed in the task-specific models
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mtlens.config.run import Run
from mtlens.config.task import Task
from mtlens.data.tokenize import Encoded
from mtlens.evidence.checkpoints import load_trained, trained_models
from mtlens.evidence.gradients.estimators import Alignment, combine
from mtlens.evidence.gradients.parameter_blocks import Block
from mtlens.evidence.gradients.probes import fit_heads
from mtlens.evidence.gradients.task_gradients import (
    Alignments,
    GradientBatches,
    encoder_parameters,
    make_gradient_batches,
    of_tasks,
    own_gradients,
    shared_gradients,
    weight_changes,
)
from mtlens.evidence.jobs import Cross, Gradients
from mtlens.evidence.samples import microbatches
from mtlens.store.workspace.evidence_tables import GradientRow
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.hardware import Hardware
from mtlens.training.machine import usable_cores, usable_memory
from mtlens.training.model import MultiTaskModel, build_model

Report = Callable[[float], None]


def gradient_rows(
    evidence_job: Gradients, encoded: Encoded, workspace: Workspace, directory: Path, hardware: Hardware, report: Report
) -> list[GradientRow]:
    """Rows of setting `multi`; `report` is called with the share that is done."""
    run = evidence_job.run
    batches = gradient_batches_of(
        encoded.select(run.tasks, run.fold), run, evidence_job.microbatches, evidence_job.microbatch_size, hardware
    )
    facts = RunFolder(workspace, run.run_id).facts()
    best, last = int(facts["best_epoch"]), int(facts["epochs_run"])
    steps = Steps((last + 2) * len(batches.rows), report)
    rows: list[GradientRow] = []
    of_stages: list[Alignments] = []
    floor: Alignments | None = None
    for stage, epoch, model in _stages(run, best, last, workspace, directory, encoded, batches, hardware):
        controlled = stage == "end" and _floor_fits(model, len(run.tasks), hardware)
        found = shared_gradients(model, batches, hardware, permuted=controlled, report=steps)
        own = {block: of_tasks(alignment, range(len(run.tasks))) for block, alignment in found.items()}
        floor = found if controlled else None
        rows += _rows("multi", run.seed, stage, epoch, own, run.tasks, floor)
        if stage == "end":
            rows += _rows("multi", run.seed, "epoch", epoch, own, run.tasks, floor)
        of_stages += [] if stage == "start" else [own]
    pooled = {block: combine([alignments[block] for alignments in of_stages]) for block in of_stages[0]}
    return rows + _rows("multi", run.seed, "training", None, pooled, run.tasks, None)


def cross_rows(
    evidence_job: Cross, encoded: Encoded, workspace: Workspace, directory: Path, hardware: Hardware, report: Report
) -> list[GradientRow]:
    """Rows of settings `cross` and `task_vectors`."""
    runs = sorted(evidence_job.runs, key=lambda run: run.tasks[0].name)
    tasks = tuple(run.tasks[0] for run in runs)
    together = runs[0].model_copy(update={"tasks": tasks})
    batches = gradient_batches_of(
        encoded.select(tasks, together.fold), together, evidence_job.microbatches, evidence_job.microbatch_size, hardware
    )
    models = [load_trained(run, workspace, directory, encoded.vocabulary) for run in runs]
    vectors = weight_changes(models, build_model(runs[0], directory, encoded.vocabulary))
    found = own_gradients(models, batches, hardware, Steps(len(batches.rows), report))
    seed = runs[0].seed
    return _rows("cross", seed, "end", None, found, tasks, None) + _rows(
        "task_vectors", seed, "end", None, vectors, tasks, None
    )


class Steps:
    """Counts steps and reports their share."""

    def __init__(self, total: int, report: Report) -> None:
        """total: largest number of steps."""
        self._done, self._total, self._report = 0, total, report

    def __call__(self) -> None:
        """Count one step."""
        self._done += 1
        self._report(min(1.0, self._done / self._total))


def gradient_batches_of(encoded: Encoded, run: Run, count: int, size: int, hardware: Hardware) -> GradientBatches:
    """Microbatches of the training texts of all tasks, with the labels of the run."""
    found = microbatches(encoded, list(range(len(encoded.tasks))), count, size, run.seed)
    rows = [np.concatenate(parts) for parts in found if parts]
    return make_gradient_batches(encoded, run, rows, hardware)


def _stages(
    run: Run,
    best: int,
    last: int,
    workspace: Workspace,
    directory: Path,
    encoded: Encoded,
    batches: GradientBatches,
    hardware: Hardware,
) -> Iterator[tuple[str, int, MultiTaskModel]]:
    """Models in the order of training. Stage `end` is the best epoch; epochs whose weights were not kept are left out."""
    model = build_model(run, directory, encoded.vocabulary).to(hardware.device)
    fit_heads(model, batches.encoded, batches.labels, batches.tables, hardware, without=np.concatenate(batches.rows))
    yield "start", 0, model
    for epoch, found in trained_models(run, best, last, workspace, directory, encoded.vocabulary):
        yield "end" if epoch == best else "epoch", epoch, found


def _floor_fits(model: MultiTaskModel, num_tasks: int, hardware: Hardware) -> bool:
    """Whether half of this lane's memory holds three times the gradients of all tasks, as given and on permuted labels."""
    needed = 3 * 2 * num_tasks * sum(parameter.numel() * 4 for parameter in encoder_parameters(model)[1])
    return hardware.device.type == "cuda" or needed < usable_memory() / 2 * hardware.threads / usable_cores()


def _rows(
    setting: str,
    seed: int,
    stage: str,
    epoch: int | None,
    blocks: Alignments,
    tasks: tuple[Task, ...],
    floors: Alignments | None,
) -> list[GradientRow]:
    """Rows of every pair in every block, in each whole layer, and in the whole encoder."""
    rows: list[GradientRow] = []
    for (layer, parameters), members in _groups(list(blocks)):
        alignment = combine([blocks[block] for block in members])
        floor = combine([floors[block] for block in members]) if floors else None
        about = {"setting": setting, "seed": seed, "stage": stage, "epoch": epoch, "layer": layer, "parameters": parameters}
        rows += [GradientRow(**about, **columns) for columns in _pairs(alignment, tasks, floor, setting)]  # pyrefly: ignore[bad-argument-type]
    return rows


def _groups(blocks: list[Block]) -> list[tuple[tuple[int | None, str], list[Block]]]:
    layers: dict[int, list[Block]] = defaultdict(list)
    for block in blocks:
        layers[block.layer].append(block)
    found: list[tuple[tuple[int | None, str], list[Block]]] = [((None, "all"), blocks)]
    found += [((layer, "all"), members) for layer, members in sorted(layers.items())]
    return found + [((block.layer, block.group), [block]) for block in blocks]


def _pairs(alignment: Alignment, tasks: tuple[Task, ...], floor: Alignment | None, setting: str) -> Iterator[dict[str, object]]:
    """Columns of every pair of tasks and of each with itself."""
    # one vector per task and no microbatches: the cosine as it is has no noise to correct
    debiased = alignment.naive if setting == "task_vectors" else alignment.debiased
    columns = {
        "inner": alignment.inner, "naive": alignment.naive, "debiased": debiased,
        "standard_error": alignment.standard_error, "split_half": alignment.split_half,
        "ceiling": alignment.ceiling, "conflict_rate": alignment.conflict_rate,
        "magnitude_similarity": alignment.magnitude_similarity,
    }  # fmt: skip
    # the mean gradient of permuted labels is near 0: its debiased cosine is rarely defined, the split-half one always is
    permuted = None if floor is None else floor.split_half
    norms, counts = alignment.inner.diagonal(), alignment.num_microbatches
    for a, task_a in enumerate(tasks):
        for b in range(a, len(tasks)):
            values = {name: _finite(matrix[a, b]) for name, matrix in columns.items()}
            weak = [tasks[i].name for i in (a, b) if not norms[i] > 0]
            yield {
                **values,
                "task_a": task_a.name,
                "task_b": tasks[b].name,
                "norm_a": _finite(norms[a]),
                "norm_b": _finite(norms[b]),
                "permuted": None if permuted is None else _finite(permuted[a, len(tasks) + b]),
                "microbatches": int(counts[a, b]),
                "reason": f"estimated squared norm of the gradient of {weak[0]!r} is not positive: it is noise"
                if values["debiased"] is None and weak
                else None,
            }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
