"""Rows of the tables and views about groups of tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from mtlens.store.columns import Column
from mtlens.store.tables.experiments import ExperimentHash, ExperimentId, ExperimentName


@dataclass(frozen=True, kw_only=True)
class AffinityRow:
    """What one task does for another when they are trained together, by each method; larger is better."""

    experiment_id: ExperimentId
    method: Annotated[
        str, Column("pairwise gain (measured), gradient cosine, CKA, TAG (look-ahead), TAG (first order) or Grad-TAE")
    ]
    task_from: Annotated[str, Column("Task that is trained together with the other")]
    task_for: Annotated[str, Column("Task that gains or loses by it")]
    value: Annotated[float, Column("Affinity in the units of its method, mean over seeds")]
    standard_error: Annotated[float | None, Column("Of the mean over seeds; NULL: unbounded, as with one seed")]


@dataclass(frozen=True, kw_only=True)
class GroupingRow:
    """Families of models that serve all tasks: the best of each method at each budget, chosen on validation."""

    experiment_id: ExperimentId
    grouping_id: Annotated[int, Column("Number within the experiment", type="INTEGER")]
    method: Annotated[str, Column("Estimator that proposed it, or recommendation")]
    rank: Annotated[int, Column("Rank among those of its method, 1 for the best on validation", type="INTEGER")]
    cost: Annotated[float, Column("Cost of its models, in models")]
    predicted: Annotated[
        float | None,
        Column("Score expected on test, mean over tasks: of the task-specific models plus the gain predicted from validation"),
    ]
    predicted_low: Annotated[float | None, Column("95 % interval of the prediction; NULL: unbounded")]
    predicted_high: Annotated[float | None, Column("95 % interval of the prediction; NULL: unbounded")]
    measured: Annotated[float | None, Column("Score on test, mean over tasks; NULL where a group is not trained")]
    measured_low: Annotated[float | None, Column("95 % interval over seeds (t); NULL with one seed")]
    measured_high: Annotated[float | None, Column("95 % interval over seeds (t); NULL with one seed")]
    regret: Annotated[
        float | None,
        Column("Measured score of the exhaustive choice at the same budget less this one; NULL before all groups are trained"),
    ]
    discovery_seconds: Annotated[
        float | None, Column("Training time of the groups and time of the evidence that the method asks for")
    ]
    recommended: Annotated[bool, Column("The recommended family; see table recommendation")]


@dataclass(frozen=True, kw_only=True)
class GroupingMemberRow:
    """Tasks of the groups of a grouping."""

    experiment_id: ExperimentId
    grouping_id: Annotated[int, Column("Grouping", type="INTEGER")]
    position: Annotated[int, Column("Number of the group within the grouping, from 0", type="INTEGER")]
    task: Annotated[str, Column("Task that the group is trained on")]
    serves: Annotated[bool, Column("Whether the task is served by this group; of overlapping groups one serves it")]


@dataclass(frozen=True, kw_only=True)
class GroupingMethodRow:
    """Methods on trial, once every group is trained: chosen on validation and half of the seeds, scored on test and the
    others.
    """

    experiment_id: ExperimentId
    position: Annotated[int, Column("Order of the table: oracle, methods, baselines", type="INTEGER")]
    method: Annotated[str, Column("Method or baseline")]
    trainings: Annotated[int, Column("Trainings per seed that it asks for", type="INTEGER")]
    passes: Annotated[int, Column("Passes over each example looked at, beyond training", type="INTEGER")]
    budgets: Annotated[Sequence[float], Column("Budgets, in models")]
    regret: Annotated[Sequence[float | None], Column("At each budget: score of the exhaustive oracle less that of the method")]
    permuted_regret: Annotated[Sequence[float | None], Column("Control: regret with the tasks of the predicted gains permuted")]
    tasks: Annotated[Sequence[str], Column("Tasks in the order of the experiment")]
    rank_correlation: Annotated[
        Sequence[float | None],
        Column("For each task, Spearman's rank correlation of predicted and measured gains over its groups"),
    ]
    ceiling: Annotated[Sequence[float | None], Column("That of the measured gains with those of the other seeds")]
    pooled_correlation: Annotated[
        float | None, Column("Over all tasks and groups; flatters, as a constant for each task can do well")
    ]


@dataclass(frozen=True, kw_only=True)
class RecommendationRow:
    """The cheapest family in which no task falls short by over half the margin on validation; its tests: comparison, family."""

    experiment_id: ExperimentId
    verdict: Annotated[
        str,
        Column(
            "matches; inconclusive; worse: a task of the family is; separate: no cheaper family came near enough on validation"
        ),
    ]
    groups: Annotated[Sequence[Sequence[str]], Column("The family that was chosen on validation")]
    statement: Annotated[str, Column("In words, with what would settle an inconclusive one")]
    models: Annotated[int, Column("Models in the family", type="INTEGER")]
    cost: Annotated[float, Column("Their cost, in models")]
    tasks: Annotated[int, Column("Tasks, which is the number of task-specific models", type="INTEGER")]
    parameters: Annotated[float | None, Column("Weights of the family")]
    single_parameters: Annotated[float | None, Column("Weights of the task-specific models together")]
    seconds: Annotated[float | None, Column("Training time of the family, mean over seeds")]
    single_seconds: Annotated[float | None, Column("Training time of the task-specific models together")]
    inference_seconds: Annotated[
        float | None, Column("Time in which the family predicts the test split; NULL where it was not measured")
    ]
    single_inference_seconds: Annotated[float | None, Column("Time in which the task-specific models together do")]
    method: Annotated[str, Column("How it was chosen and judged")]


@dataclass(frozen=True, kw_only=True)
class GroupScoreRow:
    """Predicted and measured gains of tasks from training in a group; shown by view group_scores."""

    experiment_id: ExperimentId
    method: Annotated[str, Column("Estimator")]
    tasks: Annotated[Sequence[str], Column("The group")]
    task: Annotated[str, Column("Task in it")]
    predicted: Annotated[
        float | None, Column("Gain predicted from validation; NULL for groups that the method asks to be trained")
    ]
    predicted_low: Annotated[float | None, Column("95 % interval of the prediction; NULL: unbounded")]
    predicted_high: Annotated[float | None, Column("95 % interval of the prediction; NULL: unbounded")]
    measured: Annotated[float | None, Column("Gain on test, mean over seeds; NULL where the group is not trained")]
    measured_low: Annotated[float | None, Column("95 % interval over seeds (t); NULL with one seed")]
    measured_high: Annotated[float | None, Column("95 % interval over seeds (t); NULL with one seed")]


@dataclass(frozen=True, kw_only=True)
class GroupScoresView:
    """Gain of each task from training in a group: score in the group less score alone."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    method: str
    tasks: Sequence[str]
    task: str
    predicted: float | None
    predicted_low: float | None
    predicted_high: float | None
    measured: float | None
    measured_low: float | None
    measured_high: float | None


