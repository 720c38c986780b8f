"""What a comparison of two kinds of models found, on one task or on the mean over tasks."""

from dataclasses import dataclass
from typing import Literal

from mtlens.statistics.needed import MIN_SEEDS
from mtlens.statistics.power import ALPHA

Scope = str | None
"""A task, or None: the mean over tasks."""

Verdict = Literal["matches", "better", "worse", "inconclusive", "not learnt"]
AT_LEAST_AS_GOOD = ("matches", "better")
"""Verdicts by which a model can take the place of another."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Candidate against baseline on one task, or on the mean over tasks.

    Scores, differences and margin are in the unit of the metric; a positive difference favours the candidate, also where less
    is better. The mean over tasks of different metrics or margins is a mean of differences divided by their margins: it has no
    metric, its margin is 1, its mean scores are NaN, and its scores per seed are in margins. With one seed or one cluster the
    standard error is infinite, the intervals are the whole line and every p is 1. With several looks, intervals and adjusted p
    values are valid for all looks jointly.
    """

    task: Scope
    metric: str | None  # None: mean over tasks with different metrics or margins
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
    disagreement_rate: float  # share of examples that exactly one of the two gets right; NaN for numbers
    num_seeds: int
    num_examples: int
    num_clusters: int
    margin: float
    verdict: Verdict
    needed: str  # what would settle an inconclusive comparison, or help to learn the task; empty for the others
    not_learnt: (
        str  # why the task counts as not learnt, or which tasks the mean leaves out; empty where there is nothing to say
    )
    baseline_collapsed: tuple[int, ...]  # places of the seeds whose model predicts one class only; none of the mean
    candidate_collapsed: tuple[int, ...]
    shares: tuple[float, ...]  # of the information, at each look until this one; the last look of all has all of it
    chances: tuple[float, ...]  # to have a verdict at each later look; empty where there is none, and for settled ones
    method: str

    @property
    def equivalent(self) -> bool:
        """Whether both equivalence tests reject, whether or not the task was learnt."""
        return self.num_seeds >= MIN_SEEDS and self.adjusted_p_equivalence < ALPHA
