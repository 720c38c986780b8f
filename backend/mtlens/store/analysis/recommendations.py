"""Fills `recommendation`: the cheapest family of models, chosen on validation and judged by the verdicts on test.

The family is tested once, by the test of table `comparison` with Holm's correction over its tasks, so that the choice does not
bias the test. A task that is served by its own model is not tested: nothing changes for it. A task whose own models are no
better than chance does not share a model: any model would match them.
"""

from collections.abc import Sequence

from mtlens.config.run_kinds import FAMILY
from mtlens.data.splits import VALIDATION
from mtlens.grouping.optimal_family import Selection
from mtlens.grouping.partitions import tasks_of
from mtlens.grouping.recommendation import cheapest_adequate
from mtlens.statistics.comparison import Comparison
from mtlens.statistics.equivalence import compare as judge
from mtlens.statistics.learnt import NOT_LEARNT, better_than_chance
from mtlens.store.analysis import comparisons
from mtlens.store.analysis.group_scores import GroupScores
from mtlens.store.analysis.model_selection import Pairs
from mtlens.store.analysis.paired_predictions import read_predictions, read_tasks
from mtlens.store.database import writer
from mtlens.store.tables.grouping import RecommendationRow

_METHOD = (
    "chosen on validation: the cheapest family in which no task falls short of its task-specific model by more than half of "
    "the margin; tasks whose own models are no better than chance (permutation test, 5 %) are left alone; judged once, on "
    "test, by equivalence tests with Holm's correction over its tasks"
)
_COSTS = ("parameters", "seconds", "inference_seconds")


def refresh(connection: writer.Connection, group_scores: GroupScores) -> tuple[Selection, bool]:
    """Choose a family, judge it and store the result; returns the family, and whether it can be recommended."""
    alone = _unlearned(connection, group_scores)
    family = cheapest_adequate(
        group_scores.validation,
        group_scores.complete,
        margin=group_scores.margin,
        cost=group_scores.cost,
        overlap=group_scores.search.overlap,
        alone=alone,
    )
    found = _judged(connection, group_scores, family)
    verdict, statement = _conclusion(group_scores, family, found)
    if alone:
        names = ", ".join(group_scores.tasks[task] for task in alone)
        statement += f"; left alone, as their own models are no better than chance on validation: {names}"
    singles = [1 << task for task in range(len(group_scores.tasks))]
    costs = {
        **{name: _total([group_scores.mean(group, name) for group in family.groups]) for name in _COSTS},
        **{f"single_{name}": _total([group_scores.mean(group, name) for group in singles]) for name in _COSTS},
    }
    row = RecommendationRow(
        experiment_id=group_scores.experiment_id,
        verdict=verdict,
        groups=[group_scores.names(group) for group in sorted(family.groups, key=tasks_of)],
        statement=statement,
        models=len(family.groups),
        cost=family.cost,
        tasks=len(singles),
        method=_METHOD,
        **costs,
    )
    writer.insert_rows(connection, [row])
    return family, verdict in ("matches", "separate")


def _unlearned(connection: writer.Connection, group_scores: GroupScores) -> list[int]:
    """Tasks whose own models score no higher on validation than under permuted labels.

    A one-sided test at 5 % of the mean over seeds.
    """
    runs, seeds = group_scores.runs, group_scores.seeds
    alone: Pairs = {}
    for task, name in enumerate(group_scores.tasks):
        of_seeds = {seed: runs[1 << task, seed].run_id for seed in seeds}
        alone[name] = {seed: (run_id, run_id) for seed, run_id in of_seeds.items()}
    tasks = read_predictions(connection, group_scores.experiment_id, alone, VALIDATION)
    return [
        group_scores.tasks.index(task.task)
        for task in (predictions.replicates for predictions in tasks)
        if not better_than_chance(task.metric_object, task.labels, task.baseline, task.num_classes)
    ]


def _judged(connection: writer.Connection, group_scores: GroupScores, family: Selection) -> Sequence[Comparison]:
    """Comparisons of the tasks that share a model with their task-specific models, stored as kind `family`."""
    groups = group_scores.complete
    pairs = {
        group_scores.tasks[task]: {
            seed: (group_scores.runs[1 << task, seed].run_id, group_scores.runs[groups[row], seed].run_id)
            for seed in group_scores.seeds
        }
        for task, row in enumerate(family.served_by)
        if groups[row] != 1 << task
    }
    tasks = read_predictions(connection, group_scores.experiment_id, pairs) if pairs else []
    margins = {task.task: task.margin for task in read_tasks(connection, group_scores.experiment_id)}
    found = judge(tasks, margin=margins) if tasks else ()
    comparisons.store_comparisons(connection, group_scores.experiment_id, FAMILY.name, pairs, found)
    return [comparison for comparison in found if comparison.task is not None]


def _conclusion(group_scores: GroupScores, family: Selection, found: Sequence[Comparison]) -> tuple[str, str]:
    """Verdict on the family and what it says in words."""
    words = "; ".join(" + ".join(group_scores.names(group)) for group in sorted(family.groups, key=tasks_of))
    models = "1 model" if len(family.groups) == 1 else f"{len(family.groups)} models"
    instead = f"{models} instead of {len(group_scores.tasks)} ({words})"
    worse = [str(comparison.task) for comparison in found if comparison.verdict == "worse"]
    undecided = [f"{comparison.task} ({comparison.needed})" for comparison in found if comparison.verdict == "inconclusive"]
    undecided += [
        f"{comparison.task} (not learnt: {comparison.not_learnt})" for comparison in found if comparison.verdict == NOT_LEARNT
    ]
    if not found:
        return "separate", "train the tasks separately: no cheaper family came near enough on validation"
    if worse:
        return (
            "worse",
            f"train the tasks separately: {instead} came nearest on validation, but are worse for {', '.join(worse)} on test",
        )
    if undecided:
        return "inconclusive", f"{instead}: undecided for {'; '.join(undecided)}"
    return "matches", f"{instead}: every task matches its task-specific model"


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
