"""Tests at several looks: after 3, 5, 8, ... seeds, with one chance of an error for all looks together.

Testing at 5 % after every few seeds and stopping at the first rejection errs in far more than 5 % of experiments. Each look
therefore spends a part of the error (Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials"): when a share t
of the information is available, alpha log(1 + (e - 1) t) is spent, a Pocock-type function. The information is one over the
variance of the difference. Where test examples cause most of the variance, more seeds add little information, so the first look
spends most; where seeds do, each look spends by its number of seeds. What a look may spend gives the level of its tests, by the
law of Brownian motion that the differences follow over their information.

`Spending.adjust` turns the p value of a look into the smallest alpha that rejects there. Adjusted p values of several tasks
go through Holm's correction as p values of a single look do; this is the sequentially rejective procedure of Maurer and
Bretz 2013 ("Multiple testing in group sequential trials using graphical approaches"). Intervals at the level of a look are
the repeated intervals of Jennison and Turnbull 1989: they cover at all looks together.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlens.statistics.estimate import Estimate

_ALPHAS = np.geomspace(1e-7, 0.95, 24)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_FARTHEST = 8.0  # standard deviations
_STEP = 0.01  # to which shares of the information are rounded, so that equal ones are computed once


@dataclass(frozen=True)
class Look:
    """The tests after `schedule[number]` seeds. schedule: numbers of seeds of all looks, ascending."""

    schedule: tuple[int, ...]
    number: int

    @property
    def num_seeds(self) -> int:
        """Seeds that are tested."""
        return self.schedule[self.number]

    @property
    def later(self) -> tuple["Look", ...]:
        """The looks that follow."""
        return tuple(Look(self.schedule, number) for number in range(self.number + 1, len(self.schedule)))


ONLY_LOOK = Look((0,), 0)
"""The look of an experiment whose seeds were set beforehand."""


@dataclass(frozen=True)
class Spending:
    """How the error of one comparison is spent. shares: share of the information at each look up to the one that is tested."""

    shares: tuple[float, ...]

    def level(self, alpha: float) -> float:
        """Level of a one-sided test at this look, if the chance of an error over all looks is to be `alpha`.

        >>> [round(Spending((0.15, 0.25, 0.4, 0.6, 1.0)[:looks]).level(0.05), 3) for looks in range(1, 6)]
        [0.011, 0.01, 0.013, 0.017, 0.024]
        """
        if self.shares == (1.0,):
            return alpha
        return float(np.exp(np.interp(math.log(alpha), np.log(_ALPHAS), np.log(_levels(self.shares)))))

    def adjust(self, p_value: float) -> float:
        """The smallest alpha over all looks at which `p_value` rejects at this one; `level` backwards."""
        if self.shares == (1.0,) or p_value <= 0:
            return p_value
        return float(np.exp(np.interp(math.log(p_value), np.log(_levels(self.shares)), np.log(_ALPHAS), right=0.0)))

    def then(self, estimate: Estimate, look: Look) -> "Spending":
        """With one more look, at the share of the information that `estimate` expects there; the last look has all of it."""
        left = len(look.schedule) - 1 - look.number
        if left == 0:
            return Spending((*self.shares, 1.0))
        errors, _ = estimate.precision(np.array([look.num_seeds, look.schedule[-1]]), 1.0)
        share = float((errors[1] / errors[0]) ** 2) if np.isfinite(errors).all() and errors[0] > 0 else 0.0
        least = self.shares[-1] if self.shares else 0.0
        steps = min(max(round(share / _STEP), round(least / _STEP) + 1), round(1 / _STEP) - left)
        return Spending((*self.shares, steps * _STEP))


def spent(alpha: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """The part of alpha that is spent when a share of the information is available."""
    return alpha * math.log1p((math.e - 1) * share)


@lru_cache(maxsize=10_000)
def _levels(shares: tuple[float, ...]) -> NDArray[np.float64]:
    """Level of the one-sided test at the last of these looks, for each of `_ALPHAS`.

    The density of scores that no look has rejected is propagated from look to look (Armitage, McPherson and Rowe 1969).
    """
    return special.ndtr(-_bounds_after(shares))


@lru_cache(maxsize=10_000)
def _bounds_after(shares: tuple[float, ...]) -> NDArray[np.float64]:
    """Bound of the standardised score at the last of these looks, for each of `_ALPHAS`."""
    scores, mass = _not_rejected(shares[:-1])
    before, share = (0.0, *shares)[-2:]
    allowed = spent(_ALPHAS, share) - spent(_ALPHAS, before)
    return _bounds(scores, mass, math.sqrt(share - before), math.sqrt(share), allowed)


@lru_cache(maxsize=1_000)  # of 18 kB each
def _not_rejected(shares: tuple[float, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores that none of these looks has rejected, at the nodes of a quadrature, and their mass, for each of `_ALPHAS`."""
    if not shares:
        return np.zeros((len(_ALPHAS), 1)), np.ones((len(_ALPHAS), 1))
    scores, mass = _not_rejected(shares[:-1])
    before, share = (0.0, *shares)[-2:]
    step, scale = math.sqrt(share - before), math.sqrt(share)
    half = (_bounds_after(shares) + _FARTHEST)[:, None] * scale / 2
    reached = half * (_NODES + 1) - _FARTHEST * scale
    density = np.exp(-(((reached[:, :, None] - scores[:, None, :]) / step) ** 2) / 2) / (step * math.sqrt(2 * math.pi))
    return reached, np.einsum("aij,aj->ai", density, mass) * half * _WEIGHTS


def _bounds(
    scores: NDArray[np.float64], mass: NDArray[np.float64], step: float, scale: float, allowed: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The bound of the standardised score that the next look exceeds with probability `allowed`, by bisection."""
    low, high = np.full(len(allowed), -_FARTHEST), np.full(len(allowed), _FARTHEST)
    for _ in range(50):
        middle = (low + high) / 2
        exceeded = (special.ndtr((scores - middle[:, None] * scale) / step) * mass).sum(axis=1)
        low, high = np.where(exceeded > allowed, middle, low), np.where(exceeded > allowed, high, middle)
    return (low + high) / 2
