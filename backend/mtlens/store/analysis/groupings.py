"""Concludes which tasks belong together: what each method predicts of groups, the families it would choose, the recommendation.

A method is fitted to the validation scores of those groups alone that it asks to be trained. What it chooses is measured on
test. Recomputed when a run or the evidence has changed, so that a search shows its state while it runs.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import special

from mtlens.errors import DataError, EvidenceError
from mtlens.grouping.estimators import CKA, COSINE, ESTIMATORS, FIRST_ORDER, LINEARISED, TAG, Estimator
from mtlens.grouping.estimators.base import Prediction, Predictor
from mtlens.grouping.estimators.measured import pairwise_gains
from mtlens.grouping.evaluation import judge
from mtlens.grouping.measurements import Floats, Pairwise, mean_and_error
from mtlens.grouping.optimal_family import Candidates, Selection, best_within
from mtlens.grouping.partitions import Group, all_groups, tasks_of
from mtlens.store.analysis import recommendations
from mtlens.store.analysis.group_scores import Gathered, gather
from mtlens.store.database import writer
from mtlens.store.database.load import TABLES_OF_GROUPING

_EVIDENCE = {  # kinds of pieces that methods need; look-ahead and first order come from one piece and both count all of it
    TAG.name: ("lookahead",),
    FIRST_ORDER.name: ("lookahead",),
    LINEARISED.name: ("linearised",),
    COSINE.name: ("gradients",),
    CKA.name: ("states", "similarity"),
}
_WIDTH = 1.96  # standard errors of a 95 % interval
_MOST_GROUPS = 1023  # all of ten tasks; of more tasks the smallest groups, and those that are trained
_MOST_JUDGED = 10  # tasks; twelve have four million partitions, and nobody else could write for minutes


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Recompute the groupings of an experiment that searches, unless nothing has changed."""
    gathered = gather(connection, experiment_id)
    seen = "SELECT inputs FROM bookkeeping.grouping_seen WHERE experiment_id = ?"
    before = connection.execute(seen, [experiment_id]).fetchone()
    if before == (None if gathered is None else (gathered.inputs,)):
        return
    for table in TABLES_OF_GROUPING:
        connection.execute(f"DELETE FROM {table} WHERE experiment_id = ?", [experiment_id])
    connection.execute("DELETE FROM comparison WHERE experiment_id = ? AND kind = 'family'", [experiment_id])
    if gathered is None:
        return
    key = {"experiment_id": experiment_id}
    writer.insert_rows(connection, "bookkeeping.grouping_seen", [{**key, "inputs": gathered.inputs}])
    writer.insert_rows(connection, "affinity", [{**key, **row} for row in _affinities(gathered)])
    if any((1 << task) not in gathered.complete for task in range(len(gathered.tasks))):
        return
    predictors = _predictors(gathered)
    scores = [row for method, predictor in predictors for row in _scores(gathered, method, predictor)]
    writer.insert_rows(connection, "summary.group_score", [{**key, **row} for row in scores])
    family, is_recommended = recommendations.refresh(connection, gathered)
    _store_groupings(connection, gathered, predictors, family, is_recommended)
    if gathered.is_exhaustive and len(gathered.seeds) > 1 and 1 < len(gathered.tasks) <= _MOST_JUDGED:
        methods = [method for method, _ in predictors]
        writer.insert_rows(connection, "grouping_method", [{**key, **row} for row in _judged(gathered, methods)])


def _affinities(gathered: Gathered) -> Iterator[dict[str, object]]:
    """A row for each pair of tasks that a method speaks of."""
    found: list[tuple[str, Pairwise | None]] = [
        ("pairwise gain", pairwise_gains(gathered.validation)),
        *((one.name, one.matrix(gathered.gradients, gathered.features)) for one in (TAG, FIRST_ORDER, LINEARISED, COSINE, CKA)),
    ]
    for method, pairwise in found:
        for i, task_from in enumerate(gathered.tasks if pairwise else ()):
            for j, task_for in enumerate(gathered.tasks):
                if pairwise and i != j and (value := _known(pairwise.values[i, j])) is not None:
                    error = _known(pairwise.errors[i, j])
                    yield {
                        "method": method,
                        "task_from": task_from,
                        "task_for": task_for,
                        "value": value,
                        "standard_error": error,
                    }


