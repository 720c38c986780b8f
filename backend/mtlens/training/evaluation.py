"""Predictions of a model on a split, and their scores."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mtlens.config.task import Task
from mtlens.data.splits import SplitName
from mtlens.data.tokenize import Encoded, collate, ordered_batches
from mtlens.statistics.metrics import METRICS, Metric, find_metric
from mtlens.tasks import MISSING, Labels, kind_of, metric_object, metric_of
from mtlens.training.distributed import World
from mtlens.training.hardware import Hardware


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """One task on the m labelled examples of a split. rows: [m]; labels: of m; said: [m, D], as the kind of the task says,
    or of words [m, W, D].

    tuned: what the kind chose on validation.
    """

    task: Task
    rows: NDArray[np.int64]
    labels: Labels
    said: NDArray[np.float32]
    tuned: tuple[float, ...] = ()

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Columns of table `prediction`, by name."""
        return kind_of(self.task).stored(self.task, self.labels, self.said, self.tuned)

    def with_own_choice(self) -> Self:
        """The same, with the choice that its kind makes on these examples, which should be those of validation."""
        return replace(self, tuned=kind_of(self.task).tune(self.task, self.labels, self.said))

    @property
    def collapsed(self) -> bool:
        """Whether one class is predicted for all examples, of which there are several; never where no classes are predicted."""
        if "predicted" not in self.columns:
            return False
        return len(np.unique(self.columns["label"])) > 1 and len(np.unique(self.columns["predicted"])) == 1

    def score(self) -> float:
        """Score by the task's metric, negated for errors so that more is better; in margins where the task has one."""
        metric = metric_object(self.task)
        return metric.sign * self.value(metric) / (self.task.margin or 1.0)

    def value(self, metric: Metric) -> float:
        """Score by a metric, in the unit of the metric."""
        labels, predicted = (self.columns[name] for name in kind_of(self.task).columns[metric.reads])
        return metric.value(labels, predicted, len(self.task.classes))

    def loss(self) -> float:
        """Mean negative log-likelihood of the labels, in nats; decides between epochs of equal score."""
        kind = kind_of(self.task)
        own = kind.mean_loss(self.task, self.labels, self.said)
        return self.value(METRICS[kind.loss_metric]) if own is None else own

    def scores(self) -> list[tuple[str, str | None, float]]:
        """(name, class or None, value) of the metrics of the task and its kind, and F1 of every class."""
        names = dict.fromkeys([*kind_of(self.task).reported, metric_of(self.task)])
        return [
            *((name, None, self.value(find_metric(name, self.task.classes))) for name in names),
            *kind_of(self.task).by_class(self.task, self.columns),
        ]


@torch.inference_mode()
def predict(
    model: nn.Module, encoded: Encoded, split: SplitName, *, batch_size: int, hardware: Hardware, world: World
) -> list[Prediction]:
    """Every task of `encoded` on its labelled examples of the split, in row order. model: called as a `MultiTaskModel` is."""
    model.eval()
    rows = encoded.rows(split, list(range(len(encoded.tasks))))
    seen: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    scales = [kind_of(task).scale(encoded.training_labels(j)) for j, task in enumerate(encoded.tasks)]
    most = [words.most(rows) if words is not None else 0 for words in encoded.words] or [0] * len(encoded.tasks)
    found: list[list[NDArray[np.float32]]] = [
        [np.empty((0, *([count] if kind_of(task).reads_tokens else []), kind_of(task).width(task)), dtype=np.float32)]
        for task, count in zip(encoded.tasks, most, strict=True)
    ]
    with hardware.autocast():  # once for all batches, so that it rounds the weights once
        for batch in ordered_batches(encoded.lengths, world.part(rows), batch_size):
            tokens, mask = collate(encoded, batch)
            logits = model(torch.from_numpy(tokens).to(hardware.device), torch.from_numpy(mask).to(hardware.device))
            seen.append(batch)
            for j, (task, values) in enumerate(zip(encoded.tasks, logits, strict=True)):
                said = kind_of(task).predict(task, values, scales[j]).float().cpu().numpy()
                words = encoded.words[j] if encoded.words else None
                found[j].append(said if words is None else words.said(said, batch, most[j]))
    seen_rows, columns = world.gather(np.concatenate(seen), [np.concatenate(column) for column in found])
    order = np.argsort(seen_rows)
    return [labelled_prediction(encoded, j, seen_rows[order], column[order]) for j, column in enumerate(columns)]


def labelled_prediction(encoded: Encoded, j: int, rows: NDArray[np.int64], said: NDArray[np.float32]) -> Prediction:
    """The outputs said [n, D] for task j on `rows` [n], restricted to labelled rows."""
    labelled = encoded.labels[rows, j] != MISSING
    return Prediction(
        task=encoded.tasks[j],
        rows=rows[labelled],
        labels=encoded.labels_of(j, rows[labelled]),
        said=said[labelled],
    )
