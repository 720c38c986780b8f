"""Tasks of several labels: each text has any number of the task's classes.

A cell holds the classes of a text between separators (`separator: ";"`) or as a list, or each class has a column of 0 and 1
(`columns: [fracture, tumour]`). Each class has an output of its own. A text has the classes whose probability reaches their
thresholds, which are chosen on validation.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mtlens.config.task import Task
from mtlens.errors import DataError, ExperimentError
from mtlens.statistics.metrics.base import Reads
from mtlens.tasks.base import TaskKind
from mtlens.tasks.classes import class_indices
from mtlens.tasks.labels import MISSING, Labels

if TYPE_CHECKING:
    from torch import Tensor

NONE = "(none)"
"""Name under which texts without any of the classes are counted and shown."""
_YES, _NO = ("1", "true", "yes"), ("0", "false", "no")


class Multilabel(TaskKind):
    """Any of C classes, by C sigmoid outputs and the weighted binary cross-entropy, the mean over the classes."""

    name = "multilabel"
    metric = "macro_f1"
    reported = ("macro_f1", "micro_f1", "accuracy", "loss")
    columns: ClassVar[Mapping[Reads, tuple[str, str]]] = {
        "classes": ("true_labels", "predicted_labels"),
        "probabilities": ("true_labels", "probabilities"),
    }
    has_label_sets = True
    groups = "labels"
    in_code = ("outputs = outputs.sigmoid()",)

    def check(self, task: Task) -> None:
        """Cells have a separator or each class has a column."""
        super().check(task)
        if task.columns and task.separator:
            raise ExperimentError(f"task {task.name!r} should have `columns` or a `separator`; found both")
        if task.columns and len(task.columns) != len(task.classes):
            found = f"{len(task.columns)} columns and {len(task.classes)} classes"
            raise ExperimentError(f"task {task.name!r} should have a column for each class; found {found}")

    def read_columns(self, task: Task, cells: Mapping[str, Sequence[str | None]], where: Callable[[int], str]) -> Labels:
        """Label sets from cells with separators or lists, or from a column of 0 and 1 for each class.

        An empty text is the empty set, and an absent value is not labelled; a text with an empty cell in one of several columns
        is not labelled.
        """
        if not task.columns:
            return self.read(task, cells[task.column], where)
        of_columns = [_binary(task, column, cells[column], where) for column in task.columns]
        sets = np.stack(of_columns, axis=1)
        return Labels.of_values(sets.astype(np.float64), (sets != MISSING).all(axis=1))

    def read(self, task: Task, values: Sequence[str | None], where: Callable[[int], str]) -> Labels:
        """The classes in each cell."""
        known = np.array([value is not None and value.strip() not in task.missing for value in values], dtype=np.bool_)
        sets = np.zeros((len(values), len(task.classes)))
        named = [_parts(task, value or "", where(row)) if known[row] else [] for row, value in enumerate(values)]
        rows = np.repeat(np.arange(len(values)), [len(parts) for parts in named])
        indices = class_indices(task, [part for parts in named for part in parts], lambda place: where(int(rows[place])))
        sets[rows, indices] = 1
        return Labels.of_values(sets, known)

    def members(self, task: Task, labels: Labels) -> dict[str, NDArray[np.bool_]]:
        """The examples that have each class, and those that have none."""
        sets = _sets(labels) > 0
        of_classes = {name: sets[:, index] & labels.known for index, name in enumerate(task.classes)}
        return {**of_classes, NONE: ~sets.any(axis=1) & labels.known}

    def outputs(self, task: Task) -> int:
        """One output for each class."""
        return len(task.classes)

    def label_table(self, task: Task, labels: Labels, balanced: bool) -> NDArray[np.float32]:
        """Of each code the label set and the weights of its entries, n / (2 n_c) where balanced, `[V, 2, C]`."""
        assert labels.values is not None
        values = labels.values
        weights = np.ones_like(values)
        if balanced:
            sets = _sets(labels)[labels.known]
            positive = np.clip(sets.sum(axis=0), 1, None)
            negative = np.clip(len(sets) - sets.sum(axis=0), 1, None)
            weights = np.where(values > 0, len(sets) / (2 * positive), len(sets) / (2 * negative))
        return np.stack([values, weights], axis=1).astype(np.float32)

    def example_weights(self, table: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """The mean weight over the classes."""
        return table[codes, 1].mean(axis=1)

    def loss(
        self, task: Task, logits: "Tensor", labels: "Tensor", table: "Tensor", reduction: Literal["sum", "mean"]
    ) -> "Tensor":
        """Binary cross-entropy, the mean over the classes."""
        from torch.nn import functional

        known = labels != MISSING
        sets, weights = table[labels[known]].unbind(dim=1)
        losses = functional.binary_cross_entropy_with_logits(logits[known], sets, weight=weights, reduction="none")
        total = losses.mean(dim=1).sum()
        return total if reduction == "sum" else total / weights.mean(dim=1).sum()

    def margin(self, task: Task, logits: "Tensor", label: int, table: "Tensor") -> "Tensor":
        """log(p / (1 - p)) with p the geometric mean over the classes of the probability of the true value."""
        import torch
        from torch.nn import functional

        log_p = functional.logsigmoid((2 * table[label, 0] - 1) * logits[0]).mean()
        return log_p - torch.log(-torch.expm1(log_p))

    def probabilities(self, task: Task, logits: "Tensor") -> "Tensor":
        """Probability of each class."""
        return logits.sigmoid()

    def calibrated(self, task: Task, logits: "Tensor", scale: tuple[float, ...], temperature: float) -> "Tensor":
        """Probabilities without temperature, for which the thresholds are chosen."""
        return self.predict(task, logits, scale)

    def tune(self, task: Task, labels: Labels, said: NDArray[np.float32]) -> tuple[float, ...]:
        """The threshold of each class with the best F1 on these examples; of several, that nearest to a half."""
        sets = _sets(labels) > 0
        return tuple(_best_threshold(sets[:, index], said[:, index]) for index in range(len(task.classes)))

    def stored(
        self, task: Task, labels: Labels, said: NDArray[np.float32], tuned: tuple[float, ...] = ()
    ) -> dict[str, NDArray[Any]]:
        """The true and the predicted label sets, and probabilities."""
        return {
            "true_labels": _sets(labels).astype(np.int16),
            "predicted_labels": (said >= _thresholds(task, tuned)).astype(np.int16),
            "probabilities": said,
        }

    def in_words(self, task: Task, said: NDArray[np.float32], tuned: tuple[float, ...] = ()) -> str:
        """The classes, in their order."""
        chosen = np.flatnonzero(said >= _thresholds(task, tuned))
        return ", ".join(task.classes[index] for index in chosen) or NONE

    def confidence(self, said: NDArray[np.float32]) -> float | None:
        """None: each class has a probability of its own."""
        return None

    def agreement(self, task: Task, said: NDArray[np.float32], parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Minus the mean distance of the probabilities, those of the likeliest class counting most."""
        return -(np.abs(parts - said) * said).sum(axis=1)


