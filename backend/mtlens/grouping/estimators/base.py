"""Interface of estimators: their needs and costs, fitting to known scores and affinities, and predictions for any group."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mtlens.grouping.measurements import FeatureAffinities, Floats, GradientAffinities, Measured
from mtlens.grouping.partitions import Group, membership

Model = Callable[[NDArray[np.bool_]], tuple[Floats, Floats]]  # membership [G, T] -> scores and standard errors [G, T]


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """What has to be spent before an estimator can be fitted.

    groups: those that are trained, under each seed, including single tasks, which a comparison trains anyway. passes: forward
    or backward passes over each example used, beyond training.
    evidence: kinds of evidence jobs whose time counts; methods that share a job count all of it.
    """

    groups: tuple[Group, ...]
    passes: int = 0
    evidence: tuple[str, ...] = ()

    @property
    def trainings(self) -> int:
        """Trainings per seed."""
        return len(self.groups)


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupPrediction:
    """Scores and their standard errors, `[G, T]`, NaN where a group does not contain a task or there is no prediction.

    An error is infinite where there is a prediction of unknown quality.
    """

    scores: Floats
    errors: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    """A fitted estimator: measured values where they are known, predictions elsewhere."""

    measured: Measured
    model: Model

    def predict(self, groups: Sequence[Group]) -> GroupPrediction:
        """Scores of all tasks in these groups; larger is better."""
        member = membership(groups, self.measured.num_tasks)
        known, known_errors = self.measured.table(groups)
        scores, errors = self.model(member)
        scores = np.where(np.isnan(known), np.where(member, scores, np.nan), known)
        errors = np.where(np.isnan(known), errors, known_errors)
        return GroupPrediction(scores=scores, errors=np.where(np.isnan(scores), np.nan, errors))


class Estimator(Protocol):
    """A method that predicts scores of all groups from a part of them."""

    @property
    def name(self) -> str:
        """Name in tables."""
        ...

    def discovery(self, num_tasks: int) -> Discovery:
        """What has to be trained and computed for it."""
        ...

    def fit(self, measured: Measured, gradients: GradientAffinities, features: FeatureAffinities) -> Predictor:
        """Fit to known scores and affinities; `EvidenceError` where those that it needs are unknown."""
        ...


def singles_and_all(num_tasks: int) -> tuple[Group, ...]:
    """Each task alone, and all together, which a comparison of single and multi trains anyway."""
    return tuple(sorted({*(1 << task for task in range(num_tasks)), (1 << num_tasks) - 1}))


def mean_over_others(member: NDArray[np.bool_], matrix: Floats) -> Floats:
    """Mean over i in G without j of matrix_ij, `[G, T]`; NaN where there is none or one of them is NaN.

    member `[G, T]`, matrix `[T, T]`.
    """
    others = np.where(np.eye(len(matrix), dtype=np.bool_), 0.0, matrix)
    unknown = np.isnan(others)
    count = member.sum(axis=1, keepdims=True) - 1.0
    mean = member @ np.where(unknown, 0.0, others) / np.where(count > 0, count, np.nan)
    return np.where(member & ~(member @ unknown), mean, np.nan)


def error_over_others(member: NDArray[np.bool_], errors: Floats) -> Floats:
    """Standard error of `mean_over_others` from errors of the matrix `[T, T]`; infinite where one is unknown."""
    count = member.sum(axis=1, keepdims=True) - 1.0
    squared = mean_over_others(member, np.where(np.isfinite(errors), errors, np.nan) ** 2) / np.where(count > 0, count, np.nan)
    return np.where(np.isnan(squared), np.inf, np.sqrt(squared))


def residual_error(residuals: Floats, num_fitted: int) -> float:
    """Standard deviation of predictions from measured values, with `num_fitted` parameters; infinite where too few are left."""
    known = residuals[~np.isnan(residuals)]
    freedom = len(known) - num_fitted
    return float(np.sqrt(known @ known / freedom)) if freedom > 0 else np.inf
