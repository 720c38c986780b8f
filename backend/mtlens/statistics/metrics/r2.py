"""R²: the share of the labels' variance that predictions explain."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.metrics.ratios import ratio


class R2(Metric):
    """1 - sum (t - p)² / sum (t - mean t)², at most 1; scikit-learn's `r2_score`."""

    name = "r2"
    label = "R²"
    reads = "numbers"

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """1, t and t², then (t - p)² of each model, `[3 + M, n]`."""
        t = labels.astype(np.float64)
        errors = (predicted.astype(np.float64) - labels) ** 2
        return sparse.csr_array(np.concatenate([np.stack([np.ones(len(t)), t, t**2]), errors]))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """R², `[r, M]`; NaN where all labels are equal."""
        count, t, squares = sums[:, :1], sums[:, 1:2], sums[:, 2:3]
        return 1 - ratio(sums[:, 3:], squares - ratio(t**2, count))