def _predictors(gathered: Gathered) -> list[tuple[Estimator, Predictor]]:
    """Every method that has what it needs, fitted to the groups that it asks for."""
    found: list[tuple[Estimator, Predictor]] = []
    for method in ESTIMATORS:
        groups = set(method.discovery(len(gathered.tasks)).groups) & set(gathered.complete)
        try:
            found.append((method, method.fit(gathered.validation.of_groups(groups), gathered.gradients, gathered.features)))
        except EvidenceError:
            continue
    return found


def _candidates(gathered: Gathered) -> list[Group]:
    """Groups that are predicted: all where they are few; else the smallest and those that are trained."""
    num_tasks = len(gathered.tasks)
    if len(all_groups(num_tasks)) <= _MOST_GROUPS:
        return list(all_groups(num_tasks))
    small = [1 << i | 1 << j for i in range(num_tasks) for j in range(i + 1)]
    return sorted({*small, *gathered.complete, all_groups(num_tasks)[-1]})


def _scores(gathered: Gathered, method: Estimator, predictor: Predictor) -> Iterator[dict[str, object]]:
    """Predicted and measured gains; no prediction of groups that the method asks to be trained."""
    groups = [group for group in _candidates(gathered) if group.bit_count() > 1]
    asked = set(method.discovery(len(gathered.tasks)).groups)
    found, singles = predictor.predict(groups), gathered.validation.singles
    for row, group in enumerate(groups):
        for task in tasks_of(group):
            predicted = None if group in asked else _known(found.scores[row, task] - singles[task])
            measured = _interval(_gain(gathered, group, task))
            if predicted is not None or measured[0] is not None:
                half = _known(_WIDTH * found.errors[row, task])
                low, high = (None, None) if predicted is None or half is None else (predicted - half, predicted + half)
                yield {
                    "method": method.name, "tasks": gathered.names(group), "task": gathered.tasks[task],
                    "predicted": predicted, "predicted_low": low, "predicted_high": high, "measured": measured[0],
                    "measured_low": measured[1], "measured_high": measured[2],
                }  # fmt: skip


def _gain(gathered: Gathered, group: Group, task: int) -> Floats | None:
    """Gain on test for each seed, NaN where unknown."""
    scores = gathered.test.scores.get((group, task))
    return None if scores is None else scores - gathered.test.scores[1 << task, task]


def _budgets(gathered: Gathered) -> list[float]:
    """From what a family may cost at most downwards, in steps of the cheapest model."""
    costs = [gathered.cost((1 << size) - 1) for size in range(1, len(gathered.tasks) + 1)]
    most = gathered.search.models or float(len(gathered.tasks))
    return [most - step * min(costs) for step in range(math.ceil(most / min(costs)))][::-1]


def _families(gathered: Gathered, candidates: Candidates) -> list[tuple[float, Selection]]:
    """The best family at each budget that pays for one, each family once, and the budget."""
    found: dict[tuple[Group, ...], tuple[float, Selection]] = {}
    for budget in _budgets(gathered):
        try:
            one = best_within(candidates, budget=budget, overlap=gathered.search.overlap)
        except DataError:
            continue
        found.setdefault(one.groups, (budget, one))
    return sorted(found.values(), key=lambda pair: (pair[1].total, pair[1].cost))


