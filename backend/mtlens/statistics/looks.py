"""One look of an experiment that trains seeds until its verdicts are settled: what it tests, and what stays open."""

from collections.abc import Mapping, Sequence

from mtlens.statistics.comparison import Comparison, Scope
from mtlens.statistics.conditional_power import SMALLEST_CHANCE
from mtlens.statistics.equivalence import compare
from mtlens.statistics.learnt import NOT_LEARNT
from mtlens.statistics.predictions import Predictions
from mtlens.statistics.sequential import Look


def hold_look(
    tasks: Sequence[Predictions], look: Look, before: Mapping[Scope, Comparison], *, margin: float | Mapping[str, float]
) -> list[Comparison]:
    """Comparisons of the tasks that are still open; last the mean, if it is open and no learnt task is missing.

    tasks: predictions with the seeds of this look, including settled tasks where the mean needs them. before: the last
    comparison of every task and of the mean at earlier looks, empty at the first look. A comparison that an earlier look
    settled is not tested again, and a task that was not learnt stays out of the mean.
    """
    not_learnt = {scope for scope, comparison in before.items() if comparison.verdict == NOT_LEARNT}
    learnt = [task for task in tasks if task.task not in not_learnt]
    still_open = [task for task in learnt if _is_open(task.task, before)]
    is_complete = {task.task for task in learnt} >= {scope for scope in before if scope is not None} - not_learnt
    comparisons = compare(still_open, margin=margin, look=look, before=before) if still_open else ()
    of_tasks, mean = comparisons[:-1], comparisons[-1:]
    if not (is_complete and _is_open(None, before)):
        return list(of_tasks)
    if len(still_open) < len(learnt):
        mean = compare(learnt, margin=margin, look=look, before=before)[-1:]
    return [*of_tasks, *mean]


def _is_open(scope: Scope, before: Mapping[Scope, Comparison]) -> bool:
    return scope not in before or before[scope].verdict == "inconclusive"


def asked_next(tasks: Sequence[str], chances: Mapping[Scope, Sequence[float]], num_looks: int) -> tuple[str, ...]:
    """Tasks for which the next look needs models: those that may still get a verdict, or all of them if the mean may.

    tasks: those that were learnt. chances: chances of a verdict at each later look, for each open comparison. num_looks: how
    many more looks there can be.
    """
    hopeful = {scope for scope, later in chances.items() if max(later[:num_looks], default=0.0) >= SMALLEST_CHANCE}
    return tuple(task for task in tasks if None in hopeful or task in hopeful)
