"""How much the noise of seeds and test examples lowers a correlation, and a slope corrected for noise.

Reliability is the share of the variance of measured values that is not noise: 1 - mean squared standard error / variance.
With r = 2 sin(pi s / 6) between the rank correlation s and the correlation r of a bivariate normal distribution (Pearson 1907),
Spearman's correction for attenuation (1904) is r / sqrt(reliability of x times that of y).
"""

import math

import numpy as np

from mtlens.statistics.claim.points import Floats

LEAST_RELIABILITY = 0.1
"""Below this reliability, a correction would multiply chance correlations by more than three."""


def reliability(values: Floats, errors: Floats, weights: Floats, lost: int) -> Floats:
    """Share of the variance that is not noise `[B]`, at least 0; NaN where no error is known.

    values, weights `[B, n]`, errors `[n]`. lost: degrees of freedom used by estimated means, one per mean.
    """
    variance, noise = moments(values, errors, weights, lost)
    return np.clip(1 - noise / np.where(variance > 0, variance, np.nan), 0, 1)


def moments(values: Floats, errors: Floats, weights: Floats, lost: int) -> tuple[Floats, Floats]:
    """Variance of the measured values around their mean `[B]`, and variance of their noise `[B]`."""
    known = np.isfinite(errors)
    total = weights.sum(axis=1)
    share = weights / np.where(total > 0, total, np.nan)[:, None]
    mean = (share * values).sum(axis=1, keepdims=True)
    points = values.shape[1]
    variance = (share * (values - mean) ** 2).sum(axis=1) * points / max(points - lost, 1)
    of_known = weights[:, known].sum(axis=1)
    noise = (weights[:, known] * errors[known] ** 2).sum(axis=1) / np.where(of_known > 0, of_known, np.nan)
    return variance, noise


def slope(x: Floats, y: Floats, errors: Floats, weights: Floats, lost: int) -> Floats:
    """Slope of y on x without the noise in x `[B]`: S_xy / (S_xx - mean squared error) (Fuller 1987, section 1.2).

    NaN where the reliability of x is below `LEAST_RELIABILITY`. Noise in y does not bias the slope.
    """
    variance, noise = moments(x, errors, weights, lost)
    total = weights.sum(axis=1, keepdims=True)
    share = weights / np.where(total > 0, total, np.nan)
    means = (share * x).sum(axis=1, keepdims=True), (share * y).sum(axis=1, keepdims=True)
    points = x.shape[1]
    together = (share * (x - means[0]) * (y - means[1])).sum(axis=1) * points / max(points - lost, 1)
    signal = variance - noise
    return together / np.where(signal > LEAST_RELIABILITY * variance, signal, np.nan)


def disattenuated(rank_correlation: float, of_x: float, of_y: float) -> float:
    """Rank correlation without the noise in both, at most 1 in size; NaN where a reliability is too small to correct for."""
    if not min(of_x, of_y) >= LEAST_RELIABILITY:
        return math.nan
    return _of_normal(_to_normal(rank_correlation) / math.sqrt(of_x * of_y))


def ceiling(of_gains: float) -> float:
    """Rank correlation of measured with true gains: the highest that a predictor without noise can be expected to reach."""
    return _of_normal(math.sqrt(of_gains))


def relative(rank_correlation: float, highest: float) -> float:
    """Rank correlation as it would be if `highest` were 1; the end of the scale where noise leaves nothing to measure."""
    if highest <= 0:
        return math.copysign(1.0, rank_correlation)
    return _of_normal(_to_normal(rank_correlation) / _to_normal(highest))


def _to_normal(rank_correlation: float) -> float:
    return 2 * math.sin(math.pi * rank_correlation / 6)


def _of_normal(correlation: float) -> float:
    return 6 / math.pi * math.asin(max(-1.0, min(1.0, correlation)) / 2)
