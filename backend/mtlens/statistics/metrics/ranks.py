"""Metrics that depend on ranks, as sums over examples: a score is the mean of its pseudo-values.

The score θ is a function of the weights of the examples, of degree 0: only their ratios count. Its derivatives by the weights
therefore add to 0, weighted, and the mean over n examples of

    ψ_i = θ + n dθ/dw_i

is θ. Without a cluster of examples, the mean of the others' pseudo-values is the score to first order: the infinitesimal
jackknife (Jaeckel 1972, "The infinitesimal jackknife"). So the sums of 1 and ψ serve the jackknife like those of any metric.
Predictions of several folds, each by models of its own, are not ranked together: the mean of ψ is then the mean of their
scores, weighted by their examples.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric, indicators
from mtlens.statistics.metrics.ratios import ratio

Floats = NDArray[np.float64]


class RankMetric(Metric):
    """A score with its derivatives."""

    @abstractmethod
    def derive(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: Floats) -> tuple[float, Floats]:
        """Score of one model, NaN where it is undefined, and its derivatives by the weights, `[n]`."""

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """1 and the pseudo-value of each example, by model, `[2 M, n]`; 0 and 0 for a model without a score."""
        n = len(labels)
        derived = [self.derive(labels, of_model, num_classes, np.ones(n)) for of_model in predicted]
        defined = np.array([np.isfinite(score) for score, _ in derived])[:, None] * np.ones((1, n))
        values = np.stack([score + n * slopes for score, slopes in derived])
        return sparse.csr_array(np.concatenate([defined, np.where(defined > 0, values, 0.0)]))

    def scores(self, sums: Floats, num_classes: int) -> Floats:
        """Means of the pseudo-values, `[r, M]`."""
        counts, values = np.split(sums, 2, axis=1)
        return ratio(values, counts)

    def score(
        self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: NDArray[Any] | None = None
    ) -> Floats:
        """Score of each model on all examples, `[M]`; exact for any weights."""
        of_examples = np.ones(len(labels)) if weights is None else weights.astype(np.float64)
        return np.array([self.derive(labels, of_model, num_classes, of_examples)[0] for of_model in predicted])


def weight_below(values: NDArray[Any], others: NDArray[Any], weights: Floats) -> Floats:
    """Total weight of `others` below each value, `[len(values)]`; equal values count half."""
    return (_cumulative(values, others, weights, "left") + _cumulative(values, others, weights, "right")) / 2


def weight_up_to(values: NDArray[Any], others: NDArray[Any], weights: Floats) -> Floats:
    """Total weight of `others` that are at most each value, `[len(values)]`."""
    return _cumulative(values, others, weights, "right")


def _cumulative(values: NDArray[Any], others: NDArray[Any], weights: Floats, side: Any) -> Floats:
    order = np.argsort(others, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weights[order])])
    return sums[np.searchsorted(others[order], values, side=side)]


def of_classes(
    classes: list[int], labels: NDArray[Any], predicted: NDArray[Any], weights: Floats, derive: Any
) -> tuple[float, Floats]:
    """Mean over the classes of a score of a class against the others, and of its derivatives.

    derive(truth [n], probability [n], weights [n]) gives both for one class.
    """
    of_each = [derive(indicators(labels, index), predicted[:, index].astype(np.float64), weights) for index in classes]
    return float(np.mean([score for score, _ in of_each])), np.mean([slopes for _, slopes in of_each], axis=0)
