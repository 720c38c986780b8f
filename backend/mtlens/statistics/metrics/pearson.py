"""Pearson correlation of numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric
from mtlens.statistics.metrics.ratios import ratio

_ROUNDING = 1e-12  # of a variance, relative to the mean square


class Pearson(Metric):
    """Linear correlation of labels and predictions, in [-1, 1]; scipy's `pearsonr`.

    0 where a model predicts one number only.
    """

    name = "pearson"
    label = "Pearson correlation"
    reads = "numbers"

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """1, t and t², then p, p² and t p of each model, `[3 + 3 M, n]`."""
        t, p = labels.astype(np.float64), predicted.astype(np.float64)
        return sparse.csr_array(np.concatenate([np.stack([np.ones(len(t)), t, t**2]), p, p**2, t * p]))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Correlation, `[r, M]`; NaN where all labels are equal."""
        count, t, squares = sums[:, :1], sums[:, 1:2], sums[:, 2:3]
        p, own_squares, products = np.split(sums[:, 3:], 3, axis=1)
        variance, own = squares - ratio(t**2, count), own_squares - ratio(p**2, count)
        spread = np.where(own > _ROUNDING * own_squares, own, np.inf) * np.where(
            variance > _ROUNDING * squares, variance, np.nan
        )
        return (products - ratio(t * p, count)) / np.sqrt(spread)
