"""Tasks of classes: each cell names one of the task's classes, and the head has an output for each class."""

import difflib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from mtlens.config.task import Task
from mtlens.errors import DataError
from mtlens.statistics.metrics import DEFAULT
from mtlens.tasks.base import TaskKind
from mtlens.tasks.labels import MISSING, Labels
from mtlens.tasks.spelling import index_of, known_values

if TYPE_CHECKING:
    from torch import Tensor

Cell = str | None
_NOT_A_LABEL = frozenset({"nan", "na", "n/a", "<na>", "null", "none", "missing", "unknown", "-1"})


class Classes(TaskKind):
    """One of C classes, by the softmax of C outputs and the weighted cross-entropy."""

    name = "classes"
    metric = DEFAULT
    balanced_by_default = True
    in_code = ('outputs = (outputs / config["temperatures"][name]).softmax(dim=1)',)

    def read(self, task: Task, values: Sequence[str | None], where: Callable[[int], str]) -> Labels:
        """Index of each value among the classes; case and blanks around it do not count, and 1.0 stands for 1."""
        return Labels(codes=class_indices(task, values, where))

    def outputs(self, task: Task) -> int:
        """One output for each class."""
        return len(task.classes)

    def loss(
        self, task: Task, logits: "Tensor", labels: "Tensor", table: "Tensor", reduction: Literal["sum", "mean"]
    ) -> "Tensor":
        """Cross-entropy."""
        from torch.nn import functional

        return functional.cross_entropy(logits, labels, weight=table, ignore_index=MISSING, reduction=reduction)

    def margin(self, task: Task, logits: "Tensor", label: int, table: "Tensor") -> "Tensor":
        """The logit less the log-sum-exp of the others, which stays exact where a probability is close to 1."""
        import torch

        return logits[0, label] - torch.cat([logits[0, :label], logits[0, label + 1 :]]).logsumexp(dim=0)

    def calibrated(self, task: Task, logits: "Tensor", scale: tuple[float, ...], temperature: float) -> "Tensor":
        """Softmax of the outputs over the temperature, which is the same."""
        return self.predict(task, logits / temperature, scale)

    def probabilities(self, task: Task, logits: "Tensor") -> "Tensor":
        """Softmax over the outputs."""
        return logits.softmax(dim=1)


def class_indices(task: Task, values: Sequence[Cell], where: Callable[[int], str]) -> NDArray[np.int32]:
    """Index of each value among the classes of a task, `[n]`; MISSING where it is empty or declared missing.

    Values that are no class themselves stand for the class that is written alike (`mtlens.tasks.spelling`).
    """
    known = known_values(task)
    meaning: dict[Cell, int | None] = {value: index_of(value, known) for value in set(values)}
    indices = [meaning[value] for value in values]
    if None in indices:
        row = indices.index(None)
        raise DataError(f"{where(row)}: {_not_a_class(task, (values[row] or '').strip(), indices.count(None))}")
    return np.array(indices, dtype=np.int32)


def _not_a_class(task: Task, value: str, count: int) -> str:
    listed = ", ".join(task.classes[:10]) + (", ..." if len(task.classes) > 10 else "")
    close = difflib.get_close_matches(value, task.classes, n=1)
    if value.lower() in _NOT_A_LABEL:
        hint = f"; if it means not labelled, add it to `missing` of task {task.name!r}"
    else:
        hint = f" (nearest: {close[0]})" if close else ""
    others = f"; {count:,} such rows" if count > 1 else ""
    return f"column {task.column!r} should hold one of [{listed}]; found {value[:80]!r}{hint}{others}"
