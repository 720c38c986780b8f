"""Estimators that learn from the scores of trained groups: the oracle, pairs, means of tasks, and ridge regression.

Scores are larger-is-better; a gain is the score in a group minus the score alone.
"""

from dataclasses import dataclass
from itertools import combinations

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
from mtlens.grouping.measurements import FeatureAffinities, Floats, GradientAffinities, Measured, Pairwise, mean_and_error
from mtlens.grouping.partitions import all_groups, group_of, membership

_PENALTIES = np.logspace(-2, 3, 11)  # of the ridge regression, in units of one measured gain


@dataclass(frozen=True, kw_only=True)
class Oracle:
    """Trains every group and predicts nothing."""

    name: str = "exhaustive oracle"

    def discovery(self, num_tasks: int) -> Discovery:
        """All 2^T - 1 groups."""
        return Discovery(groups=tuple(all_groups(num_tasks)))

    def fit(self, measured: Measured, gradients: GradientAffinities, features: FeatureAffinities) -> Predictor:
        """Only the measured scores."""

        def model(member: NDArray[np.bool_]) -> tuple[Floats, Floats]:
            unknown = np.full(member.shape, np.nan)
            return unknown, unknown

        return Predictor(measured=measured, model=model)


@dataclass(frozen=True, kw_only=True)
class HigherOrder:
    """Higher-order approximation: the score of j in G is the mean of its scores in the pairs {i, j} of G.

    Standley et al. 2020, "Which tasks should be learned together in multi-task learning?". The error has two parts, that of
    the pairs and that of measured larger groups from their pairs; where no larger group was measured, the second
    part is unknown and the error infinite.
    """

    name: str = "pairs (HOA)"

    def discovery(self, num_tasks: int) -> Discovery:
        """Each task alone, and all pairs."""
        pairs = (group_of(pair) for pair in combinations(range(num_tasks), 2))
        return Discovery(groups=tuple(sorted({*(1 << task for task in range(num_tasks)), *pairs})))

    def fit(self, measured: Measured, gradients: GradientAffinities, features: FeatureAffinities) -> Predictor:
        """A pair that is unknown leaves the groups that contain it without a prediction."""
        scores, errors = _of_pairs(measured)
        larger = [group for group in measured.groups if group.bit_count() > 2]
        from_pairs = mean_over_others(membership(larger, measured.num_tasks), scores)
        spread = residual_error((measured.table(larger)[0] - from_pairs).ravel(), 0)

        def model(member: NDArray[np.bool_]) -> tuple[Floats, Floats]:
            return mean_over_others(member, scores), np.hypot(error_over_others(member, errors), spread)

        return Predictor(measured=measured, model=model)


@dataclass(frozen=True, kw_only=True)
class TaskMeans:
    """A task gains the same in every group: the mean of its measured gains. Tells which tasks gain, not from which."""

    name: str = "task means"

    def discovery(self, num_tasks: int) -> Discovery:
        """Each task alone, and all together."""
        return Discovery(groups=singles_and_all(num_tasks))

    def fit(self, measured: Measured, gradients: GradientAffinities, features: FeatureAffinities) -> Predictor:
        """A task without measured gains gets the mean over all gains, with infinite error."""
        (places, gains), singles = _known_gains(measured), measured.singles
        mean = np.full(measured.num_tasks, gains.mean())
        spread = np.full(measured.num_tasks, np.inf)
        for task in np.unique(places[:, 1]):
            of_task = gains[places[:, 1] == task]
            mean[task], spread[task] = of_task.mean(), residual_error(of_task - of_task.mean(), 1)

        def model(member: NDArray[np.bool_]) -> tuple[Floats, Floats]:
            return np.where(member, singles + mean, np.nan), np.where(member, spread, np.nan)

        return Predictor(measured=measured, model=model)


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """For each task j a ridge regression of its measured gains on the other members of the group.

    gain_j(G) = w_jj + sum_{i in G, i != j} w_ji; all weights are shrunk alike, with the penalty of the least leave-one-out
    error over all tasks. The error is that of a Bayesian linear model with the leave-one-out residuals as noise.
    """

    name: str = "ridge regression"

    def discovery(self, num_tasks: int) -> Discovery:
        """Each task alone, all together, and all but each one."""
        everything = (1 << num_tasks) - 1
        but_one = {everything ^ 1 << task for task in range(num_tasks)} - {0}
        return Discovery(groups=tuple(sorted({*singles_and_all(num_tasks), *but_one})))

    def fit(self, measured: Measured, gradients: GradientAffinities, features: FeatureAffinities) -> Predictor:
        """A task without measured gains is predicted to gain nothing."""
        (places, gains), singles = _known_gains(measured), measured.singles
        member = membership(measured.groups, measured.num_tasks).astype(np.float64)
        of_task = [places[:, 1] == task for task in range(measured.num_tasks)]
        designs = [member[places[chosen, 0]] for chosen in of_task]
        pairs = [(design, gains[chosen]) for design, chosen in zip(designs, of_task, strict=True)]
        residuals = np.concatenate([_leave_one_out(design, own) for design, own in pairs], axis=1)
        best = int((residuals**2).sum(axis=1).argmin())
        noise = residual_error(residuals[best], 1)
        fits = [_ridge(design, own, float(_PENALTIES[best])) for design, own in pairs]
        weights = np.stack([fit[0] for fit in fits], axis=1)  # [T, T], column j for task j
        covariances = np.stack([fit[1] for fit in fits])  # [T, T, T]

        def model(member: NDArray[np.bool_]) -> tuple[Floats, Floats]:
            doubt = np.stack([((member @ covariance) * member).sum(axis=1) for covariance in covariances], axis=1)
            return singles + member @ weights, noise * np.sqrt(1 + doubt)

        return Predictor(measured=measured, model=model)


