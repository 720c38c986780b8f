"""Variance between seeds of estimates for pairs of tasks, moderated over the pairs.

Pairs share tasks and therefore models: the pairs of T tasks depend on T independent sets of models. So the other pairs add at
most the degrees of freedom of T - 1 tasks to those of a pair, however many pairs there are. Layers are not moderated together:
they are parts of the same models, and their scales differ.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from mtlens.statistics.seed_variance import SeedVariance, moderate


@dataclass(frozen=True, kw_only=True)
class MeanError:
    """Standard error of a mean over seeds, with the degrees of freedom of Student's t."""

    value: float
    freedom: float

    def half_width(self, level: float) -> float:
        """Half the width of a two-sided interval."""
        return float(special.stdtrit(self.freedom, (1 + level) / 2)) * self.value

    def p_above(self, estimate: float) -> float:
        """One-sided p against a true value <= 0."""
        t = estimate / self.value if self.value > 0 else math.copysign(math.inf, estimate)
        return float(special.stdtr(self.freedom, -t))


def mean_errors(
    variances: Sequence[tuple[float, int] | None], num_tasks: int, least: Sequence[float] | None = None
) -> list[MeanError | None]:
    """Standard errors of the means of several pairs; None where a variance is unknown.

    variances: per pair, the variance of one seed and the number of seeds; pairs with equal numbers of seeds are moderated
    together. least: per pair, the variance known from within the seeds; a smaller variance between seeds is raised to it.
    """
    groups: dict[int, dict[int, float]] = defaultdict(dict)  # by number of seeds, the variances of the pairs at some places
    for place, known in enumerate(variances):
        if known is not None and math.isfinite(known[0]):
            groups[known[1]][place] = known[0]
    errors: list[MeanError | None] = [None] * len(variances)
    for num_seeds, own in groups.items():
        for place, variance in zip(own, _moderated(list(own.values()), num_seeds, num_tasks), strict=True):
            value = max(variance.value, least[place] if least else 0.0)
            errors[place] = MeanError(value=math.sqrt(value / num_seeds), freedom=variance.freedom(num_seeds))
    return errors


def jackknife_variance(left_out: Sequence[float]) -> tuple[float, int] | None:
    """Variance of one seed, (S - 1) times the sum of squares of leave-one-out values around their mean, and S.

    Divided by S it is the jackknife variance of the estimate (Efron and Stein 1981). None where a value is undefined.
    """
    values = np.asarray(left_out, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        return None
    return (len(values) - 1) * float(((values - values.mean()) ** 2).sum()), len(values)


def _moderated(variances: Sequence[float], num_seeds: int, num_tasks: int) -> list[SeedVariance]:
    scale = float(np.mean(variances)) or 1.0  # of squared cosines and of squared CKA: far below what `moderate` is used to
    most = (num_seeds - 1) * max(0, num_tasks - 1)
    moderated = moderate([variance / scale for variance in variances], num_seeds)
    return [replace(variance, value=scale * variance.value, prior=min(variance.prior, most)) for variance in moderated]
