"""What a kind of task is. Registered kinds are in `mtlens.tasks`.

A kind says how the cells of a task's column become labels, what the task's head gives, what the loss of a batch is, and how
outputs become probabilities. A label is an index into the task's classes, or MISSING.

Shapes: n examples, b of them in a batch, C classes, K outputs of the head. Nothing here imports torch before it is used.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import Task
from mtlens.statistics.metrics.base import Reads

if TYPE_CHECKING:
    from torch import Tensor

MISSING = -1
"""Label of an example that a task has no label for."""


class TaskKind(ABC):
    """One way to learn a label column."""

    name: ClassVar[str]
    """The `kind:` of a task in an experiment file."""

    metric: ClassVar[str]
    """Name of the metric of tasks that name none."""

    reported: ClassVar[tuple[str, ...]] = ("macro_f1", "accuracy", "ece", "loss")
    """Names of the metrics that are computed for every run, beside that of the task."""

    loss_metric: ClassVar[str] = "loss"
    """Name of the metric that decides between epochs with equal scores."""

    columns: ClassVar[Mapping[Reads, tuple[str, str]]] = {
        "classes": ("label", "predicted"),
        "probabilities": ("label", "probabilities"),
        "numbers": ("label", "predicted"),
    }
    """By what a metric reads: columns of table `prediction` with the labels and the predictions. Other metrics cannot judge."""

    @abstractmethod
    def read(self, task: Task, values: Sequence[str | None], where: Callable[[int], str]) -> NDArray[np.int16]:
        """Label of each cell, `[n]`, MISSING where it has none. `where` names a cell's place.

        Raises DataError at the first cell that is no label.
        """

    @abstractmethod
    def outputs(self, task: Task) -> int:
        """K, outputs of the task's linear head."""

    @abstractmethod
    def loss(
        self, task: Task, logits: "Tensor", labels: "Tensor", weights: "Tensor", reduction: Literal["sum", "mean"]
    ) -> "Tensor":
        """Loss of the labelled examples: their sum, weighted by the weight of each class, or that over the sum of weights.

        logits `[b, K]`, labels `[b]`, weights `[C]`; differentiable, 0 or NaN without a labelled example.
        """

    def margin(self, task: Task, logits: "Tensor", label: int) -> "Tensor":
        """log(p / (1 - p)) of the class `label` for one example, a scalar. logits `[1, K]`."""
        return self.probabilities(task, logits)[0, label].logit()

    @abstractmethod
    def probabilities(self, task: Task, logits: "Tensor") -> "Tensor":
        """Probability of each class, `[b, C]`, from the outputs `[b, K]`. The predicted class is the most probable one."""
