"""Proposes families of groups for a search to train, one after another, none twice.

    exhaustive   each group beside the other tasks alone: 2^T - T partitions that contain all 2^T - 1 groups
    random       partitions drawn uniformly; covers by adding further tasks to their groups
    guided       the family with the best optimistic prediction by the estimators, from all scores so far

Families are partitions, or covers where groups may overlap; in a cover, each task counts with its best group. Nothing here
trains, and no method lists all partitions: their number grows as the Bell numbers.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mtlens.config.sections import Search
from mtlens.errors import DataError, EvidenceError
from mtlens.grouping.estimators import ESTIMATORS
from mtlens.grouping.estimators.base import Predictor
from mtlens.grouping.measurements import FeatureAffinities, Floats, GradientAffinities, Measured
from mtlens.grouping.optimal_family import Candidates, best_family
from mtlens.grouping.partitions import (
    Family,
    Group,
    Partition,
    all_groups,
    canonical_partition,
    membership,
    neighbours,
    ordered,
    partition_of,
    random_cover,
    random_partition,
    tasks_of,
)

Allowed = Callable[[Family], bool]

_DRAWS = 200  # draws without a new and allowed family, after which the search ends
_STARTS = 1  # of the hill climbing, beside the best known partition
_STEPS = 10  # uphill at most
MOST_LISTED = 8  # tasks, whose 255 groups are looked at all at once
SETTLED_DOUBT = 2.0  # standard errors that a group may be better than predicted
DOUBT = 1.0  # standard errors by which a predicted score is raised: what is uncertain is worth a look


class Proposer:
    """Proposes families of groups of T tasks by a method of those above. `seen` are not proposed again."""

    def __init__(self, method: str, num_tasks: int, seed: int, *, overlap: bool = False):
        self.num_tasks = num_tasks
        self.overlap = overlap
        self.seen: set[Family] = set()
        self._method = method
        self._generator = np.random.default_rng(seed)
        self._listed = _each_group(num_tasks)

    def propose(self, predictor: "Blend", allowed: Allowed, affordable: Allowed = lambda _: True) -> Family | None:
        """The next family that is allowed; None when there is none, or none was found.

        affordable: whether a family, its groups in any order, is within the budget; only such families are considered.
        """
        if self._method == "exhaustive":
            family = next((listed for listed in self._listed if listed not in self.seen and allowed(listed)), None)
        else:
            family = self._climb(predictor, allowed, affordable) if self._method == "guided" else self._draw(allowed)
        if family is not None:
            self.seen.add(family)
        return family

    def learn(self, family: Family, score: float) -> None:
        """Called with a proposed family's score, NaN where a run failed. Ignored here, as the predictor has measured scores."""

    def _random(self) -> Family:
        return (random_cover if self.overlap else random_partition)(self.num_tasks, self._generator)

    def _draw(self, allowed: Allowed) -> Family | None:
        drawn = (self._random() for _ in range(_DRAWS))
        return next((family for family in drawn if family not in self.seen and allowed(family)), None)

    def _climb(self, predictor: "Blend", allowed: Allowed, affordable: Allowed) -> Family | None:
        """Uphill by moving one task at a time; the best new family on the way, or a random one."""
        known = [partition_of(range(self.num_tasks)), partition_of([0] * self.num_tasks)]
        starts = [max(filter(affordable, known), key=predictor.value, default=None)]
        starts += [next(filter(affordable, (self._random() for _ in range(_DRAWS))), None) for _ in range(_STARTS)]
        best, best_value = None, -np.inf
        for here in filter(None, starts):
            for _ in range(_STEPS):
                around = [family for family in neighbours(here, overlap=self.overlap) if affordable(family)]
                if not around:
                    break
                values = predictor.values(around)
                for place in np.argsort(-values, kind="stable"):
                    if values[place] <= best_value:
                        break
                    if (family := ordered(around[place])) not in self.seen and allowed(family):
                        best, best_value = family, float(values[place])
                        break
                top = int(values.argmax())
                if values[top] <= predictor.value(here):
                    break
                here = ordered(around[top])
        return best or self._draw(allowed)


def _each_group(num_tasks: int) -> Iterator[Partition]:
    """All alone, and then each larger group, small ones first, beside the other tasks alone."""
    yield partition_of(range(num_tasks))
    for group in sorted(all_groups(num_tasks), key=lambda group: (group.bit_count(), tasks_of(group))):
        if group.bit_count() > 1:
            others = (1 << task for task in range(num_tasks) if not group >> task & 1)
            yield canonical_partition((group, *others), num_tasks)


