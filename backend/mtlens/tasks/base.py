"""Interface of kinds of tasks. Registered kinds are in `mtlens.tasks`.

A kind defines how the cells of a task's column become labels, the outputs of the task's head, the loss of a batch, predictions,
and the columns of table `prediction` with labels and predictions for the metrics.

Shapes: n examples, b of them in a batch, C classes, K outputs of the head, V different labels. Nothing here imports torch
before it is used.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlens.config.task import Task
from mtlens.errors import ExperimentError
from mtlens.statistics.metrics.base import Reads
from mtlens.statistics.metrics.confusion import confusion, f1_per_class
from mtlens.tasks.labels import MISSING, Labels

if TYPE_CHECKING:
    from torch import Tensor


class FoundSpan(NamedTuple):
    """A part of a text that a model has found. end: the character after its last one."""

    type: str
    start: int
    end: int
    text: str
    probability: float


class TaskKind(ABC):
    """One way to learn a label column."""

    name: ClassVar[str]
    """The `kind:` of a task in an experiment file."""

    metric: ClassVar[str]
    """Name of the metric of tasks that name none."""

    reported: ClassVar[tuple[str, ...]] = ("macro_f1", "accuracy", "ece", "loss")
    """Names of the metrics that are computed for every run, besides that of the task."""

    loss_metric: ClassVar[str] = "loss"
    """Name of the metric that decides between epochs with equal scores."""

    columns: ClassVar[Mapping[Reads, tuple[str, str]]] = {
        "classes": ("label", "predicted"),
        "probabilities": ("label", "probabilities"),
        "numbers": ("label", "predicted"),
    }
    """`reads` of a metric -> columns of table `prediction` with the labels and the predictions. Other metrics do not apply."""

    has_label_sets: ClassVar[bool] = False
    """Whether the label of an example is a set of classes, which fewer metrics can score."""

    balanced_by_default: ClassVar[bool] = False
    """Whether its classes count alike in the loss where they do so in the metric, unless the experiment says otherwise."""

    groups: ClassVar[str] = "classes"
    """Word for the groups by which the examples of each split are counted."""

    in_code: ClassVar[tuple[str, ...]] = ()
    """Lines of Python for model cards, with torch alone: they make of `outputs` `[b, K]`, of the family's `config` and of the
    task's `name` what `calibrated` gives. Without any, cards show the outputs.
    """

    fewest_groups: ClassVar[int] = 2
    """Least number of these groups in each split."""

    reads_tokens: ClassVar[bool] = False
    """Whether the head reads the state of each token, and not the text's pooled one.

    Outputs are then `[b, L, K]` for L tokens, and the prediction for a text is `[W, D]` for W words.
    """

    def check(self, task: Task) -> None:
        """ExperimentError for settings that do not fit. Here: a task has two classes or more, in one column."""
        if (task.columns or task.separator) and not self.has_label_sets:
            raise ExperimentError(f"`columns` and `separator` should be of a task of kind multilabel; found {self.name}")
        if "scheme" in task.model_fields_set:
            raise ExperimentError(f"`scheme` should be of a task of kind tags; found {self.name}")
        if len(task.classes) < 2:
            raise ExperimentError(f"classes of task {task.name!r} should be two or more; found {len(task.classes)}")

    @abstractmethod
    def read(self, task: Task, values: Sequence[str | None], where: Callable[[int], str]) -> Labels:
        """Label of each of n cells. `where` names a cell's place. Raises DataError at the first cell that is not a label."""

    def read_columns(self, task: Task, cells: Mapping[str, Sequence[str | None]], where: Callable[[int], str]) -> Labels:
        """As `read`, from the cells of all of the task's columns, by name."""
        return self.read(task, cells[task.column], where)

    def read_with_texts(
        self, task: Task, cells: Mapping[str, Sequence[str | None]], texts: Sequence[str], where: Callable[[int], str]
    ) -> Labels:
        """As `read_columns`, for kinds whose labels are parts of the texts. Here: the texts are not used."""
        return self.read_columns(task, cells, where)

    def remarks(self, task: Task, labels: Labels, texts: Sequence[str]) -> list[str]:
        """Lines for the user about how the labels were read. Here: none."""
        return []

    def members(self, task: Task, labels: Labels) -> dict[str, NDArray[np.bool_]]:
        """Groups of examples by name, as masks `[n]`, that are counted and spread over splits. Here: one per class."""
        return {name: labels.codes == index for index, name in enumerate(task.classes)}

    @abstractmethod
    def outputs(self, task: Task) -> int:
        """K, number of outputs of the task's linear head."""

    def label_table(self, task: Task, labels: Labels, balanced: bool) -> NDArray[np.float32]:
        """What the loss needs for each label, from the labels of the training examples: a row per code `[V, ...]`.

        Here: the weight of each class, n / (C n_c) for each class c with n_c of n examples where they are balanced.
        """
        weights = np.ones(len(task.classes), dtype=np.float32)
        if balanced:
            counts = np.bincount(labels.codes[labels.known], minlength=len(weights))
            weights[counts > 0] = counts.sum() / (len(weights) * counts[counts > 0])
        return weights

    def example_weights(self, table: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Weight of each labelled example in the loss, `[m]`. Here: that of its class."""
        return table[codes]

    @abstractmethod
    def loss(
        self, task: Task, logits: "Tensor", labels: "Tensor", table: "Tensor", reduction: Literal["sum", "mean"]
    ) -> "Tensor":
        """Loss of the labelled examples: the weighted sum, or the weighted sum over the sum of weights.

        logits `[b, K]`, labels `[b]` codes, table: the label table; differentiable, 0 or NaN without a labelled example.
        """

    def margin(self, task: Task, logits: "Tensor", label: int, table: "Tensor") -> "Tensor":
        """log(p / (1 - p)) of the label for one example, a scalar. logits `[1, K]`. Here: p is the class's probability."""
        return self.probabilities(task, logits)[0, label].logit()

    def scale(self, labels: Labels) -> tuple[float, ...]:
        """Values of the training labels that predictions need. Here: none."""
        return ()

    def predict(self, task: Task, logits: "Tensor", scale: tuple[float, ...]) -> "Tensor":
        """Prediction for each example, `[b, D]`, from the outputs `[b, K]`. Here: the probability of each class."""
        return self.probabilities(task, logits)

    def calibrated(self, task: Task, logits: "Tensor", scale: tuple[float, ...], temperature: float) -> "Tensor":
        """As `predict`, with probabilities at another temperature: p^(1 / T), normalised."""
        said = self.predict(task, logits, scale)
        if temperature == 1.0:
            return said
        powers = said.clamp_min(1e-12) ** (1 / temperature)
        return powers / powers.sum(dim=1, keepdim=True)

    def width(self, task: Task) -> int:
        """D, numbers in the prediction for one example. Here: a probability of each class."""
        return len(task.classes)

    def probabilities(self, task: Task, logits: "Tensor") -> "Tensor":
        """Probability of each class, `[b, C]`, from the outputs `[b, K]`. The predicted class is the most probable one."""
        raise NotImplementedError

    def tune(self, task: Task, labels: Labels, said: NDArray[np.float32]) -> tuple[float, ...]:
        """Settings that are chosen on validation examples, by the predictions for them `[n, D]`. Here: none."""
        return ()

    def stored(
        self, task: Task, labels: Labels, said: NDArray[np.float32], tuned: tuple[float, ...] = ()
    ) -> dict[str, NDArray[Any]]:
        """Columns of table `prediction` for n labelled examples, from the predictions for them `[n, D]`.

        tuned: what was chosen on validation.
        """
        return {
            "label": labels.codes.astype(np.int16),
            "predicted": said.argmax(axis=1).astype(np.int16),
            "probabilities": said,
        }

    def by_class(self, task: Task, columns: Mapping[str, NDArray[Any]]) -> list[tuple[str, str, float]]:
        """Name of a metric, class and score of every class, from columns of table `prediction`. Here: F1 of single classes."""
        if "label" not in columns:
            return []
        f1 = f1_per_class(confusion(columns["label"], columns["predicted"], len(task.classes)))
        return [("f1", name, float(value)) for name, value in zip(task.classes, f1, strict=True)]

    def mean_loss(self, task: Task, labels: Labels, said: NDArray[np.float32]) -> float | None:
        """Loss that decides between epochs with equal scores; None where this is the metric `loss_metric`."""
        return None

    def spans(self, task: Task, text: str, said: NDArray[np.float32]) -> tuple[FoundSpan, ...] | None:
        """The parts of one text that a model has found, from its prediction for the text; None for kinds without spans."""
        return None

    def in_words(self, task: Task, said: NDArray[np.float32], tuned: tuple[float, ...] = ()) -> str:
        """The prediction for one text, as it is printed, from its numbers `[D]`. Here: the likeliest class."""
        return task.classes[int(said.argmax())]

    def confidence(self, said: NDArray[np.float32]) -> float | None:
        """Probability of the prediction for one text; None where the kind has none."""
        return float(said.max())

    def agreement(self, task: Task, said: NDArray[np.float32], parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far the prediction for each of P parts of a text `[P, D]` agrees with that for the whole text `[D]`, `[P]`.

        Here: the probability of the text's class.
        """
        return parts[:, int(said.argmax())]


__all__ = ["MISSING", "FoundSpan", "Labels", "TaskKind"]
