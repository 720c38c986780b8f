"""What a metric is: a name, and a score of predictions. Registered metrics are in `mtlens.statistics.metrics`.

A `Metric` scores the probabilities of one model. A `ComparableMetric` is also a function of sums over examples, so that the
jackknife can score many models without each cluster at once; verdicts, the choice of epochs and grid points, and
groupings need such a metric. More is better.

Shapes: n examples, C classes, M models, K statistics, r resamples.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

_PERMUTATIONS = 200


class Metric(ABC):
    """One number about the predictions of one model."""

    name: ClassVar[str]
    """Key in the tables of results."""

    label: ClassVar[str]
    """Name in sentences and figures."""

    scale: ClassVar[float] = 100.0
    """Factor with which tables and figures show a score."""

    @abstractmethod
    def value(self, labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
        """Score of one model. labels `[n]` class index, probabilities `[n, C]`, n > 0."""


class ComparableMetric(Metric):
    """A score that is a function of sums over examples."""

    @abstractmethod
    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """Statistics of each example, a sparse array `[K, n]`. labels `[n]`, predicted `[M, n]`, class indices."""

    @abstractmethod
    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Scores `[r, M]` from weighted sums of the statistics over the examples, `[r, K]`; NaN where undefined."""

    def value(self, labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
        """Score of the classes with the highest probability."""
        return float(self.score(labels, probabilities.argmax(axis=1)[None], probabilities.shape[1])[0])

    def score(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> NDArray[np.float64]:
        """Score of each model on all examples, `[M]`. labels `[n]`, predicted `[M, n]`."""
        sums = np.asarray(self.statistics(labels, predicted, num_classes).sum(axis=1), dtype=np.float64)
        return self.scores(sums.reshape(1, -1), num_classes)[0]

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The stratum of each example `[n]`, and per stratum how far the score moves by one example `[K]`.

        Examples of a stratum weigh alike. Here: one stratum of n examples, as for a mean over examples.
        """
        return np.zeros(len(labels), dtype=np.int64), np.array([1.0 / len(labels)])

    def by_chance(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> tuple[float, float]:
        """Mean and standard deviation of the models' mean score over random orders of the labels."""
        generator = np.random.default_rng(0)
        orders = (generator.permutation(labels) for _ in range(_PERMUTATIONS))
        means = [float(self.score(order, predicted, num_classes).mean()) for order in orders]
        return float(np.mean(means)), float(np.std(means, ddof=1))
