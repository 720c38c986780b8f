"""Predictions of a model on a split, and the scores that follow from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mtlens.config.sections import Task
from mtlens.data.splits import SplitName
from mtlens.data.tokenize import Encoded, collate, ordered_batches
from mtlens.statistics.metrics import METRICS, Metric, find_metric
from mtlens.statistics.metrics.confusion import confusion, f1_per_class
from mtlens.tasks import MISSING, kind_of, metric_object, metric_of
from mtlens.training.distributed import World
from mtlens.training.hardware import Hardware
from mtlens.training.model import MultiTaskModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """One task on the m labelled examples of a split. rows: [m]; labels: [m]; probabilities: [m, C]."""

    task: Task
    rows: NDArray[np.int64]
    labels: NDArray[np.int16]
    probabilities: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Class of the highest probability, [m]."""
        return self.probabilities.argmax(axis=1)

    def score(self) -> float:
        """Score by the task's metric, of which more is better: an error with a minus sign; in margins where it has one."""
        metric = metric_object(self.task)
        return metric.sign * self.value(metric) / (self.task.margin or 1.0)

    def column(self, name: str) -> NDArray[Any]:
        """What the column `name` of table `prediction` holds."""
        return {"label": self.labels, "predicted": self.predicted, "probabilities": self.probabilities}[name]

    def value(self, metric: Metric) -> float:
        """Score by a metric, in its unit."""
        labels, predicted = map(self.column, kind_of(self.task).columns[metric.reads])
        return metric.value(labels, predicted, len(self.task.classes))

    def loss(self) -> float:
        """What decides between epochs of equal scores: mean negative log-likelihood of the labels, in nats."""
        return self.value(METRICS[kind_of(self.task).loss_metric])

    def scores(self) -> list[tuple[str, str | None, float]]:
        """(name, class or None, value) of the metrics of the task and its kind, and F1 of every class."""
        names = dict.fromkeys([*kind_of(self.task).reported, metric_of(self.task)])
        by_class = f1_per_class(confusion(self.labels, self.predicted, len(self.task.classes)))
        return [
            *((name, None, self.value(find_metric(name, self.task.classes))) for name in names),
            *(("f1", name, float(value)) for name, value in zip(self.task.classes, by_class, strict=True)),
        ]


@torch.inference_mode()
def predict(
    model: MultiTaskModel, encoded: Encoded, split: SplitName, *, batch_size: int, hardware: Hardware, world: World
) -> list[Prediction]:
    """Every task of `encoded` on its labelled examples of the split, in row order."""
    model.eval()
    rows = encoded.rows(split, list(range(len(encoded.tasks))))
    seen: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    found: list[list[NDArray[np.float32]]] = [[np.empty((0, len(task.classes)), dtype=np.float32)] for task in encoded.tasks]
    for batch in ordered_batches(encoded.lengths, world.part(rows), batch_size):
        tokens, mask = collate(encoded, batch)
        with hardware.autocast():
            logits = model(torch.from_numpy(tokens).to(hardware.device), torch.from_numpy(mask).to(hardware.device))
        seen.append(batch)
        for column, task, values in zip(found, encoded.tasks, logits, strict=True):
            column.append(kind_of(task).probabilities(task, values).cpu().numpy())
    seen_rows, columns = world.gather(np.concatenate(seen), [np.concatenate(column) for column in found])
    order = np.argsort(seen_rows)
    return [_labelled(encoded, j, seen_rows[order], column[order]) for j, column in enumerate(columns)]


def _labelled(encoded: Encoded, j: int, rows: NDArray[np.int64], probabilities: NDArray[np.float32]) -> Prediction:
    labelled = encoded.labels[rows, j] != MISSING
    return Prediction(
        task=encoded.tasks[j],
        rows=rows[labelled],
        labels=encoded.labels[rows[labelled], j],
        probabilities=probabilities[labelled],
    )
