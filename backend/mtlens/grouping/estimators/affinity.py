"""Estimators from affinities of pairs: TAG, gradient cosine, CKA, and the linearised estimate.

The affinity of a group G for its task j is the mean over i in G without j of Z_i->j (Fifty et al. 2021, "Efficiently
identifying task groupings for multi-task learning", for TAG). Affinities rank partners but are not in units of a score, so they
are rescaled to the mean and the spread of the measured gains: this keeps a method's order, and where it disagrees with the
measured gains, or goes far beyond them, its error is large. Scores and affinities are larger-is-better.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import EvidenceError
from mtlens.grouping.estimators.base import (
    Discovery,
    Predictor,
    error_over_others,
    mean_over_others,
    residual_error,
    singles_and_all,
)
from mtlens.grouping.measurements import FeatureAffinities, Floats, GradientAffinities, Measured, Pairwise
from mtlens.grouping.partitions import membership

_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Affinity:
    """Predicts gains from a matrix of affinities.

    passes: T -> number of passes over each example used. evidence: kinds of evidence jobs that compute the matrix.
    """

    name: str
    matrix: Callable[[GradientAffinities, FeatureAffinities], Pairwise | None]
    passes: Callable[[int], int]
    evidence: tuple[str, ...]

    def discovery(self, num_tasks: int) -> Discovery:
        """Each task alone and all together, and the passes for the affinities."""
        return Discovery(groups=singles_and_all(num_tasks), passes=self.passes(num_tasks), evidence=self.evidence)

    def fit(self, measured: Measured, gradients: GradientAffinities, features: FeatureAffinities) -> Predictor:
        """gain_j(G) = m + s (A_j(G) - a), with m, a the means and s the ratio of the spreads over the measured gains."""
        pairwise = self.matrix(gradients, features)
        num_tasks = measured.num_tasks
        if pairwise is None or len(pairwise.values) != num_tasks:
            found = "none" if pairwise is None else f"those of {len(pairwise.values)}"
            raise EvidenceError(f"{self.name} should be given the affinities of {num_tasks} tasks; found {found}")
        singles, (places, gains) = measured.singles, measured.gains()
        affinities = mean_over_others(membership(measured.groups, num_tasks), pairwise.values)[tuple(places.T)]
        gains, affinities = gains[~np.isnan(affinities)], affinities[~np.isnan(affinities)]
        if len(gains) == 0:
            raise EvidenceError(f"{self.name} should be given a measured group of two or more tasks with known affinities")
        mean, center, width = float(gains.mean()), float(affinities.mean()), float(affinities.std())
        differ = width > _ROUNDING * np.abs(affinities).max()
        slope = float(gains.std()) / width if differ else 0.0
        spread = residual_error(gains - mean - slope * (affinities - center), 2)

        def model(member: NDArray[np.bool_]) -> tuple[Floats, Floats]:
            distance = mean_over_others(member, pairwise.values) - center
            beyond = distance / width if differ else np.zeros(member.shape)
            by_line = spread * np.sqrt(1 + (1 + beyond**2) / len(gains))  # of a new value on a regression line
            by_affinity = slope * error_over_others(member, pairwise.errors) if slope else 0.0
            return singles + mean + slope * distance, np.hypot(by_affinity, by_line)

        return Predictor(measured=measured, model=model)


def first_order_affinity(products: Floats, losses: Floats) -> Floats:
    """TAG to first order in a gradient step, Z_i->j = g_i.g_j / L_j, `[T, T]`, from the products g_i.g_j and losses L_j > 0."""
    if products.shape != (len(losses), len(losses)) or not (losses > 0).all():
        raise EvidenceError(
            f"products of gradients should be [T, T] for T positive losses; found {products.shape} and {losses.tolist()}"
        )
    return products / losses


TAG = Affinity(
    name="TAG (look-ahead)",
    matrix=lambda gradients, _: gradients.lookahead,
    # a forward and a backward of all tasks for the optimiser's moments; then a forward, and a backward and a forward for each
    passes=lambda num_tasks: 2 * num_tasks + 3,
    evidence=("lookahead",),
)
FIRST_ORDER = Affinity(
    name="TAG (first order)",
    matrix=lambda gradients, _: gradients.first_order,
    passes=lambda num_tasks: num_tasks + 1,  # a forward of all tasks, a backward of each
    evidence=("lookahead",),
)
COSINE = Affinity(
    name="gradient cosine",
    matrix=lambda gradients, _: gradients.cosine,
    passes=lambda num_tasks: num_tasks + 1,
    evidence=("gradients",),
)
CKA = Affinity(
    name="CKA",
    matrix=lambda _, features: features.cka,
    passes=lambda num_tasks: num_tasks,  # a forward of each task-specific model
    evidence=("states", "similarity"),
)
LINEARISED = Affinity(
    name="Grad-TAE",
    matrix=lambda gradients, _: gradients.linearised,
    passes=lambda num_tasks: num_tasks + 1,  # a forward of all tasks, a backward of each; the regressions look at no text
    evidence=("linearised",),
)
