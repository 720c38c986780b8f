"""Does the candidate match the baseline? Equivalence tests with a margin set beforehand.

The difference is a mean over seeds, paired by example and by seed; `mtlens.statistics.estimate` gives its standard error.
`experiments/benchmarks/interval_coverage.py` measures how often the intervals hold the truth, and how often a difference as
large as the margin is called a match.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import DataError
from mtlens.statistics.comparison import Comparison, Scope, Verdict
from mtlens.statistics.conditional_power import chances
from mtlens.statistics.estimate import Estimate
from mtlens.statistics.learnt import METHOD as LEARNT_METHOD
from mtlens.statistics.learnt import NOT_LEARNT, Learning, judge_learning
from mtlens.statistics.metrics import label_of
from mtlens.statistics.multiple_testing import holm
from mtlens.statistics.needed import MIN_SEEDS, needed
from mtlens.statistics.power import ALPHA
from mtlens.statistics.predictions import Predictions, describe, estimate_all
from mtlens.statistics.sequential import ONLY_LOOK, Look, Spending
from mtlens.statistics.shown import counted


class _PValues(NamedTuple):
    equivalence: float
    better: float
    worse: float


def compare(
    tasks: Sequence[Predictions],
    *,
    margin: float | Mapping[str, float],
    look: Look = ONLY_LOOK,
    before: Mapping[Scope, Comparison] | None = None,
) -> tuple[Comparison, ...]:
    """One comparison per task and, last, the one of the means over the tasks that were learnt.

    margin: of all tasks, or by the name of each, in the unit of its metric. Where tasks have different metrics or margins, the
    mean is over differences divided by their margins.

    The first rule that holds decides: fewer than three seeds are inconclusive; a task that neither kind of models learnt is
    not learnt; an adjusted p_equivalence below 0.05 matches; an adjusted p_better or p_worse below 0.05 is better or
    worse; the rest is inconclusive.
    look: which of several looks at growing numbers of seeds this is. before: the last comparison of each task, and of the
    mean, at earlier looks; Holm's correction also counts learnt tasks that are not among `tasks`.
    Raises `DataError` where tasks have different numbers of seeds: pass the seeds that all of them have finished.
    """
    if len({len(task.baseline) for task in tasks}) != 1:
        found = ", ".join(f"{task.task}: {len(task.baseline)}" for task in tasks) or "no task"
        raise DataError(f"tasks that are compared should have the same number of seeds; found {found}")
    known = before or {}
    learning = [_judge(task, known.get(task.task)) for task in tasks]
    learnt = [task for task, judged in zip(tasks, learning, strict=True) if not judged.not_learnt] or tasks
    margins = dict(margin) if isinstance(margin, Mapping) else {task.task: margin for task in tasks}
    is_mixed = len({(task.metric, margins[task.task]) for task in tasks}) > 1
    each, mean = estimate_all(learnt, [margins[task.task] if is_mixed else 1.0 for task in learnt])
    spendings = [_spending(known.get(task.task), estimate, look) for task, estimate in zip(learnt, each, strict=True)]
    others = _others(tasks, known)
    elsewhere: list[Verdict] = [comparison.verdict for comparison in others if comparison.verdict != NOT_LEARNT]
    adjusted = _adjusted(each, [margins[task.task] for task in learnt], spendings, elsewhere)
    method = f"{_name_of(tasks)} {describe(tasks)}; Student's t with Satterthwaite's degrees of freedom; {_tests_of(look)}"
    tests = {
        task.task: (estimate, spending, p)
        for task, estimate, spending, p in zip(learnt, each, spendings, adjusted, strict=True)
    }
    num_tests = len(learnt) + len(elsewhere)
    text = f"{method}, Holm across {counted(num_tests, 'task')}; {LEARNT_METHOD}"
    of_tasks: list[Comparison] = []
    for task, judged in zip(tasks, learning, strict=True):
        own = margins[task.task]
        estimate, spending, p = tests.get(task.task) or _alone(task, own, look, known.get(task.task))
        summary = _Scores.of_task(task, own)
        of_tasks.append(_comparison([task], summary, estimate, p, (look, spending), text, judged, num_tests))
    spending = _spending(known.get(None), mean, look)
    summary = _Scores.in_margins(learnt, margins) if is_mixed else _Scores.of_mean(learnt, margins[learnt[0].task])
    (p_of_mean,) = _adjusted([mean], [summary.margin], [spending], [])
    of_mean = _of_mean(tasks, learning, others)
    if is_mixed:
        method += "; mean over tasks of differences divided by their margins"
    return (*of_tasks, _comparison(learnt, summary, mean, p_of_mean, (look, spending), method, of_mean, None))


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """Scores of baseline and candidate, `[2]` and per seed `[2, S]`, and in which unit: None for margins."""

    metric: str | None
    margin: float
    means: tuple[float, float]
    per_seed: NDArray[np.float64]

    @classmethod
    def of_task(cls, task: Predictions, margin: float) -> Self:
        return cls.of_mean([task], margin)

    @classmethod
    def of_mean(cls, tasks: Sequence[Predictions], margin: float) -> Self:
        """Of tasks with the same metric and margin."""
        baseline, candidate = np.mean([task.mean_scores for task in tasks], axis=0).tolist()
        per_seed = np.mean([task.scores for task in tasks], axis=0)
        return cls(metric=tasks[0].metric, margin=margin, means=(baseline, candidate), per_seed=per_seed)

    @classmethod
    def in_margins(cls, tasks: Sequence[Predictions], margins: Mapping[str, float]) -> Self:
        """For tasks with different metrics or margins: scores are divided by the margin, and negated where less is better."""
        scores = [task.metric_object.sign * task.scores / margins[task.task] for task in tasks]
        return cls(metric=None, margin=1.0, means=(math.nan, math.nan), per_seed=np.mean(scores, axis=0))


def _judge(task: Predictions, before: Comparison | None) -> Learning:
    """Whether a task was learnt; one that an earlier look found to match, or to be better or worse, stays learnt."""
    judged = judge_learning(task)
    is_settled = before is not None and before.verdict in ("matches", "better", "worse")
    return replace(judged, not_learnt="", needed="") if is_settled else judged


def _others(tasks: Sequence[Predictions], known: Mapping[Scope, Comparison]) -> list[Comparison]:
    """Earlier comparisons of tasks that are not compared now."""
    names = {task.task for task in tasks}
    return [comparison for scope, comparison in known.items() if scope is not None and scope not in names]


def _spending(before: Comparison | None, estimate: Estimate, look: Look) -> Spending:
    return Spending(before.shares if before else ()).then(estimate, look)


def _adjusted(
    estimates: Sequence[Estimate], margins: Sequence[float], spendings: Sequence[Spending], others: Sequence[Verdict]
) -> list[_PValues]:
    """Corrected for the looks and, by Holm, for the tasks. Other tasks count, but for those whose hypothesis was rejected."""
    spent = [
        _PValues(*map(spending.adjust, _p_values(estimate, margin)))
        for estimate, margin, spending in zip(estimates, margins, spendings, strict=True)
    ]
    columns = [
        holm([*column, *(1.0 for verdict in others if verdict != rejected)])[: len(spent)]
        for column, rejected in zip(zip(*spent, strict=True), ("matches", "better", "worse"), strict=True)
    ]
    return [_PValues(*p) for p in zip(*columns, strict=True)]


def _alone(task: Predictions, margin: float, look: Look, before: Comparison | None) -> tuple[Estimate, Spending, _PValues]:
    """Estimate and tests of a task that was not learnt: its variance is not shared, and Holm does not count its tests."""
    estimate = estimate_all([task])[1]
    spending = _spending(before, estimate, look)
    (p,) = _adjusted([estimate], [margin], [spending], [])
    return estimate, spending, p


def _of_mean(tasks: Sequence[Predictions], learning: Sequence[Learning], others: Sequence[Comparison]) -> Learning:
    """Which tasks the mean leaves out, at this look or since an earlier one."""
    left_out = [task.task for task, judged in zip(tasks, learning, strict=True) if judged.not_learnt]
    is_empty = len(left_out) == len(tasks)
    named = [*(str(comparison.task) for comparison in others if comparison.verdict == NOT_LEARNT), *left_out]
    reason = f"without {', '.join(named)}: not learnt" if named else ""
    return Learning(
        not_learnt="no task was learnt" if is_empty else reason,
        needed="what its tasks need" if is_empty else "",
        baseline_collapsed=(),
        candidate_collapsed=(),
    )


def _tests_of(look: Look) -> str:
    tests = "two one-sided tests"
    if look is ONLY_LOOK:
        return tests
    seeds = ", ".join(map(str, look.schedule))
    return f"{tests} after {seeds} seeds, error spent over these looks (Lan and DeMets, Pocock type)"


def _name_of(tasks: Sequence[Predictions]) -> str:
    """The metric that all tasks share, or a word for all of them."""
    names = {task.metric for task in tasks}
    return label_of(names.pop()) if len(names) == 1 else "scores"


def _p_values(estimate: Estimate, margin: float) -> _PValues:
    """Two one-sided tests for equivalence (Schuirmann 1987), and one for each direction."""
    return _PValues(
        equivalence=max(estimate.p_above(-margin), estimate.p_below(margin)),
        better=estimate.p_above(0.0),
        worse=estimate.p_below(0.0),
    )


def _comparison(
    tasks: Sequence[Predictions],
    scores: _Scores,
    estimate: Estimate,
    adjusted: _PValues,
    at: tuple[Look, Spending],
    method: str,
    learning: Learning,
    num_tests: int | None,
) -> Comparison:
    """All that is known about one task, or about the mean over tasks where `num_tests` is None."""
    look, spending = at
    margin = scores.margin
    baseline, candidate = scores.per_seed.tolist()
    baseline_mean, candidate_mean = scores.means
    num_examples = len(np.unique(np.concatenate([task.example for task in tasks])))
    low90, high90 = estimate.interval(1 - 2 * spending.level(0.05))
    low95, high95 = estimate.interval(1 - 2 * spending.level(0.025))
    raw = _p_values(estimate, margin)
    verdict = _verdict(estimate.num_seeds, bool(learning.needed), adjusted)
    is_open, strictness = verdict == "inconclusive", round(ALPHA / spending.level(ALPHA / (num_tests or 1)))
    return Comparison(
        task=tasks[0].task if num_tests else None,
        metric=scores.metric,
        baseline_mean=baseline_mean,
        candidate_mean=candidate_mean,
        baseline_per_seed=tuple(baseline),
        candidate_per_seed=tuple(candidate),
        difference=estimate.difference,
        standard_error=estimate.standard_error,
        degrees_of_freedom=estimate.degrees_of_freedom,
        low90=low90,
        high90=high90,
        low95=low95,
        high95=high95,
        p_equivalence=raw.equivalence,
        p_better=raw.better,
        p_worse=raw.worse,
        adjusted_p_equivalence=adjusted.equivalence,
        adjusted_p_better=adjusted.better,
        adjusted_p_worse=adjusted.worse,
        disagreement_rate=float(np.mean([task.disagreement_rate for task in tasks])),
        num_seeds=estimate.num_seeds,
        num_examples=num_examples,
        num_clusters=estimate.num_clusters,
        margin=margin,
        verdict=verdict,
        needed=needed(estimate, margin, num_examples, strictness) if is_open else learning.needed,
        not_learnt=learning.not_learnt,
        baseline_collapsed=learning.baseline_collapsed,
        candidate_collapsed=learning.candidate_collapsed,
        shares=spending.shares,
        chances=chances(estimate, margin, look, spending, num_tests or 1) if is_open else (),
        method=method,
    )


def _verdict(num_seeds: int, not_learnt: bool, adjusted: _PValues) -> Verdict:
    if num_seeds < MIN_SEEDS:
        return "inconclusive"
    if not_learnt:
        return NOT_LEARNT
    if adjusted.equivalence < ALPHA:
        return "matches"
    if adjusted.better < ALPHA:
        return "better"
    return "worse" if adjusted.worse < ALPHA else "inconclusive"