def _store_groupings(
    connection: writer.Connection,
    gathered: Gathered,
    predictors: Sequence[tuple[Estimator, Predictor]],
    family: Selection,
    is_recommended: bool,
) -> None:
    """Families of every method, and the recommended one."""
    groups, rows, members = _candidates(gathered), list[dict[str, object]](), list[dict[str, object]]()
    known = list(gathered.complete)
    measured = Candidates.from_scores(known, gathered.validation.table(known)[0], gathered.cost)

    def add(about: dict[str, object], chosen: Selection, of: Sequence[Group], budget: float) -> None:
        servers = [of[row] for row in chosen.served_by]
        score = _served(gathered, servers)
        best = None
        if gathered.is_exhaustive:
            reference = best_within(measured, budget=budget, overlap=gathered.search.overlap)
            best = _served(gathered, [known[row] for row in reference.served_by])
        value, low, high = _interval(score)
        key = {"experiment_id": gathered.experiment_id, "grouping_id": len(rows)}
        regret = None if best is None or score is None else float(best.mean() - score.mean())
        rows.append({**key, "cost": chosen.cost, "measured": value, "measured_low": low, "measured_high": high,
                     "regret": regret, **about})  # fmt: skip
        for position, group in enumerate(sorted(chosen.groups, key=tasks_of)):
            for task in tasks_of(group):
                serves = servers[task] == group
                members.append({**key, "position": position, "task": gathered.tasks[task], "serves": serves})

    for method, predictor in predictors:
        prediction = predictor.predict(groups)
        candidates = Candidates.from_scores(groups, prediction.scores, gathered.cost)
        for rank, (budget, chosen) in enumerate(_families(gathered, candidates), start=1):
            about = {"method": method.name, "rank": rank, "discovery_seconds": _discovery_seconds(gathered, method)}
            predicted = _expected(gathered, prediction, chosen)
            add({**about, **predicted, "recommended": False}, chosen, groups, budget)
    nothing = {"predicted": None, "predicted_low": None, "predicted_high": None, "discovery_seconds": None}
    add({"method": "recommendation", "rank": 1, **nothing, "recommended": is_recommended}, family, known, family.cost)
    writer.insert_rows(connection, "grouping", rows)
    writer.insert_rows(connection, "grouping_member", members)


def _expected(gathered: Gathered, prediction: Prediction, chosen: Selection) -> dict[str, object]:
    """Score on test that a method expects: of the task-specific models, plus the gains that it predicts on validation."""
    places = list(chosen.served_by), np.arange(len(chosen.served_by))
    gain = float((prediction.scores[places] - gathered.validation.singles).mean())
    value = float(gathered.test.singles.mean()) + gain
    half = _known(_WIDTH * float(np.sqrt((prediction.errors[places] ** 2).sum())) / len(chosen.served_by))
    bounds = (None, None) if half is None else (value - half, value + half)
    return {"predicted": value, "predicted_low": bounds[0], "predicted_high": bounds[1]}


def _served(gathered: Gathered, servers: Sequence[Group]) -> Floats | None:
    """Mean over tasks of their scores on test in the groups that serve them, for each seed; None where one is unknown."""
    scores = [gathered.test.scores.get((group, task)) for task, group in enumerate(servers)]
    known = [one for one in scores if one is not None]
    return np.mean(known, axis=0) if len(known) == len(scores) and not np.isnan(known).any() else None


def _discovery_seconds(gathered: Gathered, method: Estimator) -> float | None:
    """Training time of the groups that a method asks for, under all seeds, and time of its evidence; None if unknown."""
    found = [gathered.mean(group, "seconds") for group in method.discovery(len(gathered.tasks)).groups]
    trained = [seconds for seconds in found if seconds is not None]
    kinds = _EVIDENCE.get(method.name, ())
    evidence = sum(gathered.evidence_seconds.get(kind, 0.0) for kind in kinds)
    return sum(trained) * len(gathered.seeds) + evidence if len(trained) == len(found) else None


def _judged(gathered: Gathered, methods: Sequence[Estimator]) -> Iterator[dict[str, object]]:
    """The table of methods."""
    groups = list(gathered.complete)
    singles = Candidates.from_scores(groups, gathered.validation.table(groups)[0], gathered.cost)
    budgets = sorted(budget for budget, _ in _families(gathered, singles))
    found = judge(
        gathered.validation, gathered.gradients, gathered.features, budgets=budgets, estimators=methods, cost=gathered.cost,
        scored=gathered.test, overlap=gathered.search.overlap,
    )  # fmt: skip
    for position, row in enumerate(found.rows):
        yield {
            "position": position, "method": row.method, "trainings": row.trainings, "passes": row.passes, "budgets": budgets,
            "regret": list(map(_known, row.regret)), "permuted_regret": list(map(_known, row.permuted_regret)),
            "tasks": list(gathered.tasks), "rank_correlation": list(map(_known, row.rank_correlation)),
            "ceiling": list(map(_known, found.rows[0].rank_correlation)),
            "pooled_correlation": _known(row.pooled_correlation),
        }  # fmt: skip


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