@dataclass(frozen=True, kw_only=True)
class GroupingsView:
    """Families of models that serve all tasks, by method and rank."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    grouping_id: int
    method: str
    rank: Annotated[int, Column("Rank among those of its method, 1 for the best", type="INTEGER")]
    groups: Annotated[Sequence[Sequence[str]], Column("The groups of tasks, a model each")]
    cost: float
    predicted: Annotated[float | None, Column("Score expected on test, mean over tasks")]
    predicted_low: Annotated[float | None, Column("95 % interval; NULL: unbounded")]
    predicted_high: Annotated[float | None, Column("95 % interval; NULL: unbounded")]
    measured: float | None
    measured_low: Annotated[float | None, Column("95 % interval over seeds")]
    measured_high: Annotated[float | None, Column("95 % interval over seeds")]
    regret: Annotated[
        float | None,
        Column("Score of the exhaustive choice at the same budget less this one; NULL before all groups are trained"),
    ]
    discovery_seconds: Annotated[float | None, Column("Compute that the method asks for before it can choose")]
    recommended: Annotated[bool, Column("The recommended family")]


@dataclass(frozen=True, kw_only=True)
class GroupingMethodsView:
    """Methods on trial, one line each; correlations are means over the tasks for which they are defined."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    method: str
    trainings: int
    passes: int
    budgets: Sequence[float]
    regret: Sequence[float | None]
    permuted_regret: Sequence[float | None]
    rank_correlation: Annotated[
        float | None, Column("Spearman's rank correlation of predicted and measured gains over the groups of a task")
    ]
    ceiling: Annotated[float | None, Column("That of the measured gains with those of the other seeds")]
    pooled_correlation: float | None
    discovery_seconds: Annotated[float | None, Column("Compute that the method asks for before it can choose")]
