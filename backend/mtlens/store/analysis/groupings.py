"""Which tasks to train together: each method's predictions for groups, the families it would choose, the recommendation.

A method is fitted only to the validation scores of the groups that it asks for. The family that it chooses is measured on test.
Recomputed when a run or the evidence has changed, so that a search shows its state while it runs.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from mtlens.config.run_kinds import FAMILY
from mtlens.errors import DataError, EvidenceError
from mtlens.grouping.estimators import ESTIMATORS, Affinity, Estimator
from mtlens.grouping.estimators.base import GroupPrediction, Predictor
from mtlens.grouping.estimators.measured import pairwise_gains
from mtlens.grouping.evaluation import judge
from mtlens.grouping.measurements import Floats, Pairwise, mean_and_error
from mtlens.grouping.optimal_family import Candidates, Selection, best_within
from mtlens.grouping.partitions import Group, all_groups, tasks_of
from mtlens.store.analysis import recommendations
from mtlens.store.analysis.group_scores import GroupScores, gather
from mtlens.store.database import writer
from mtlens.store.database.load import TABLES_OF_GROUPING
from mtlens.store.tables.bookkeeping import GroupingSeenRow
from mtlens.store.tables.grouping import AffinityRow, GroupingMemberRow, GroupingMethodRow, GroupingRow, GroupScoreRow

_WIDTH = 1.96  # standard errors of a 95 % interval
_MOST_GROUPS = 1023  # all of ten tasks; of more tasks the smallest groups, and those that are trained
_MOST_JUDGED = 10  # tasks; twelve have four million partitions, and nobody else could write for minutes


class _Proposal(NamedTuple):
    """Columns of table `grouping` that a method says of a family; a recommendation predicts nothing."""

    method: str
    rank: int
    recommended: bool
    predicted: float | None = None
    predicted_low: float | None = None
    predicted_high: float | None = None
    discovery_seconds: float | None = None


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Recompute the groupings of an experiment that searches, unless nothing has changed."""
    group_scores = gather(connection, experiment_id)
    seen = "SELECT inputs FROM bookkeeping.grouping_seen WHERE experiment_id = ?"
    before = connection.execute(seen, [experiment_id]).fetchone()
    if before == (None if group_scores is None else (group_scores.inputs,)):
        return
    for table in TABLES_OF_GROUPING:
        connection.execute(f"DELETE FROM {table} WHERE experiment_id = ?", [experiment_id])
    connection.execute("DELETE FROM comparison WHERE experiment_id = ? AND kind = ?", [experiment_id, FAMILY.name])
    if group_scores is None:
        return
    writer.insert_rows(connection, [GroupingSeenRow(experiment_id=experiment_id, inputs=group_scores.inputs)])
    writer.insert_rows(connection, list(_affinities(group_scores)))
    if any((1 << task) not in group_scores.complete for task in range(len(group_scores.tasks))):
        return
    predictors = _predictors(group_scores)
    scores = [row for method, predictor in predictors for row in _scores(group_scores, method, predictor)]
    writer.insert_rows(connection, scores)
    family, is_recommended = recommendations.refresh(connection, group_scores)
    _store_groupings(connection, group_scores, predictors, family, is_recommended)
    if group_scores.is_exhaustive and len(group_scores.seeds) > 1 and 1 < len(group_scores.tasks) <= _MOST_JUDGED:
        methods = [method for method, _ in predictors]
        writer.insert_rows(connection, list(_judged(group_scores, methods)))


def _affinities(group_scores: GroupScores) -> Iterator[AffinityRow]:
    """A row for each pair of tasks that a method speaks of."""
    found: list[tuple[str, Pairwise | None]] = [
        ("pairwise gain", pairwise_gains(group_scores.validation)),
        *(
            (estimator.name, estimator.matrix(group_scores.gradients, group_scores.features))
            for estimator in ESTIMATORS.values()
            if isinstance(estimator, Affinity)
        ),
    ]
    for method, pairwise in found:
        for i, task_from in enumerate(group_scores.tasks if pairwise else ()):
            for j, task_for in enumerate(group_scores.tasks):
                if pairwise and i != j and (value := _known(pairwise.values[i, j])) is not None:
                    yield AffinityRow(
                        experiment_id=group_scores.experiment_id,
                        method=method,
                        task_from=task_from,
                        task_for=task_for,
                        value=value,
                        standard_error=_known(pairwise.errors[i, j]),
                    )


