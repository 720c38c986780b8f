"""Matthews correlation: the correlation of labels and predictions, of two classes or more."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import Metric, strata_of_classes


class Matthews(Metric):
    """R_K of Gorodkin 2004 ("Comparing two K-category assignments by a K-category correlation coefficient"), in [-1, 1].

    (c n - sum_k t_k p_k) / sqrt((n² - sum_k p_k²) (n² - sum_k t_k²)) with c hits, t_k labels and p_k predictions of class k; 0
    where all labels, or all predictions, are of one class. scikit-learn's `matthews_corrcoef`.
    """

    name = "matthews"
    label = "Matthews correlation"
    counts_classes_alike = True

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """Per class the labels, then the predictions of each model; last the hits of each model, `[(1 + M) C + M, n]`."""
        n, num_models = len(labels), len(predicted)
        model, example = np.nonzero(predicted == labels)
        cells = predicted.astype(np.int64) + num_classes * np.arange(1, 1 + num_models)[:, None]
        rows = np.concatenate([labels, cells.ravel(), num_classes * (1 + num_models) + model])
        columns = np.concatenate([np.tile(np.arange(n), 1 + num_models), example])
        return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=((1 + num_models) * num_classes + num_models, n))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """Correlation, `[r, M]`; NaN without an example."""
        num_models = (sums.shape[1] - num_classes) // (num_classes + 1)
        counts = sums[:, : (1 + num_models) * num_classes].reshape(len(sums), -1, num_classes)
        hits, labels, predicted = sums[:, -num_models:], counts[:, :1], counts[:, 1:]
        total = labels.sum(axis=2)
        spread = (total**2 - (predicted**2).sum(axis=2)) * (total**2 - (labels**2).sum(axis=2))
        covariance = hits * total - (labels * predicted).sum(axis=2)
        known = np.where(total > 0, 0.0, np.nan) * np.ones_like(spread)
        return np.divide(covariance, np.sqrt(np.maximum(spread, 0.0)), out=known, where=spread > 1e-9)

    def strata(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Each class is a stratum."""
        return strata_of_classes(labels)
