"""Does the candidate match the baseline? Equivalence tests with a margin set beforehand.

The difference is a mean over seeds, paired by example and by seed; `mtlens.statistics.estimate` gives its standard error.
`experiments/benchmarks/interval_coverage.py` measures how often the intervals hold the truth, and how often a difference as
large as the margin is called a match.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import DataError
from mtlens.statistics.estimate import Estimate, estimate_differences
from mtlens.statistics.metrics import label_of
from mtlens.statistics.multiple_testing import holm
from mtlens.statistics.needed import MIN_SEEDS, needed
from mtlens.statistics.out_of_fold import OutOfFoldPredictions, estimate_out_of_fold
from mtlens.statistics.power import ALPHA
from mtlens.statistics.task_predictions import TaskPredictions

Predictions = Sequence[TaskPredictions | OutOfFoldPredictions]
Verdict = Literal["matches", "better", "worse", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Candidate against baseline on one task, or on the mean over tasks.

    Scores, differences and margin are in the unit of the metric; a positive difference favours the candidate. With one seed or
    one cluster the standard error is infinite, the intervals are the whole line and every p is 1.
    """

    task: str | None  # None: mean over tasks
    metric: str | None  # None: mean over tasks with different metrics
    baseline_mean: float
    candidate_mean: float
    baseline_per_seed: tuple[float, ...]
    candidate_per_seed: tuple[float, ...]
    difference: float
    standard_error: float
    degrees_of_freedom: float
    low90: float
    high90: float
    low95: float
    high95: float
    p_equivalence: float  # against a true difference outside (-margin, margin)
    p_better: float  # against a true difference <= 0
    p_worse: float  # against a true difference >= 0
    adjusted_p_equivalence: float  # by Holm across the tasks; the mean over tasks keeps its own
    adjusted_p_better: float
    adjusted_p_worse: float
    disagreement_rate: float  # share of examples that exactly one of the two gets right
    num_seeds: int
    num_examples: int
    num_clusters: int
    margin: float
    verdict: Verdict
    needed: str  # what would settle an inconclusive comparison; empty for the others
    method: str


class _PValues(NamedTuple):
    equivalence: float
    better: float
    worse: float


def compare(tasks: Predictions, *, margin: float) -> tuple[Comparison, ...]:
    """One comparison per task and, last, the one of the means over tasks.

    The first rule that holds decides: fewer than three seeds are inconclusive; an adjusted p_equivalence below 0.05
    matches; an adjusted p_better or p_worse below 0.05 is better or worse; the rest is inconclusive.
    Raises `DataError` where tasks have different numbers of seeds: hand over the seeds that all of them finished.
    """
    if len({len(task.baseline) for task in tasks}) != 1:
        found = ", ".join(f"{task.task}: {len(task.baseline)}" for task in tasks) or "no task"
        raise DataError(f"tasks that are compared should have the same number of seeds; found {found}")
    each, mean = _estimates(tasks)
    raw = [_p_values(estimate, margin) for estimate in each]
    adjusted = [_PValues(*p) for p in zip(*(holm(column) for column in zip(*raw, strict=True)), strict=True)]
    method = _method_of_folds(tasks) or (
        f"{_name_of(tasks)} paired by example and seed; variance by the examples from a jackknife over clusters, variance "
        f"between seeds moderated over tasks; Student's t with Satterthwaite's degrees of freedom; two one-sided tests"
    )
    of_tasks = (
        _comparison([task], estimate, margin, p, f"{method}, Holm across {len(tasks)} tasks", len(tasks))
        for task, estimate, p in zip(tasks, each, adjusted, strict=True)
    )
    return (*of_tasks, _comparison(tasks, mean, margin, _p_values(mean, margin), method, None))


def _estimates(tasks: Predictions) -> tuple[Sequence[Estimate], Estimate]:
    out_of_fold = [task for task in tasks if isinstance(task, OutOfFoldPredictions)]
    if len(out_of_fold) == len(tasks):
        return estimate_out_of_fold(out_of_fold)
    return estimate_differences([task for task in tasks if isinstance(task, TaskPredictions)])


def _method_of_folds(tasks: Predictions) -> str:
    """How out-of-fold predictions are compared; empty for those on a test split."""
    if not isinstance(tasks[0], OutOfFoldPredictions):
        return ""
    return (
        f"{_name_of(tasks)} of the pooled predictions of {len(tasks[0].folds)} folds, each by the runs that left it out, "
        "paired by example and seed; variance by the examples from a jackknife over clusters; variance between folds beyond "
        "it, moderated over tasks, with the correction for overlapping training sets of Nadeau and Bengio; Student's t with "
        "Satterthwaite's degrees of freedom; two one-sided tests"
    )


def _metric_of(tasks: Predictions) -> str | None:
    """The metric that all tasks share, if they do."""
    names = {task.metric for task in tasks}
    return names.pop() if len(names) == 1 else None


def _name_of(tasks: Predictions) -> str:
    metric = _metric_of(tasks)
    return label_of(metric) if metric else "scores"


def _p_values(estimate: Estimate, margin: float) -> _PValues:
    """Two one-sided tests for equivalence (Schuirmann 1987), and one for each direction."""
    return _PValues(
        equivalence=max(estimate.p_above(-margin), estimate.p_below(margin)),
        better=estimate.p_above(0.0),
        worse=estimate.p_below(0.0),
    )


def _comparison(
    tasks: Predictions,
    estimate: Estimate,
    margin: float,
    adjusted: _PValues,
    method: str,
    num_tests: int | None,
) -> Comparison:
    """All that is known about one task, or about the mean over tasks where `num_tests` is None."""
    baseline, candidate = np.mean([task.scores for task in tasks], axis=0).tolist()
    baseline_mean, candidate_mean = np.mean([_means(task) for task in tasks], axis=0).tolist()
    num_examples = len(np.unique(np.concatenate([task.example for task in tasks])))
    low90, high90 = estimate.interval(0.90)
    low95, high95 = estimate.interval(0.95)
    raw = _p_values(estimate, margin)
    verdict = _verdict(estimate.num_seeds, adjusted)
    return Comparison(
        task=tasks[0].task if num_tests else None,
        metric=_metric_of(tasks),
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
        needed=needed(estimate, margin, num_examples, num_tests or 1) if verdict == "inconclusive" else "",
        method=method,
    )


def _means(task: TaskPredictions | OutOfFoldPredictions) -> NDArray[np.float64]:
    """Scores of baseline and candidate by all seeds, `[2]`."""
    return task.pooled_scores if isinstance(task, OutOfFoldPredictions) else task.scores.mean(axis=1)


def _verdict(num_seeds: int, adjusted: _PValues) -> Verdict:
    if num_seeds < MIN_SEEDS:
        return "inconclusive"
    if adjusted.equivalence < ALPHA:
        return "matches"
    if adjusted.better < ALPHA:
        return "better"
    return "worse" if adjusted.worse < ALPHA else "inconclusive"