def _predictors(group_scores: GroupScores) -> list[tuple[Estimator, Predictor]]:
    """Every method that has what it needs, fitted to the groups that it asks for."""
    found: list[tuple[Estimator, Predictor]] = []
    for method in ESTIMATORS.values():
        groups = set(method.discovery(len(group_scores.tasks)).groups) & set(group_scores.complete)
        try:
            found.append(
                (
                    method,
                    method.fit(group_scores.validation.of_groups(groups), group_scores.gradients, group_scores.features),
                )
            )
        except EvidenceError:
            continue
    return found


def _candidates(group_scores: GroupScores) -> list[Group]:
    """Groups that are predicted: all where they are few; else the smallest and those that are trained."""
    num_tasks = len(group_scores.tasks)
    if len(all_groups(num_tasks)) <= _MOST_GROUPS:
        return list(all_groups(num_tasks))
    small = [1 << i | 1 << j for i in range(num_tasks) for j in range(i + 1)]
    return sorted({*small, *group_scores.complete, all_groups(num_tasks)[-1]})


def _scores(group_scores: GroupScores, method: Estimator, predictor: Predictor) -> Iterator[GroupScoreRow]:
    """Predicted and measured gains; no prediction of groups that the method asks to be trained."""
    groups = [group for group in _candidates(group_scores) if group.bit_count() > 1]
    asked = set(method.discovery(len(group_scores.tasks)).groups)
    found, singles = predictor.predict(groups), group_scores.validation.singles
    for row, group in enumerate(groups):
        for task in tasks_of(group):
            predicted = None if group in asked else _known(found.scores[row, task] - singles[task])
            measured = _interval(_gain(group_scores, group, task))
            if predicted is not None or measured[0] is not None:
                half = _known(_WIDTH * found.errors[row, task])
                low, high = (None, None) if predicted is None or half is None else (predicted - half, predicted + half)
                yield GroupScoreRow(
                    experiment_id=group_scores.experiment_id,
                    method=method.name, tasks=group_scores.names(group), task=group_scores.tasks[task],
                    predicted=predicted, predicted_low=low, predicted_high=high,
                    measured=measured[0], measured_low=measured[1], measured_high=measured[2],
                )  # fmt: skip


def _gain(group_scores: GroupScores, group: Group, task: int) -> Floats | None:
    """Gain on test for each seed, NaN where unknown."""
    scores = group_scores.test.scores.get((group, task))
    return None if scores is None else scores - group_scores.test.scores[1 << task, task]


def _budgets(group_scores: GroupScores) -> list[float]:
    """Budgets in ascending order up to the largest cost of a family, in steps of the cheapest model."""
    costs = [group_scores.cost((1 << size) - 1) for size in range(1, len(group_scores.tasks) + 1)]
    most = group_scores.search.models or float(len(group_scores.tasks))
    return [most - step * min(costs) for step in range(math.ceil(most / min(costs)))][::-1]


def _families(group_scores: GroupScores, candidates: Candidates) -> list[tuple[float, Selection]]:
    """The best family at each budget that pays for one, each family once, and the budget."""
    found: dict[tuple[Group, ...], tuple[float, Selection]] = {}
    for budget in _budgets(group_scores):
        try:
            family = best_within(candidates, budget=budget, overlap=group_scores.search.overlap)
        except DataError:
            continue
        found.setdefault(family.groups, (budget, family))
    return sorted(found.values(), key=lambda pair: (pair[1].total, pair[1].cost))


