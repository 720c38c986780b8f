"""Accuracy: the share of right predictions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import ComparableMetric
from mtlens.statistics.metrics.orders import moments_over_orders
from mtlens.statistics.metrics.ratios import ratio


class Accuracy(ComparableMetric):
    """Share of examples whose class is predicted, in [0, 1]. Its statistics are 1 and each model's hit."""

    name = "accuracy"
    label = "accuracy"

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """A row of ones, then the hits of each model, `[1 + M, n]`."""
        return sparse.csr_array(np.concatenate([np.ones((1, len(labels))), predicted == labels]))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Hits over examples, `[r, M]`."""
        return ratio(sums[:, 1:], sums[:, :1])

    def by_chance(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> tuple[float, float]:
        """Mean and standard deviation of the models' mean accuracy over all orders of the labels; exact."""
        hits = predicted[:, None, :] == np.arange(num_classes)[:, None]  # [M, C, n]
        return moments_over_orders(labels, hits.mean(axis=0) / len(labels))
