"""Variance between seeds, moderated over tasks: few seeds estimate it poorly for one task, so tasks share information.

With S seeds the variance s² of one task has S - 1 degrees of freedom. Smyth 2004 ("Linear models and empirical Bayes methods
for assessing differential expression in microarray experiments") takes the tasks' true variances as drawn from a scaled
inverse chi-square law with d0 degrees of freedom around s0², both estimated from all tasks' variances; the moderated variance
is (d0 s0² + d s²) / (d0 + d), with d0 + d degrees of freedom. A task noisier than the others would get too small
a variance. One whose own variance exceeds the moderated one keeps its own, unless that may be chance: 3 times (about the 95 %
point of F with 2 and many degrees of freedom) where the tasks are alike and the prior has all the weight, less where they are
not. The factor was chosen by simulation, see `experiments/benchmarks/interval_coverage.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

_BY_CHANCE = 3.0
_SMALLEST = 1e-12  # of a variance, for its logarithm: seeds that agree to the last example


@dataclass(frozen=True, kw_only=True)
class SeedVariance:
    """Variance of the difference under one seed. prior: degrees of freedom that the other tasks add."""

    value: float
    prior: float = 0.0

    def freedom(self, num_seeds: int) -> float:
        """Degrees of freedom with `num_seeds` seeds."""
        return self.prior + num_seeds - 1


def moderate(variances: Sequence[float], num_seeds: int) -> list[SeedVariance]:
    """The variances that the tests use, from those of T tasks over the same number of seeds, at least 2.

    Degrees of freedom are at most T (S - 1), those of all T tasks together.
    """
    own = num_seeds - 1
    prior, centre = fit_prior(variances, own)
    weight = 1.0 if np.isinf(prior) else prior / (prior + own)
    most = _BY_CHANCE**weight
    lent = min(prior, own * (len(variances) - 1))

    def of_task(variance: float) -> SeedVariance:
        moderated = weight * centre + (1 - weight) * variance
        if variance > most * moderated:
            return SeedVariance(value=variance)
        return SeedVariance(value=moderated, prior=lent)

    return [of_task(variance) for variance in variances]


def fit_prior(variances: Sequence[float], freedom: float) -> tuple[float, float]:
    """d0 and s0² from sample variances with equal degrees of freedom, by the moments of their logarithms (Smyth 2004, 6.2).

    d0 is infinite where the variances differ no more than by chance, and 0 for a single variance.

    >>> fit_prior([1.0, 1.0, 1.0], 2)[0]
    inf
    """
    if len(variances) < 2:
        return 0.0, 0.0
    logs = np.log(np.maximum(variances, _SMALLEST)) - special.digamma(freedom / 2) + np.log(freedom / 2)
    excess = float(logs.var(ddof=1)) - float(special.polygamma(1, freedom / 2))
    if excess <= 0:
        return np.inf, float(np.mean(variances))
    prior = 2 * _inverse_trigamma(excess)
    return prior, float(np.exp(logs.mean() + special.digamma(prior / 2) - np.log(prior / 2)))


def _inverse_trigamma(value: float) -> float:
    """y with trigamma(y) = value, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    y = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, y))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, y))
        y += step
        if -step / y < 1e-8:
            break
    return y