def _parts(task: Task, cell: str, where: str) -> list[str]:
    """The classes that a cell names: a JSON list, or texts between separators."""
    text = cell.strip()
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except ValueError:
            listed = None
        if not isinstance(listed, list) or not all(isinstance(part, str | int) for part in listed):
            raise DataError(f"{where}: column {task.column!r} should hold a list of classes; found {text[:80]!r}")
        return [str(part) for part in listed]
    parts = text.split(task.separator) if task.separator else [text]
    return [part.strip() for part in parts if part.strip()]


def _binary(task: Task, column: str, cells: Sequence[str | None], where: Callable[[int], str]) -> NDArray[np.int8]:
    """1, 0 or MISSING for each cell."""
    meaning = {**dict.fromkeys(_YES, 1), **dict.fromkeys(_NO, 0), **dict.fromkeys(("", *task.missing), MISSING)}
    found: list[int] = []
    for row, cell in enumerate(cells):
        text = (cell or "").strip().lower()
        value = meaning.get(text.removesuffix(".0"), meaning.get((cell or "").strip()))
        if value is None:
            raise DataError(f"{where(row)}: column {column!r} of task {task.name!r} should hold 0 or 1; found {text[:80]!r}")
        found.append(value)
    return np.array(found, dtype=np.int8)


def _sets(labels: Labels) -> NDArray[np.float64]:
    """Label set of each example, `[n, C]`; zeros where it has none."""
    assert labels.values is not None
    sets = np.zeros((len(labels.codes), labels.values.shape[1]))
    sets[labels.known] = labels.values[labels.codes[labels.known]]
    return sets


def _thresholds(task: Task, tuned: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(tuned or (0.5,) * len(task.classes))


def _best_threshold(truth: NDArray[np.bool_], probability: NDArray[np.float32]) -> float:
    """Between two of the probabilities, or a half where no example has the class."""
    if not truth.any():
        return 0.5
    order = np.argsort(-probability, kind="stable")
    sorted_ = probability[order].astype(np.float64)
    hits, count = np.cumsum(truth[order]), np.arange(1, len(truth) + 1)
    f1 = 2 * hits / (count + truth.sum())
    ends = np.append(sorted_[1:], 0.0)
    usable = sorted_ > ends  # a threshold cannot part equal probabilities
    cuts = (sorted_ + ends) / 2
    best = np.flatnonzero(usable & (f1 >= f1[usable].max() - 1e-12))
    return float(cuts[best[np.abs(cuts[best] - 0.5).argmin()]])
