"""Confusion matrices, and F1 from the counts in them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.metrics.ratios import ratio


def confusion(labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> NDArray[np.int64]:
    """Confusion matrix `[C, C]`: entry (i, j) counts the examples of class i that were predicted as j."""
    cells = labels.astype(np.int64) * num_classes + predicted
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def f1_from_counts(hits: NDArray[Any], support: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """F1 = 2 hits / (support + predicted), elementwise: the harmonic mean of precision and recall; NaN for 0/0."""
    return ratio(2 * hits, support + predicted)


def f1_per_class(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """F1 of each class, `[..., C, C]` -> `[..., C]` in [0, 1]; NaN where a class has neither support nor predictions.

    Rows are labels, columns predictions.
    """
    return f1_from_counts(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2))
