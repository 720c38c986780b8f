"""Micro-F1: F1 of all decisions together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.metrics.confusion import f1_from_counts


class MicroF1(Metric):
    """F1 of the hits of all classes together, in [0, 1]; scikit-learn's `f1_score(average="micro")`.

    For one class per example it is the accuracy, for label sets it is not.
    """

    name = "micro_f1"
    label = "micro-F1"
    scores_label_sets = True

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """Labels of each example, then hits and predictions of each model, `[1 + 2 M, n]`."""
        if labels.ndim == 1:
            ones = np.ones((1, len(labels)))
            return sparse.csr_array(np.concatenate([ones, predicted == labels, np.repeat(ones, len(predicted), axis=0)]))
        counts = [part.sum(axis=-1) for part in (labels[None] > 0, (predicted > 0) & (labels > 0), predicted > 0)]
        return sparse.csr_array(np.concatenate(counts).astype(np.float64))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """2 hits / (labels + predictions), `[r, M]`."""
        hits, predicted = np.split(sums[:, 1:], 2, axis=1)
        return f1_from_counts(hits, sums[:, :1], predicted)
