"""Do the tasks' gradients point the same way? Estimates from products of gradients, which add up over blocks of parameters.

g_a^k is the gradient of task a's loss on microbatch k in some shared parameters, G_a its expectation, T tasks, K
microbatches. A microbatch gradient is noisy, and noise shrinks the cosine of two mean gradients to

    (c + rho sqrt(t_a t_b)) / sqrt((1 + t_a)(1 + t_b))

with c the cosine of G_a and G_b, t_a the variance of task a's mean gradient (trace of its covariance) over |G_a|², and rho
the correlation of the noises: 0 for independent microbatches, often high where tasks share them. This is Spearman's
attenuation (1904), with correlated errors. Products of gradients of *different* microbatches are free of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import EvidenceError


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """Estimates from K microbatches for T tasks' gradients in one block of parameters, or in several (`combine`).

    half_products: [2, 2, T, T], sums of g_a^k over half h times sums of g_b^k over half i; half h holds the microbatches of
    parity h. microbatch_products: [K, T, T], g_a^k.g_b^k, 0 where one of the tasks is absent. present: [K, T], which task has
    a gradient in which microbatch. independent: [T, T], pairs of tasks whose k-th microbatches hold different examples.

    Every estimate is a symmetric [T, T], NaN where it is undefined. Whether a task is absent should not depend on its gradient.
    """

    half_products: NDArray[np.float64]
    microbatch_products: NDArray[np.float64]
    present: NDArray[np.bool_]
    independent: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Raise `EvidenceError` where the arrays do not fit together."""
        num_microbatches, num_tasks = self.present.shape
        square = (num_tasks, num_tasks)
        found = (self.half_products.shape, self.microbatch_products.shape, self.independent.shape)
        if found != ((2, 2, *square), (num_microbatches, *square), square):
            raise EvidenceError(
                f"products of {num_tasks} tasks in {num_microbatches} microbatches should have shapes {(2, 2, *square)}, "
                f"{(num_microbatches, *square)} and {square}; found {', '.join(map(str, found))}"
            )

    @property
    def num_microbatches(self) -> NDArray[np.int64]:
        """Number of microbatches in which both tasks occur; on the diagonal, the task."""
        present = self.present.astype(np.int64)
        return present.T @ present

    @property
    def inner(self) -> NDArray[np.float64]:
        """Unbiased estimate of G_a.G_b: the mean of g_a^k.g_b^l over all ordered pairs of microbatches k != l.

        D_ab = [(sum_k g_a^k).(sum_l g_b^l) - sum_k g_a^k.g_b^k] / number of such pairs, a U-statistic (Hoeffding 1948). For an
        independent pair of tasks, pairs k = l are included: D_ab is the mean over all k and l. The diagonal estimates squared
        norms and can come out negative.
        """
        return _inner(self._sums, self.microbatch_products, self.present, self.independent)

    @property
    def debiased(self) -> NDArray[np.float64]:
        """Cosine D_ab / sqrt(D_aa D_bb); NaN, not identifiable, where D_aa or D_bb is not positive.

        Its errors are of order 1 where noise dominates both gradients, so it can be outside [-1, 1]; it is not clamped.
        """
        return self.inner / _norm_products(self.inner.diagonal())

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """Standard error of `debiased`, from the two halves of the microbatches; NaN where it is undefined.

        Half of the differences between the halves' estimates of D_ab, D_aa and D_bb, propagated by the derivatives of the
        cosine: a jackknife that leaves out one half. It has one degree of freedom. Where noise dominates the gradients it tends
        to be too large, as halves are noisier than their number of microbatches suggests.
        """
        even, odd = (
            _inner(self.half_products[half, half], self.microbatch_products[half::2], self.present[half::2], self.independent)
            for half in (0, 1)
        )
        half_difference = (even - odd) / 2
        squared = self.inner.diagonal()
        relative = half_difference.diagonal() / np.where(squared > 0, squared, np.nan)
        return np.abs(half_difference / _norm_products(squared) - self.debiased * np.add.outer(relative, relative) / 2)

    @property
    def naive(self) -> NDArray[np.float64]:
        """Cosine of the mean gradients, in [-1, 1], shrunk by noise as described above; for comparison."""
        return self._sums / _norm_products(self._sums.diagonal())

    @property
    def split_half(self) -> NDArray[np.float64]:
        """Cosine of a's mean gradient in one half of the microbatches and b's in the other, mean of both ways, in [-1, 1].

        The noises of different halves are independent, so noise can only shrink it. The diagonal is a task's agreement with
        itself: 1 without noise, about 0 where half of the microbatches are noise.
        """
        norms = np.sqrt(self.half_products[[0, 1], [0, 1]].diagonal(axis1=1, axis2=2))
        one_way = _quotient(self.half_products[0, 1], np.outer(norms[0], norms[1]))
        return (one_way + one_way.T) / 2

    @property
    def ceiling(self) -> NDArray[np.float64]:
        """Approximate `split_half` of two tasks with the same direction: sqrt(s_aa s_bb), NaN where one is not positive.

        `split_half` over its ceiling is Spearman's correction for attenuation (1904).
        """
        return _norm_products(self.split_half.diagonal())

    @property
    def conflict_rate(self) -> NDArray[np.float64]:
        """Share in [0, 1] of the common microbatches with g_a^k.g_b^k < 0, conflicting by Yu et al. 2020, definition 1."""
        return _quotient((self.microbatch_products < 0).sum(axis=0), self.num_microbatches)

    @property
    def magnitude_similarity(self) -> NDArray[np.float64]:
        """2 |G_a| |G_b| / (|G_a|² + |G_b|²) in (0, 1] from debiased norms, NaN where one is not identifiable.

        Yu et al. 2020, "Gradient Surgery for Multi-Task Learning", definition 2.
        """
        squared = self.inner.diagonal()
        return 2 * _norm_products(squared) / np.add.outer(squared, squared)

    @property
    def _sums(self) -> NDArray[np.float64]:
        """(sum_k g_a^k).(sum_k g_b^k)."""
        return self.half_products.sum(axis=(0, 1))


