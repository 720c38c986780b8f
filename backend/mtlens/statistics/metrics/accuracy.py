"""Accuracy: the share of right predictions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.metrics.ratios import ratio


class Accuracy(Metric):
    """Share of examples whose class, or whole label set, is predicted, in [0, 1]. Statistics: 1 and each model's hit."""

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

    def adds(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> NDArray[np.float64] | None:
        """A hit adds 1 / n; None for label sets."""
        if labels.ndim > 1:
            return None
        hits = predicted[:, None, :] == np.arange(num_classes)[:, None]  # [M, C, n]
        return hits.mean(axis=0) / len(labels)
