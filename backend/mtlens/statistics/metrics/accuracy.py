"""Accuracy: the share of right predictions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.metrics.orders import moments_over_orders
from mtlens.statistics.metrics.ratios import ratio


class Accuracy(Metric):
    """Share of examples whose class is predicted, or whose whole label set, in [0, 1]. Statistics: 1 and each model's hit."""

    name = "accuracy"
    label = "accuracy"
    scores_label_sets = True

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """A row of ones, then the hits of each model, `[1 + M, n]`."""
        hits = predicted == labels
        return sparse.csr_array(np.concatenate([np.ones((1, len(labels))), hits if hits.ndim == 2 else hits.all(axis=2)]))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Hits over examples, `[r, M]`."""
        return ratio(sums[:, 1:], sums[:, :1])

    def by_chance(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> tuple[float, float]:
        """Mean and standard deviation of the models' mean accuracy over all orders of the labels; exact for single classes."""
        if labels.ndim > 1:
            return super().by_chance(labels, predicted, num_classes)
        hits = predicted[:, None, :] == np.arange(num_classes)[:, None]  # [M, C, n]
        return moments_over_orders(labels, hits.mean(axis=0) / len(labels))
