"""Rows of table `comparison` and of view `matching`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from mtlens.store.columns import Column
from mtlens.store.tables.experiments import ExperimentHash, ExperimentId, ExperimentName, Latest


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """Other models against the task-specific ones, on the test split or on the pooled predictions of all folds."""

    experiment_id: ExperimentId
    kind: Annotated[str, Column("Kind of models compared with the task-specific ones; see run_kind")]
    task: Annotated[str | None, Column("Task; NULL: the mean of all tasks")]
    metric: Annotated[
        str | None, Column("Metric of the scores; NULL: the mean, in margins, over tasks with different metrics or margins")
    ]
    single_mean: Annotated[
        float | None,
        Column(
            "Score of the task-specific models by the metric of the task, mean over seeds; with folds, of all of them pooled"
        ),
    ]
    multi_mean: Annotated[float | None, Column("Score of the models compared with them, mean over seeds")]
    single_per_seed: Annotated[
        Sequence[float], Column("Score of the task-specific models, in the order of seeds; with folds, each on its own")
    ]
    multi_per_seed: Annotated[Sequence[float], Column("Score of the models compared with them, in the order of seeds")]
    seeds: Annotated[Sequence[int], Column("Seeds that both have finished")]
    difference: Annotated[
        float | None, Column("multi_mean - single_mean, or the reverse where less is better: positive favours multi")
    ]
    standard_error: Annotated[float | None, Column("Of the difference, from examples and seeds; NULL: unbounded")]
    degrees_of_freedom: Annotated[float | None, Column("Of Student's t")]
    low90: Annotated[float | None, Column("90 % interval of the difference; NULL: unbounded, as with one seed")]
    high90: Annotated[float | None, Column("90 % interval of the difference; NULL: unbounded")]
    low95: Annotated[float | None, Column("95 % interval of the difference; NULL: unbounded")]
    high95: Annotated[float | None, Column("95 % interval of the difference; NULL: unbounded")]
    p_equivalence: Annotated[float | None, Column("Larger p of the two one-sided tests against the margin")]
    p_better: Annotated[float | None, Column("One-sided p against: not better than single")]
    p_worse: Annotated[float | None, Column("One-sided p against: not worse than single")]
    adjusted_p_equivalence: Annotated[float | None, Column("p_equivalence after Holm over the tasks; below 0.05: matches")]
    adjusted_p_better: Annotated[float | None, Column("p_better after Holm over the tasks; below 0.05: better")]
    adjusted_p_worse: Annotated[float | None, Column("p_worse after Holm over the tasks; below 0.05: worse")]
    disagreement_rate: Annotated[
        float | None, Column("Share of examples that exactly one of the two gets right; NULL for numbers")
    ]
    examples: Annotated[int, Column("Labelled test examples", type="INTEGER")]
    clusters: Annotated[int, Column("Independent clusters among them", type="INTEGER")]
    margin: Annotated[float, Column("Largest difference that counts as a match; 1 where the mean is in margins")]
    verdict: Annotated[str, Column("matches, better, worse, inconclusive or not learnt (by neither kind of models)")]
    needed: Annotated[str, Column("What would settle an inconclusive comparison, or help to learn the task")]
    not_learnt: Annotated[
        str, Column("Why neither kind of models learnt the task, or which tasks the mean leaves out; empty: learnt")
    ]
    single_collapsed: Annotated[Sequence[int], Column("Seeds under which the task-specific model predicts one class only")]
    multi_collapsed: Annotated[Sequence[int], Column("Seeds under which the model compared with it predicts one class only")]
    still_improving: Annotated[
        Sequence[str], Column("Kinds of models of which most seeds were still improving at their last epoch; see run_kind")
    ]
    method: Annotated[str, Column("How interval and verdict were computed")]


@dataclass(frozen=True, kw_only=True)
class LookRow:
    """Looks of experiments that train seeds until their verdicts are settled: one row per look and open task or mean."""

    experiment_id: ExperimentId
    kind: Annotated[str, Column("Kind of models compared with the task-specific ones; see run_kind")]
    look: Annotated[int, Column("Number of the look, from 1", type="INTEGER")]
    seeds: Annotated[int, Column("Number of seeds that it compares", type="INTEGER")]
    task: Annotated[str | None, Column("Task; NULL: the mean of all tasks")]
    difference: Annotated[float | None, Column("Score of the models compared less that of the task-specific ones")]
    low90: Annotated[
        float | None, Column("90 % interval of the difference, which holds at all looks together; NULL: unbounded")
    ]
    high90: Annotated[float | None, Column("90 % interval of the difference, at all looks together; NULL: unbounded")]
    information: Annotated[float, Column("Share of what the last look will know of the difference")]
    level: Annotated[float, Column("Level of a one-sided test at this look, before Holm; 0.05 is spent over all looks")]
    p_equivalence: Annotated[float, Column("p against the margin, after looks and Holm; below 0.05: matches")]
    p_better: Annotated[float, Column("p against: not better than single, after looks and Holm; below 0.05: better")]
    p_worse: Annotated[float, Column("p against: not worse than single, after looks and Holm; below 0.05: worse")]
    verdict: Annotated[str, Column("matches, better, worse, not learnt or inconclusive; all but the last stay")]
    chances: Annotated[Sequence[float], Column("Chance to have a verdict at each later look, while inconclusive")]


@dataclass(frozen=True, kw_only=True)
class LooksView:
    """When was it settled? One line per look and task, the mean of all tasks last in each look."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    kind: str
    look: int
    looks: Annotated[int, Column("Looks that the experiment may have")]
    seeds: int
    scope: Annotated[str, Column("task, or pooled: the mean of all tasks")]
    task: Annotated[str | None, Column("Task; NULL where pooled")]
    difference: float | None
    low90: float | None
    high90: float | None
    level: float
    p_equivalence: float
    p_difference: Annotated[float, Column("One-sided p against no difference, after looks and Holm")]
    verdict: str
    chance: Annotated[float | None, Column("Largest chance to have a verdict at a later look, while inconclusive")]
    latest: Latest


@dataclass(frozen=True, kw_only=True)
class MatchingView:
    """Does the multi-task model match the task-specific ones? One line per task, the pooled one last."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    kind: str
    scope: Annotated[str, Column("task, or pooled: the mean of all tasks")]
    task: Annotated[str | None, Column("Task; NULL where pooled")]
    metric: Annotated[
        str | None, Column("Metric of the scores; NULL where pooled, in margins, over tasks with different metrics or margins")
    ]
    single_mean: Annotated[
        float | None, Column("Test score of the task-specific models by the metric of the task, mean over seeds")
    ]
    multi_mean: Annotated[float | None, Column("Test score of the models compared with them, mean over seeds")]
    difference: float | None
    low90: float | None
    high90: float | None
    low95: float | None
    high95: float | None
    seeds: Annotated[int, Column("Number of seeds that both have finished")]
    folds: Annotated[int | None, Column("Folds whose pooled predictions are compared; NULL: one test split", type="INTEGER")]
    examples: int
    margin: Annotated[float, Column("Largest difference that counts as a match, set beforehand")]
    verdict: str
    needed: str
    not_learnt: str
    single_collapsed: Sequence[int]
    multi_collapsed: Sequence[int]
    still_improving: Sequence[str]
    p_equivalence: Annotated[
        float | None, Column("p against a difference as large as the margin, after Holm; below 0.05: matches")
    ]
    p_difference: Annotated[float, Column("One-sided p against no difference, after Holm; below 0.05: better or worse")]
    method: str
    latest: Latest
