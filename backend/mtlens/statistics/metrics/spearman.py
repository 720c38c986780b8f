"""Spearman correlation: the Pearson correlation of the ranks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.metrics.ranks import Floats, RankMetric, weight_below


class Spearman(RankMetric):
    """Correlation of the ranks of labels and predictions, in [-1, 1]; scipy's `spearmanr`. Equal values share their mean rank.

    0 where a model predicts one number only.
    """

    name = "spearman"
    label = "Spearman correlation"
    reads = "numbers"

    def derive(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int, weights: Floats) -> tuple[float, Floats]:
        """Correlation and its derivatives by the weights; NaN where all labels are equal."""
        first, second = (_Ranks(values, weights) for values in (labels, predicted))
        if not first.variance > 0:
            return float("nan"), np.zeros(len(labels))
        if not second.variance > 0:
            return 0.0, np.zeros(len(labels))
        scale = np.sqrt(first.variance * second.variance)
        score = float(weights @ (first.ranks * second.ranks)) / scale
        slopes = first.ranks * second.ranks + first.moved(second.ranks) + second.moved(first.ranks)
        spreads = sum((side.ranks**2 + 2 * side.moved(side.ranks)) / side.variance for side in (first, second))
        return score, slopes / scale - score / 2 * spreads


class _Ranks:
    """Centred ranks of some values, [n], and their sum of squares."""

    def __init__(self, values: NDArray[Any], weights: Floats):
        self._values, self._weights = values, weights
        ranks = weight_below(values, values, weights)
        self.ranks = ranks - float(weights @ ranks) / float(weights.sum()) if len(values) else ranks
        self.variance = float(weights @ self.ranks**2)

    def moved(self, factors: Floats) -> Floats:
        """Derivative of the sum of rank x factor by the weight of each example, through the ranks of the examples above it."""
        return weight_below(-self._values, -self._values, self._weights * factors)
