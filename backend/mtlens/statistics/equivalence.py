"""Does the candidate match the baseline? Equivalence tests with a margin set beforehand, and what would settle the rest.

The difference is a mean over seeds, paired by example and by seed. Its variance is that of the test examples (cluster
bootstrap with the seeds held) plus that between seeds. Noise private to a seed and an example enters both, which errs on
the safe side. A percentile bootstrap that draws the seeds again too is no alternative: with three seeds that matter, its
90 % interval covers the truth about 74 % of the time (`experiments/benchmarks/interval_coverage.py` measures both).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from mtlens.errors import DataError
from mtlens.statistics.bootstrap import Estimate, TaskPredictions, estimate, resampled_differences
from mtlens.statistics.metrics import label_of
from mtlens.statistics.multiple_testing import holm
from mtlens.statistics.power import ALPHA, POWER

Verdict = Literal["matches", "better", "worse", "inconclusive"]

MIN_SEEDS = 3
_MOST_SEEDS = 100
_MOST_GROWTH = 1000  # times the test examples at hand


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


def compare(
    tasks: Sequence[TaskPredictions], *, margin: float, num_resamples: int = 2000, seed: int = 0
) -> tuple[Comparison, ...]:
    """One comparison per task and, last, the one of the means over tasks.

    The first rule that holds decides: fewer than three seeds are inconclusive; an adjusted p_equivalence below 0.05
    matches; an adjusted p_better or p_worse below 0.05 is better or worse; the rest is inconclusive.
    Raises `DataError` where tasks have different numbers of seeds: hand over the seeds that all of them finished.
    """
    if len({len(task.baseline) for task in tasks}) != 1:
        found = ", ".join(f"{task.task}: {len(task.baseline)}" for task in tasks) or "no task"
        raise DataError(f"tasks that are compared should have the same number of seeds; found {found}")
    resampled = resampled_differences(tasks, num_resamples=num_resamples, seed=seed)
    estimates = [estimate([task], resampled[:, [t]]) for t, task in enumerate(tasks)]
    raw = [_p_values(difference, margin) for difference in estimates]
    adjusted = [_PValues(*p) for p in zip(*(holm(column) for column in zip(*raw, strict=True)), strict=True)]
    method = (
        f"{_name_of(tasks)} paired by example and seed; variance of the examples by a cluster bootstrap ({num_resamples} "
        f"resamples, random seed {seed}) plus variance between seeds; Student's t with Satterthwaite's degrees of freedom; "
    )
    of_tasks = (
        _comparison([task], difference, margin, p, f"{method}two one-sided tests, Holm across {len(tasks)} tasks", len(tasks))
        for task, difference, p in zip(tasks, estimates, adjusted, strict=True)
    )
    mean = estimate(tasks, resampled)
    return (*of_tasks, _comparison(tasks, mean, margin, _p_values(mean, margin), f"{method}two one-sided tests", None))


def _metric_of(tasks: Sequence[TaskPredictions]) -> str | None:
    """The metric that all tasks share, if they do."""
    names = {task.metric for task in tasks}
    return names.pop() if len(names) == 1 else None


def _name_of(tasks: Sequence[TaskPredictions]) -> str:
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
    tasks: Sequence[TaskPredictions],
    estimate: Estimate,
    margin: float,
    adjusted: _PValues,
    method: str,
    num_tests: int | None,
) -> Comparison:
    """All that is known about one task, or about the mean over tasks where `num_tests` is None."""
    baseline, candidate = np.mean([task.scores for task in tasks], axis=0).tolist()
    num_examples = len(np.unique(np.concatenate([task.example for task in tasks])))
    low90, high90 = estimate.interval(0.90)
    low95, high95 = estimate.interval(0.95)
    raw = _p_values(estimate, margin)
    verdict = _verdict(estimate.num_seeds, adjusted)
    return Comparison(
        task=tasks[0].task if num_tests else None,
        metric=_metric_of(tasks),
        baseline_mean=float(np.mean(baseline)),
        candidate_mean=float(np.mean(candidate)),
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
        needed=_needed(estimate, margin, num_examples, num_tests or 1) if verdict == "inconclusive" else "",
        method=method,
    )


def _verdict(num_seeds: int, adjusted: _PValues) -> Verdict:
    if num_seeds < MIN_SEEDS:
        return "inconclusive"
    if adjusted.equivalence < ALPHA:
        return "matches"
    if adjusted.better < ALPHA:
        return "better"
    return "worse" if adjusted.worse < ALPHA else "inconclusive"


def _needed(estimate: Estimate, margin: float, num_examples: int, num_tests: int) -> str:
    """What finds a match with 90 % power if the true difference is 0, when all tests are as strict as Holm's first."""
    if estimate.num_seeds < MIN_SEEDS:
        return f"at least {MIN_SEEDS} seeds; found {estimate.num_seeds}"
    if estimate.num_clusters < 2:
        return "test examples of at least two groups; found one"
    seeds = np.arange(estimate.num_seeds, _MOST_SEEDS + 1)[:, None]
    growth = np.geomspace(1, _MOST_GROWTH, 61)[None, :]
    error, freedom = estimate.precision(seeds, growth)
    spans = special.stdtrit(freedom, 1 - ALPHA / num_tests) + special.stdtrit(freedom, (1 + POWER) / 2)
    enough = spans * error <= margin

    def examples(column: int) -> str:
        return f"about {float(f'{num_examples * growth[0, column]:.2g}'):,.0f} test examples"

    if enough[0, 0]:
        return "a wider margin, or far more seeds and test examples: precise enough for no difference, so there likely is one"
    if enough[:, 0].any():
        more_seeds = f"about {seeds[enough[:, 0].argmax(), 0]} seeds"
        return f"{more_seeds}, or {examples(int(enough[0].argmax()))}" if enough[0].any() else more_seeds
    if enough[0].any():
        return f"more seeds alone cannot settle it: {examples(int(enough[0].argmax()))} needed"
    if not enough.any():
        return f"out of reach: more than {_MOST_SEEDS} seeds and {_MOST_GROWTH:,} times the test examples"
    row, column = np.unravel_index(np.where(enough, seeds * growth, np.inf).argmin(), enough.shape)
    return f"about {seeds[row, 0]} seeds and {examples(int(column))}: neither alone can settle it"
