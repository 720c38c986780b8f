"""Balanced accuracy: the mean recall of the classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric, strata_of_classes
from mtlens.statistics.metrics.ratios import mean_of_defined, ratio


class BalancedAccuracy(Metric):
    """Mean recall of the classes that have labels, in [0, 1]; scikit-learn's `balanced_accuracy_score`."""

    name = "balanced_accuracy"
    label = "balanced accuracy"
    counts_classes_alike = True

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """Per class the labels, then the hits of each model, `[(1 + M) C, n]`."""
        n, num_models = len(labels), len(predicted)
        model, example = np.nonzero(predicted == labels)
        rows = np.concatenate([labels, labels[example] + num_classes * (1 + model)])
        columns = np.concatenate([np.arange(n), example])
        return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=((1 + num_models) * num_classes, n))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Mean over classes of hits over labels, `[r, M]`."""
        counts = sums.reshape(len(sums), -1, num_classes)
        return mean_of_defined(ratio(counts[:, 1:], counts[:, :1]))

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Each class is a stratum."""
        return strata_of_classes(labels)
