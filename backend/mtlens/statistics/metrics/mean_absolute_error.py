"""Mean absolute error of numbers, or of the indices of ordered classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.metrics.ratios import ratio


class MeanAbsoluteError(Metric):
    """Mean of |label - prediction|, in the unit of the labels; less is better. scikit-learn's `mean_absolute_error`."""

    name = "mean_absolute_error"
    label = "mean absolute error"
    reads = "numbers"
    lower_is_better = True
    scale = 1.0

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """1 and the absolute error of each model, `[1 + M, n]`."""
        errors = np.abs(predicted.astype(np.float64) - labels)
        return sparse.csr_array(np.concatenate([np.ones((1, len(labels))), errors]))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Mean error, `[r, M]`."""
        return ratio(sums[:, 1:], sums[:, :1])

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """One stratum: an example moves the error by about a standard deviation of the labels over n."""
        return np.zeros(len(labels), dtype=np.int64), np.array([float(np.std(labels)) / len(labels)])