def pairwise_gains(measured: Measured) -> Pairwise:
    """D_{j|i} = (M_j({i, j}) - M_j({j})) / |M_j({j})|, the gain of j from training with i, paired by seeds; NaN if unknown.

    The error is that of the numerator.
    """
    values, errors = np.full((2, measured.num_tasks, measured.num_tasks), np.nan)
    for i in range(measured.num_tasks):
        for j in range(measured.num_tasks):
            pair, alone = (measured.scores.get((group, j)) for group in (group_of({i, j}), 1 << j))
            if i == j or pair is None or alone is None or np.isnan(difference := pair - alone).all():
                continue
            if size := abs(float(np.nanmean(alone))):
                mean, error = mean_and_error(difference)
                values[i, j], errors[i, j] = mean / size, error / size
    return Pairwise(values=values, errors=errors)


def _of_pairs(measured: Measured) -> tuple[Floats, Floats]:
    """Score of task j in the pair {i, j} and its standard error, `[T, T]` each, NaN where unknown."""
    first, second = np.triu_indices(measured.num_tasks, 1)
    of_groups = measured.table([1 << i | 1 << j for i, j in zip(first.tolist(), second.tolist(), strict=True)])
    tables = np.full((2, measured.num_tasks, measured.num_tasks), np.nan)
    pairs = np.arange(len(first))
    for table, of_pairs in zip(tables, of_groups, strict=True):
        table[first, second], table[second, first] = of_pairs[pairs, second], of_pairs[pairs, first]
    return tables[0], tables[1]


def _known_gains(measured: Measured) -> tuple[NDArray[np.intp], Floats]:
    places, gains = measured.gains()
    if len(gains) == 0:
        raise EvidenceError("a group of two or more tasks should have been measured; found singletons only")
    return places, gains


def _leave_one_out(design: Floats, gains: Floats) -> Floats:
    """Residuals of n gains, each from a fit to the others, under every penalty of `_PENALTIES`, `[penalties, n]`.

    From one singular value decomposition U S V' of the design: the hat matrix is U diag(s^2 / (s^2 + penalty)) U'.
    """
    left, singular, _ = np.linalg.svd(design, full_matrices=False)
    kept = singular**2 / (singular**2 + _PENALTIES[:, None])
    fitted, leverage = (kept * (left.T @ gains)) @ left.T, kept @ (left.T**2)
    return (gains - fitted) / (1 - leverage)


def _ridge(design: Floats, gains: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Weights `[T]`, and their covariance in units of the noise's variance `[T, T]`."""
    covariance: Floats = np.linalg.inv(design.T @ design + penalty * np.eye(design.shape[1])).astype(np.float64)
    return covariance @ design.T @ gains, covariance