def is_settled(measured: Measured, predictor: "Blend", search: Search) -> bool:
    """Whether no unmeasured group can be in a better family, according to the estimators' intervals.

    True if the best affordable family of measured groups is as good as the best family when every other group has the highest
    upper limit of any estimator. Families may overlap here, which can only delay stopping. Where there are more than
    `MOST_LISTED` tasks, or an estimator has no interval, it is not settled.
    """
    if measured.num_tasks > MOST_LISTED:
        return False
    groups = list(all_groups(measured.num_tasks))
    known = measured.table(groups)[0]
    hopes = np.where(np.isnan(known), predictor.limits(groups, SETTLED_DOUBT), known)
    budget = measured.num_tasks if search.models is None else search.models

    def total(scores: Floats) -> float:
        candidates = Candidates.from_scores(groups, scores, lambda group: search.costs.get(group.bit_count(), 1.0))
        return best_family(candidates, budget=budget).total

    try:
        return bool(np.isfinite(hopes[membership(groups, measured.num_tasks)]).all()) and total(hopes) >= total(known) - 1e-9
    except DataError:  # no affordable family is measured yet
        return False


class Blend:
    """Combines all estimators that can be fitted: optimistic scores of groups, each computed once.

    A predicted score is the mean over estimators, weighted by their precision, plus `DOUBT` of the smallest error.
    """

    def __init__(self, measured: Measured | None, gradients: GradientAffinities, features: FeatureAffinities):
        self._num_tasks = measured.num_tasks if measured is not None else 0
        self._predictors: list[Predictor] = []
        if measured is not None:
            for estimator in ESTIMATORS.values():
                with contextlib.suppress(EvidenceError):
                    self._predictors.append(estimator.fit(measured, gradients, features))
        self._rows: dict[Group, int] = {}
        self._table = np.full((1, self._num_tasks), -np.inf)  # the first row is that of no group

    def value(self, family: Family) -> float:
        """Sum over tasks of the optimistic score in their best group; 0 without predictions."""
        return float(self.values([family])[0])

    def values(self, families: Sequence[Family]) -> Floats:
        """The same for several, `[F]`."""
        if not self._predictors:
            return np.zeros(len(families))
        unknown = sorted({group for family in families for group in family} - self._rows.keys())
        if unknown:
            self._rows |= zip(unknown, range(len(self._table), len(self._table) + len(unknown)), strict=True)
            self._table = np.concatenate([self._table, self._optimistic(unknown)])
        places = np.zeros((len(families), max(map(len, families), default=0)), dtype=np.intp)
        for row, family in zip(places, families, strict=True):
            row[: len(family)] = [self._rows[group] for group in family]
        return self._table[places].max(axis=1).sum(axis=1)

    def limits(self, groups: list[Group], doubt: float) -> Floats:
        """The highest upper limit of any estimator, `doubt` standard errors above its prediction, `[G, T]`; infinite: unknown.

        NaN where a group does not hold a task.
        """
        highest = np.full((len(groups), self._num_tasks), np.nan)
        for predictor in self._predictors:
            prediction = predictor.predict(groups)
            highest = np.fmax(highest, prediction.scores + doubt * prediction.errors)
        return highest

    def _optimistic(self, groups: list[Group]) -> Floats:
        """What each task could score in each group, `[G, T]`: 0 where nothing can be said, minus infinity outside it."""
        member = membership(groups, self._num_tasks)
        known, known_errors = self._predictors[0].measured.table(groups)
        predicted = [predictor.model(member) for predictor in self._predictors]
        scores = np.where(np.isnan(known), np.stack([scores for scores, _ in predicted]), known)
        errors = np.where(np.isnan(known), np.stack([errors for _, errors in predicted]), known_errors)
        is_predicted = np.isfinite(scores) & member
        weights = np.where(is_predicted, 1 / np.fmax(np.where(np.isfinite(errors), errors, 1.0), 1e-3) ** 2, 0.0)
        total = weights.sum(axis=0)
        mean = (weights * np.where(is_predicted, scores, 0.0)).sum(axis=0) / np.where(total > 0, total, 1.0)
        doubt = np.where(is_predicted & np.isfinite(errors), errors, np.inf).min(axis=0)
        raised = mean + DOUBT * np.where(np.isfinite(doubt), doubt, 0.0)
        return np.where(member, np.where(total > 0, raised, 0.0), -np.inf)