def combine(blocks: Iterable[Alignment]) -> Alignment:
    """The alignment in all parameters of some blocks, from the sum of their products; cosines of blocks must not be averaged.

    `EvidenceError`: no block, or blocks of other microbatches or tasks.
    """
    parts = list(blocks)
    if not parts:
        raise EvidenceError("gradients should be combined from at least one block; found none")
    for number, part in enumerate(parts):
        same = np.array_equal(part.present, parts[0].present) and np.array_equal(part.independent, parts[0].independent)
        if not same:
            raise EvidenceError(f"blocks to combine should come from the same microbatches; found others in block {number}")
    return replace(
        parts[0],
        half_products=reduce(add, [part.half_products for part in parts]),
        microbatch_products=reduce(add, [part.microbatch_products for part in parts]),
    )


def _inner(
    sums: NDArray[np.float64],
    microbatch_products: NDArray[np.float64],
    present: NDArray[np.bool_],
    independent: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """D_ab from (sum_k g_a^k).(sum_k g_b^k), [T, T], and the products of single microbatches."""
    counts = present.astype(np.int64)
    common: NDArray[np.int64] = counts.T @ counts
    occurrences = common.diagonal()
    pairs = np.outer(occurrences, occurrences)
    unlike = _quotient(sums - microbatch_products.sum(axis=0), pairs - common)
    off_diagonal = independent & ~np.eye(len(pairs), dtype=np.bool_)
    return np.where(off_diagonal, _quotient(sums, pairs), unlike)


def _norm_products(squared: NDArray[np.float64]) -> NDArray[np.float64]:
    """sqrt(squared_a squared_b), [T, T]; NaN where one of the two is not positive. squared: [T]."""
    norms = np.sqrt(np.where(squared > 0, squared, np.nan))
    return np.outer(norms, norms)


def _quotient(numerator: NDArray[np.float64], denominator: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Elementwise, NaN where the denominator is not positive."""
    return numerator / np.where(denominator > 0, denominator, np.nan)
