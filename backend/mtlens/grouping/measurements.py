"""What is known about tasks and groups before a choice: scores of trained groups, and affinities of pairs of tasks.

Scores are metrics for which larger is better, such as macro-F1; affinities are larger for tasks that are expected to help each
other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import DataError, EvidenceError
from mtlens.grouping.partitions import Group, tasks_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Scores of the tasks in the groups that were trained, under the same S seeds in the same order.

    scores: (group, task) -> `[S]`, NaN where the group's run with that seed has no score.
    """

    num_tasks: int
    scores: Mapping[tuple[Group, int], Floats]

    def __post_init__(self) -> None:
        """Raise `DataError` where a group does not hold its task, or scores are missing or of other seeds."""
        lengths = {len(scores) for scores in self.scores.values()}
        if len(lengths) != 1 or lengths == {0}:
            raise DataError(f"scores should be of the same seeds, one at least; found {sorted(lengths)} of them")
        for (group, task), scores in self.scores.items():
            if task not in tasks_of(group) or group >= 1 << self.num_tasks:
                raise DataError(f"a group of {self.num_tasks} tasks should hold the task scored; found {group:#b} with {task}")
            if np.isinf(scores).any() or np.isnan(scores).all():
                raise DataError(f"task {task} in group {group:#b} should have finite scores; found {scores.tolist()}")

    @property
    def num_seeds(self) -> int:
        """S."""
        return len(next(iter(self.scores.values())))

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that have a score, in ascending order."""
        return tuple(sorted({group for group, _ in self.scores}))

    @cached_property
    def _summaries(self) -> dict[tuple[Group, int], tuple[float, float]]:
        means, errors = means_and_errors(np.stack(list(self.scores.values())))
        return dict(zip(self.scores, zip(means.tolist(), errors.tolist(), strict=True), strict=True))

    @cached_property
    def _measured(self) -> frozenset[Group]:
        return frozenset(group for group, _ in self.scores)

    @property
    def singles(self) -> Floats:
        """Score of each task trained alone, `[T]`; `EvidenceError` where one is unknown."""
        alone = np.diagonal(self.table([1 << task for task in range(self.num_tasks)])[0])
        if np.isnan(alone).any():
            raise EvidenceError(f"every task should have a score of its own model; found none for {np.isnan(alone).argmax()}")
        return alone

    def table(self, groups: Sequence[Group]) -> tuple[Floats, Floats]:
        """Mean score over seeds and its standard error, `[G, T]` each, NaN where unknown; infinite error for one seed."""
        means, errors = np.full((2, len(groups), self.num_tasks), np.nan)
        for row, group in enumerate(groups):
            for task in tasks_of(group) if group in self._measured else ():
                if (summary := self._summaries.get((group, task))) is not None:
                    means[row, task], errors[row, task] = summary
        return means, errors

    def gains(self) -> tuple[NDArray[np.intp], Floats]:
        """For the n scores in groups of two or more: `[n, 2]` (index into `groups`, task), and their gains `[n]`.

        A gain is the score in the group minus the score alone.
        """
        gains = self.table(self.groups)[0] - self.singles
        alone = np.array([group.bit_count() == 1 for group in self.groups])
        places = np.argwhere(~np.isnan(gains) & ~alone[:, None])
        return places, gains[tuple(places.T)]

    def of_groups(self, groups: Iterable[Group]) -> "Measured":
        """Only the scores of these groups."""
        kept = set(groups)
        return Measured(num_tasks=self.num_tasks, scores={key: value for key, value in self.scores.items() if key[0] in kept})

    def of_seeds(self, places: Sequence[int]) -> "Measured":
        """The scores of the seeds at these positions; entries without a score under any of them are left out."""
        chosen = {key: scores[list(places)] for key, scores in self.scores.items()}
        return Measured(
            num_tasks=self.num_tasks, scores={key: scores for key, scores in chosen.items() if not np.isnan(scores).all()}
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairwise:
    """An affinity of every pair of tasks with its standard error, `[T, T]`: row i, column j is what task i does for task j.

    NaN where it is not identifiable. The diagonal is not used.
    """

    values: Floats
    errors: Floats

    def __post_init__(self) -> None:
        """Raise `EvidenceError` where these are not two square matrices of one size."""
        if self.values.ndim != 2 or not self.values.shape == self.values.T.shape == self.errors.shape:
            raise EvidenceError(
                f"affinities and their errors should both be [T, T]; found {self.values.shape} and {self.errors.shape}"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class GradientAffinities:
    """Affinities of pairs of tasks from gradients; absent where they were not computed."""

    cosine: Pairwise | None = None
    lookahead: Pairwise | None = None  # TAG, measured by steps for one task at a time
    first_order: Pairwise | None = None  # TAG, from inner products of gradients
    linearised: Pairwise | None = None  # Grad-TAE, from one model of all tasks


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureAffinities:
    """Affinities of pairs of tasks from representations; absent where they were not computed."""

    cka: Pairwise | None = None


def mean_and_error(values: Floats) -> tuple[float, float]:
    """Mean and its standard error, without NaN; infinite for a single value."""
    means, errors = means_and_errors(values[None, :])
    return float(means[0]), float(errors[0])


def means_and_errors(values: Floats) -> tuple[Floats, Floats]:
    """The same of each row, `[n, S]` -> `[n]` each."""
    count = (~np.isnan(values)).sum(axis=1)
    means = np.nansum(values, axis=1) / count
    squares = np.nansum((values - means[:, None]) ** 2, axis=1)
    errors = np.sqrt(squares / np.fmax(count - 1, 1) / count)
    return means, np.where(count > 1, errors, np.inf)
