"""Classification metrics on confusion matrices, Holm's correction, and the size of test that a margin asks for.

A metric takes one confusion matrix or a whole stack of them, so many models, seeds or resamples are scored in one call.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def confusion(labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> NDArray[np.int64]:
    """Confusion matrix `[C, C]`: entry (i, j) counts the examples of class i that were predicted as j."""
    cells = labels.astype(np.int64) * num_classes + predicted
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def f1_per_class(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """F1 of each class, `[..., C, C]` -> `[..., C]` in [0, 1]; NaN where a class has neither support nor predictions.

    Rows are labels, columns predictions.
    """
    return f1_from_counts(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2))


def macro_f1(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Mean F1 over the classes that occur among labels or predictions, `[..., C, C]` -> `[...]` in [0, 1].

    Equals scikit-learn's `f1_score(average="macro")`; NaN for an empty confusion matrix.
    """
    return mean_of_defined(f1_per_class(confusion))


def permuted_macro_f1(labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> tuple[float, float]:
    """Mean and standard deviation, over all orders of the labels, of the mean macro-F1 of S models: what chance would score.

    labels `[n]`, predicted `[S, n]`, n > 0. Exact: the counts of labels and predictions stay, so that macro-F1 is a sum over
    examples, each adding 2 / (support + predicted) / C where it is a hit. Hoeffding 1951, "A combinatorial central limit
    theorem", has the moments of such a sum.
    """
    support = np.bincount(labels, minlength=num_classes)
    hits = predicted[:, None, :] == np.arange(num_classes)[:, None]  # [S, C, n]
    counts = support + hits.sum(axis=2)
    weights = np.where(counts > 0, 2 / np.maximum(counts, 1), 0.0) / (counts > 0).sum(axis=1, keepdims=True)
    adds = (weights[:, :, None] * hits).mean(axis=0)  # [C, n], a label of class c at the place of an example
    n, of_class, of_place = len(labels), adds.mean(axis=1), support @ adds / len(labels)
    centred = adds - of_class[:, None] - of_place + of_place.mean()
    return float(support @ of_class), math.sqrt(float((support @ centred**2).sum()) / max(n - 1, 1))


def accuracy(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Share of right predictions, `[..., C, C]` -> `[...]` in [0, 1]; NaN for an empty confusion matrix."""
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def expected_calibration_error(labels: NDArray[Any], probabilities: NDArray[Any], num_bins: int = 15) -> float:
    """How far confidence is from accuracy, in [0, 1]: ECE = sum_b |B_b|/n |accuracy(B_b) - confidence(B_b)|.

    labels `[n]`, probabilities `[n, C]`, n > 0. The confidence of an example is its largest probability; B_b holds the
    examples with confidence in ((b-1)/M, b/M]. Guo et al. 2017, "On Calibration of Modern Neural Networks", eq. 3.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    surplus = confidence - (probabilities.argmax(axis=1) == labels)
    bins = np.clip(np.ceil(confidence * num_bins).astype(np.int64) - 1, 0, num_bins - 1)
    return float(np.abs(np.bincount(bins, weights=surplus)).sum() / len(labels))


def f1_from_counts(hits: NDArray[Any], support: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """F1 = 2 hits / (support + predicted), elementwise: the harmonic mean of precision and recall; NaN for 0/0."""
    return _ratio(2 * hits, support + predicted)


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of what is not NaN; NaN where all is."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p values `[T]`: rejecting those below alpha keeps the chance of any false rejection below alpha.

    The k-th smallest of T is multiplied by T - k + 1, then made no smaller than its predecessors. Holm 1979.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return tuple(adjusted.tolist())


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """Quotient that is NaN, without a warning, where the denominator is 0."""
    undefined = np.full(np.broadcast_shapes(np.shape(numerator), np.shape(denominator)), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=np.asarray(denominator) > 0)
