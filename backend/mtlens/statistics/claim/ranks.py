"""Spearman's rank correlation and the area under the ROC curve of weighted points, for many rows of weights at once."""

import numpy as np

from mtlens.statistics.claim.points import Floats


def midranks(values: Floats, weights: Floats) -> Floats:
    """Weighted ranks `[B, n]`: weight below a value, and half of that at it. With weights 1, the usual midrank less 1/2."""
    order = np.argsort(values, axis=1, kind="stable")
    ordered, weight = np.take_along_axis(values, order, 1), np.take_along_axis(weights, order, 1)
    total = np.cumsum(weight, axis=1)
    differs = ordered[:, 1:] != ordered[:, :-1]
    edge = np.ones((len(values), 1), dtype=bool)
    below = np.maximum.accumulate(np.where(np.hstack([edge, differs]), total - weight, 0), axis=1)
    until = np.where(np.hstack([differs, edge]), total, np.inf)
    at = np.minimum.accumulate(until[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty_like(ordered)
    np.put_along_axis(ranks, order, (below + at) / 2, axis=1)
    return ranks


def correlation(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weighted Pearson correlation `[B]` of values `[B, n]`; NaN where one of them does not vary."""
    total = weights.sum(axis=1, keepdims=True)
    total = np.where(total > 0, total, np.nan)
    share = weights / total
    x, y = x - (share * x).sum(axis=1, keepdims=True), y - (share * y).sum(axis=1, keepdims=True)
    spread = (share * x * x).sum(axis=1) * (share * y * y).sum(axis=1)
    return (share * x * y).sum(axis=1) / np.sqrt(np.where(spread > _tiny(x, y), spread, np.nan))


def spearman(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weighted rank correlation `[B]`; `scipy.stats.spearmanr` where all weights are 1."""
    return correlation(midranks(x, weights), midranks(y, weights), weights)


def roc_auc(values: Floats, kept: Floats, weights: Floats) -> Floats:
    """Weighted share `[B]` of (kept, lost) pairs in which the kept point has the larger value, ties half; NaN without both.

    values, weights `[B, n]`; kept `[n]`: 1, 0, or NaN for points that do not count.
    """
    positive, negative = weights * (kept == 1), weights * (kept == 0)
    below = midranks(values, negative)
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return (positive * below).sum(axis=1) / np.where(pairs > 0, pairs, np.nan)


def _tiny(x: Floats, y: Floats) -> Floats:
    """What rounding makes of a product of variances that is 0."""
    return 1e-24 * (x * x).max(axis=1, initial=0) * (y * y).max(axis=1, initial=0)
