"""Quadratic kappa: the agreement on ordered classes beyond chance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric, strata_of_classes
from mtlens.statistics.metrics.ratios import ratio


class QuadraticKappa(Metric):
    """Cohen's kappa with weights (i - j)² of classes i and j, at most 1.

    scikit-learn's `cohen_kappa_score(weights="quadratic")`:
    1 - sum (t - p)² / (sum t² + sum p² - 2 (sum t) (sum p) / n) over the indices t of labels and p of predictions.
    """

    name = "quadratic_kappa"
    label = "quadratic kappa"
    counts_classes_alike = True

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """1, t and t², then p, p² and (t - p)² of each model, `[3 + 3 M, n]`."""
        t, p = labels.astype(np.float64), predicted.astype(np.float64)
        return sparse.csr_array(np.concatenate([np.stack([np.ones(len(t)), t, t**2]), p, p**2, (t - p) ** 2]))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Kappa, `[r, M]`; NaN where labels and predictions are all of one and the same class."""
        count, t, squares = sums[:, :1], sums[:, 1:2], sums[:, 2:3]
        p, own_squares, distances = np.split(sums[:, 3:], 3, axis=1)
        return 1 - ratio(distances, squares + own_squares - 2 * ratio(t * p, count))

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Each class is a stratum."""
        return strata_of_classes(labels)