def _store_groupings(
    connection: writer.Connection,
    group_scores: GroupScores,
    predictors: Sequence[tuple[Estimator, Predictor]],
    family: Selection,
    is_recommended: bool,
) -> None:
    """Families of every method, and the recommended one."""
    groups, rows, members = _candidates(group_scores), list[GroupingRow](), list[GroupingMemberRow]()
    known = list(group_scores.complete)
    measured = Candidates.from_scores(known, group_scores.validation.table(known)[0], group_scores.cost)

    def add(proposal: _Proposal, chosen: Selection, of: Sequence[Group], budget: float) -> None:
        servers = [of[row] for row in chosen.served_by]
        score = _served(group_scores, servers)
        best = None
        if group_scores.is_exhaustive:
            reference = best_within(measured, budget=budget, overlap=group_scores.search.overlap)
            best = _served(group_scores, [known[row] for row in reference.served_by])
        value, low, high = _interval(score)
        experiment_id, grouping_id = group_scores.experiment_id, len(rows)
        regret = None if best is None or score is None else float(best.mean() - score.mean())
        rows.append(GroupingRow(
            experiment_id=experiment_id, grouping_id=grouping_id, cost=chosen.cost,
            measured=value, measured_low=low, measured_high=high, regret=regret, **proposal._asdict(),
        ))  # fmt: skip
        for position, group in enumerate(sorted(chosen.groups, key=tasks_of)):
            for task in tasks_of(group):
                members.append(GroupingMemberRow(
                    experiment_id=experiment_id, grouping_id=grouping_id, position=position,
                    task=group_scores.tasks[task], serves=servers[task] == group,
                ))  # fmt: skip

    for method, predictor in predictors:
        prediction = predictor.predict(groups)
        candidates = Candidates.from_scores(groups, prediction.scores, group_scores.cost)
        for rank, (budget, chosen) in enumerate(_families(group_scores, candidates), start=1):
            predicted = _expected(group_scores, prediction, chosen)
            seconds = _discovery_seconds(group_scores, method)
            add(_Proposal(method.name, rank, False, *predicted, seconds), chosen, groups, budget)
    add(_Proposal("recommendation", 1, is_recommended), family, known, family.cost)
    writer.insert_rows(connection, rows)
    writer.insert_rows(connection, members)


def _expected(
    group_scores: GroupScores, prediction: GroupPrediction, chosen: Selection
) -> tuple[float, float | None, float | None]:
    """Score on test that a method expects, with interval: of the task-specific models, plus the gains that it predicts."""
    places = list(chosen.served_by), np.arange(len(chosen.served_by))
    gain = float((prediction.scores[places] - group_scores.validation.singles).mean())
    value = float(group_scores.test.singles.mean()) + gain
    half = _known(_WIDTH * float(np.sqrt((prediction.errors[places] ** 2).sum())) / len(chosen.served_by))
    return (value, None, None) if half is None else (value, value - half, value + half)


def _served(group_scores: GroupScores, servers: Sequence[Group]) -> Floats | None:
    """Mean over tasks of their scores on test in the groups that serve them, for each seed; None where one is unknown."""
    scores = [group_scores.test.scores.get((group, task)) for task, group in enumerate(servers)]
    known = [score for score in scores if score is not None]
    return np.mean(known, axis=0) if len(known) == len(scores) and not np.isnan(known).any() else None


def _discovery_seconds(group_scores: GroupScores, method: Estimator) -> float | None:
    """Training time of the groups that a method asks for, under all seeds, and time of its evidence; None if unknown."""
    discovery = method.discovery(len(group_scores.tasks))
    seconds = [group_scores.mean(group, "seconds") for group in discovery.groups]
    trained = [value for value in seconds if value is not None]
    evidence = sum(group_scores.evidence_seconds.get(kind, 0.0) for kind in discovery.evidence)
    return sum(trained) * len(group_scores.seeds) + evidence if len(trained) == len(seconds) else None


def _judged(group_scores: GroupScores, methods: Sequence[Estimator]) -> Iterator[GroupingMethodRow]:
    """The table of methods."""
    groups = list(group_scores.complete)
    singles = Candidates.from_scores(groups, group_scores.validation.table(groups)[0], group_scores.cost)
    budgets = sorted(budget for budget, _ in _families(group_scores, singles))
    found = judge(
        group_scores.validation, group_scores.gradients, group_scores.features, budgets=budgets, estimators=methods,
        cost=group_scores.cost, scored=group_scores.test, overlap=group_scores.search.overlap,
    )  # fmt: skip
    for position, row in enumerate(found.rows):
        yield GroupingMethodRow(
            experiment_id=group_scores.experiment_id,
            position=position, method=row.method, trainings=row.trainings, passes=row.passes, budgets=budgets,
            regret=list(map(_known, row.regret)), permuted_regret=list(map(_known, row.permuted_regret)),
            tasks=group_scores.tasks, rank_correlation=list(map(_known, row.rank_correlation)),
            ceiling=list(map(_known, found.rows[0].rank_correlation)),
            pooled_correlation=_known(row.pooled_correlation),
        )  # fmt: skip


def _interval(values: Floats | None) -> tuple[float | None, float | None, float | None]:
    """Mean over seeds and its 95 % interval by Student's t."""
    if values is None or np.isnan(values).all():
        return None, None, None
    mean, error = mean_and_error(values)
    if not math.isfinite(error):
        return mean, None, None
    half = float(special.stdtrit(int((~np.isnan(values)).sum()) - 1, 0.975)) * error
    return mean, mean - half, mean + half


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
