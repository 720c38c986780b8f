"""What a metric is: a name, and a score of predictions that is a function of sums over examples.

Thanks to the sums, one jackknife scores many models at once with each cluster left out, for any metric. Verdicts, the choice of
epochs and grid points, and groupings use the metric of each task. Registered metrics are in `mtlens.statistics.metrics`.

Shapes: n examples, C classes, M models, K statistics, r resamples. What a model predicts for an example depends on what the
metric reads:

    classes         labels [n], predicted [M, n]: class indices; or label sets, 0 or 1 for each class, [n, C] and [M, n, C]
    probabilities   labels as for classes, predicted [M, n, C]
    numbers         labels [n], predicted [M, n]: real numbers, or the indices of ordered classes
    spans           labels [n, 3 S], predicted [M, n, 3 S']: begin, end and type of each span (`mtlens.statistics.spans`)
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.metrics.orders import moments_over_orders

Reads = Literal["classes", "probabilities", "numbers", "spans"]

_PERMUTATIONS = 200


class Metric(ABC):
    """A score that is a function of sums over examples. It is a number in the unit of the metric, such as a share in [0, 1]."""

    name: ClassVar[str]
    """Key in experiment files and in the tables of results."""

    label: ClassVar[str]
    """Name in sentences and figures."""

    reads: ClassVar[Reads] = "classes"
    """Which predictions it scores."""

    scores_label_sets: ClassVar[bool] = False
    """Whether it scores label sets too, and not single classes alone."""

    lower_is_better: ClassVar[bool] = False
    """Whether it is an error or a loss, so that less is better."""

    counts_classes_alike: ClassVar[bool] = False
    """Whether a model that predicts the most frequent class only scores as badly as chance, however frequent that class is."""

    scale: ClassVar[float] = 100.0
    """Factor with which tables and figures show a score."""

    @property
    def sign(self) -> float:
        """1 where more is better, else -1: sign times the score is larger for the better model."""
        return -1.0 if self.lower_is_better else 1.0

    @abstractmethod
    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """Statistics of each example, a sparse array `[K, n]`."""

    @abstractmethod
    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Scores `[r, M]` from weighted sums of the statistics over the examples, `[r, K]`; NaN where undefined."""

    def score(
        self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: NDArray[Any] | None = None
    ) -> NDArray[np.float64]:
        """Score of each model on all examples, `[M]`. weights: of the examples `[n]`, all 1 by default."""
        statistics = self.statistics(labels, predicted, num_classes)
        sums = np.asarray(statistics.sum(axis=1) if weights is None else statistics @ weights, dtype=np.float64)
        return self.scores(sums.reshape(1, -1), num_classes)[0]

    def value(
        self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: NDArray[Any] | None = None
    ) -> float:
        """Score of one model, whose predictions have no axis of models; n > 0."""
        return float(self.score(labels, predicted[None], num_classes, weights)[0])

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The stratum of each example `[n]`, and per stratum how far one example moves the score `[K]`.

        Examples of a stratum weigh alike. Here: one stratum of n examples, as for a mean over examples.
        """
        return np.zeros(len(labels), dtype=np.int64), np.array([1.0 / len(labels)])

    def adds(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> NDArray[np.float64] | None:
        """What each example adds to the models' mean score if its label is class c, `[C, n]`, for any order of the labels.

        None where the score is not such a sum.
        """
        del labels, predicted, num_classes
        return None

    def by_chance(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> tuple[float, float]:
        """Mean and standard deviation of the models' mean score over all orders of the labels; over some if it is no sum."""
        if (adds := self.adds(labels, predicted, num_classes)) is not None:
            return moments_over_orders(labels, adds)
        generator = np.random.default_rng(0)
        orders = (generator.permutation(labels) for _ in range(_PERMUTATIONS))
        means = [float(self.score(order, predicted, num_classes).mean()) for order in orders]
        return float(np.mean(means)), float(np.std(means, ddof=1))


class MetricOfClass(Metric):
    """A metric that may name one class, written `name(class)`. If it names none, a task of two classes uses the second."""

    needs_class: ClassVar[bool] = False
    """Whether more than two classes need one to be named; else the metric is the mean over classes."""

    def __init__(self, positive: int | None = None):
        """positive: index of the class."""
        self.positive = positive

    def judged(self, labels: NDArray[Any], num_classes: int) -> list[int]:
        """The classes over which the metric is a mean: the named one, the second of two, or all."""
        if self.positive is not None:
            return [self.positive]
        is_binary = num_classes == 2 and labels.ndim == 1
        return [1] if is_binary or self.needs_class else list(range(num_classes))


def strata_of_classes(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Each class is a stratum: one of n_c examples of class c moves a mean over C classes by about 1 / (C n_c)."""
    _, stratum, count = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
    return stratum, 1.0 / (len(count) * count)


def indicators(labels: NDArray[Any], index: int) -> NDArray[np.bool_]:
    """Which examples are of a class, `[..., n]`, from class indices or, where they have an axis of classes, label sets."""
    return labels == index if labels.ndim == 1 else labels[..., index] > 0
