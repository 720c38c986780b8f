"""Tasks of numbers (regression): each cell holds one, and the head has one output, standardised on the training labels."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mtlens.config.task import Task
from mtlens.errors import DataError, ExperimentError
from mtlens.statistics.metrics.base import Reads
from mtlens.tasks.base import TaskKind
from mtlens.tasks.labels import MISSING, Labels

if TYPE_CHECKING:
    from torch import Tensor

_RANGES = 4
"""Ranges that the examples are counted by, each with as many of them."""


class Number(TaskKind):
    """A number by one output, standardised on the training labels, and the squared error."""

    name = "number"
    metric = "r2"
    reported = ("mean_absolute_error", "r2", "pearson", "spearman")
    loss_metric = "mean_absolute_error"
    columns: ClassVar[Mapping[Reads, tuple[str, str]]] = {"numbers": ("true_number", "predicted_number")}
    groups = "ranges of numbers"
    in_code = ('outputs = outputs.double() * config["scales"][name][1] + config["scales"][name][0]',)

    def check(self, task: Task) -> None:
        """A number has no classes and one column."""
        if task.classes or task.columns or task.separator:
            raise ExperimentError(
                f"task {task.name!r} of kind number should have no classes; found {', '.join(task.classes) or 'a separator'}"
            )

    def read(self, task: Task, values: Sequence[str | None], where: Callable[[int], str]) -> Labels:
        """The number in each cell, with a point or an exponent; blanks around it do not count."""
        numbers = np.full((len(values), 1), np.nan)
        for row, value in enumerate(values):
            text = (value or "").strip()
            if text and text not in task.missing:
                numbers[row, 0] = _number(task, text, where(row))
        return Labels.of_values(numbers, ~np.isnan(numbers[:, 0]))

    def members(self, task: Task, labels: Labels) -> dict[str, NDArray[np.bool_]]:
        """Ranges of numbers with about as many examples each."""
        numbers = _numbers(labels)
        known = numbers[labels.known]
        if not len(known):
            return {}
        ends = np.unique(np.quantile(known, np.linspace(0, 1, _RANGES + 1), method="nearest"))
        ranges: dict[str, NDArray[np.bool_]] = {}
        for low, high in pairwise(ends):
            is_last = high == ends[-1]
            inside = (numbers >= low) & ((numbers <= high) if is_last else (numbers < high))
            ranges[f"{low:g} to {high:g}" if is_last else f"{low:g} to below {high:g}"] = inside
        return ranges or {f"{ends[0]:g}": labels.known}

    def outputs(self, task: Task) -> int:
        """One output."""
        return 1

    def label_table(self, task: Task, labels: Labels, balanced: bool) -> NDArray[np.float32]:
        """The standardised number of each code, `[V]`."""
        assert labels.values is not None
        mean, deviation = self.scale(labels)
        return ((labels.values[:, 0] - mean) / deviation).astype(np.float32)

    def example_weights(self, table: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """All examples weigh alike."""
        return np.ones(len(codes), dtype=np.float32)

    def loss(
        self, task: Task, logits: "Tensor", labels: "Tensor", table: "Tensor", reduction: Literal["sum", "mean"]
    ) -> "Tensor":
        """Half of the squared error: the negative log-likelihood, but for a constant, of a normal number of deviation 1."""
        known = labels != MISSING
        errors = (logits[known, 0] - table[labels[known]]).square() / 2
        return errors.sum() if reduction == "sum" else errors.mean()

    def margin(self, task: Task, logits: "Tensor", label: int, table: "Tensor") -> "Tensor":
        """log(p / (1 - p)) with p = exp(-z² / 2) / 2 for an error of z deviations: -log p is the loss, but for a constant."""
        import torch

        log_p = -(logits[0, 0] - table[label]).square() / 2 - math.log(2)
        return log_p - torch.log1p(-log_p.exp())

    def scale(self, labels: Labels) -> tuple[float, ...]:
        """Mean and standard deviation of the training labels; 1 for the latter where all are equal."""
        numbers = _numbers(labels)[labels.known]
        return float(numbers.mean()), float(numbers.std()) or 1.0

    def predict(self, task: Task, logits: "Tensor", scale: tuple[float, ...]) -> "Tensor":
        """The number, `[b, 1]`."""
        mean, deviation = scale
        return logits.double() * deviation + mean

    def width(self, task: Task) -> int:
        """One number."""
        return 1

    def stored(
        self, task: Task, labels: Labels, said: NDArray[np.float32], tuned: tuple[float, ...] = ()
    ) -> dict[str, NDArray[Any]]:
        """The true and the predicted number."""
        return {"true_number": _numbers(labels), "predicted_number": said[:, 0].astype(np.float64)}

    def in_words(self, task: Task, said: NDArray[np.float32], tuned: tuple[float, ...] = ()) -> str:
        """The number, to five digits."""
        return f"{float(said[0]):.5g}"

    def confidence(self, said: NDArray[np.float32]) -> float | None:
        """None: a number has no probability."""
        return None

    def agreement(self, task: Task, said: NDArray[np.float32], parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Minus the distance of the numbers."""
        return -np.abs(parts[:, 0] - said[0])


def _number(task: Task, text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        hint = f"; if it means not labelled, add it to `missing` of task {task.name!r}"
        raise DataError(f"{where}: column {task.column!r} should hold a number; found {text[:80]!r}{hint}")
    return number


def _numbers(labels: Labels) -> NDArray[np.float64]:
    """The number of each example, `[n]`; NaN where it has none."""
    assert labels.values is not None
    numbers = np.full(len(labels.codes), np.nan)
    numbers[labels.known] = labels.values[labels.codes[labels.known], 0]
    return numbers
