"""95 % intervals by the jackknife over tasks or experiments, with Student's t.

Measured points contain the noise of seeds and examples, so a jackknife over them already includes it. Where the jackknife
variance is below the variance for independent points, the latter is used: few points can agree closely by chance.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from mtlens.statistics.claim.points import Floats

Transform = tuple[Callable[[float], float], Callable[[float], float]]
"""To the scale on which the interval is symmetric, and back."""

_NEAREST = 1e-3  # to the end of a bounded scale


def _fisher(value: float) -> float:
    return math.atanh(max(-1 + _NEAREST, min(1 - _NEAREST, value)))


def _logit(value: float) -> float:
    return float(special.logit(max(_NEAREST, min(1 - _NEAREST, value))))


FISHER: Transform = (_fisher, math.tanh)
LOGIT: Transform = (_logit, lambda value: float(special.expit(value)))
PLAIN: Transform = (lambda value: value, lambda value: value)


def half_width(left_out: Floats, least: float) -> float:
    """Half of a 95 % interval from leave-one-out values, whose variance is raised to `least`; infinite where one is unknown."""
    units = len(left_out)
    if units < 2 or not np.isfinite(left_out).all():
        return math.inf
    variance = (units - 1) / units * float(((left_out - left_out.mean()) ** 2).sum())
    return float(special.stdtrit(units - 1, 0.975)) * math.sqrt(max(variance, least))


def interval(
    value: float, left_out: list[Floats], transform: Transform, least: float = 0.0
) -> tuple[float | None, float | None]:
    """Both ends; None where unbounded. left_out: leave-one-out values for each kind of unit; the widest interval counts."""
    to, back = transform
    scaled = [np.array([to(number) if math.isfinite(number) else math.nan for number in numbers]) for numbers in left_out]
    half = max(half_width(numbers, least) for numbers in scaled)
    if not (math.isfinite(value) and math.isfinite(half)):
        return None, None
    return back(to(value) - half), back(to(value) + half)


def rank_variance(points: int) -> float:
    """Variance of Fisher's z of the rank correlation of independent points (Fieller, Hartley and Pearson 1957)."""
    return 1.06 / max(points - 3, 1)


def auc_variance(auc: float, kept: int, lost: int) -> float:
    """Variance of the logit of the area for independent points (Hanley and McNeil 1982), by the delta method.

    The area is first moved half a pair towards one half, so that a perfect one has a variance too.
    """
    pairs = kept * lost
    area = (auc * pairs + 0.5) / (pairs + 1)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (kept - 1) * (q1 - area**2) + (lost - 1) * (q2 - area**2)) / pairs
    return max(variance, 0.0) / (area * (1 - area)) ** 2
