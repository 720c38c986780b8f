"""Difference of two means whose samples are independent, from their summaries.

Welch 1947, "The generalization of Student's problem when several different population variances are involved", Biometrika 34.
"""

import math
from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Mean and standard error of a mean, with the degrees of freedom of that error."""

    mean: float
    error: float
    freedom: float


def difference(first: Summary, second: Summary, level: float = 0.95) -> tuple[float, float | None, float | None]:
    """`second` less `first` with its interval (Student's t with Satterthwaite's degrees of freedom); unbounded: None."""
    delta = second.mean - first.mean
    parts = [(summary.error**2, summary.freedom) for summary in (first, second)]
    variance = math.fsum(square for square, _ in parts)
    if not math.isfinite(variance) or min(freedom for _, freedom in parts) <= 0:
        return delta, None, None
    if variance == 0:
        return delta, delta, delta
    freedom = variance**2 / math.fsum(square**2 / freedom for square, freedom in parts)
    half = float(special.stdtrit(freedom, 0.5 + level / 2)) * math.sqrt(variance)
    return delta, delta - half, delta + half
