"""Rows of the tables and views that put the claim on trial: does the evidence predict gains of multi-task training?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from mtlens.store.columns import Column
from mtlens.store.tables.experiments import ExperimentHash, ExperimentId, ExperimentName, Latest

_Evidence = Annotated[str, Column("Kind of evidence, such as cka_effect_min; see claim_predictors.label")]
_Points = Annotated[int, Column("Tasks in groups that it rests on", type="INTEGER")]


@dataclass(frozen=True, kw_only=True)
class GroupGainRow:
    """Gains of the tasks of one group on test; of groups that a search trained, computed once per set of runs."""

    experiment_id: ExperimentId
    tasks: Annotated[Sequence[str], Column("The group, by name")]
    task: Annotated[str, Column("Task in it")]
    difference: Annotated[float | None, Column("Score in the group less score alone, in the unit of the metric")]
    standard_error: Annotated[float | None, Column("Of the difference, from examples and seeds")]
    low: Annotated[float | None, Column("95 % interval")]
    high: Annotated[float | None, Column("95 % interval")]
    verdict: Annotated[str, Column("matches, better, worse, inconclusive or not learnt, with Holm over the group")]
    seeds: Annotated[int, Column("Seeds", type="INTEGER")]
    pairs: Annotated[str, Column("Hash of the pairs of runs")]


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """A gain of a task in a group that was trained, beside one kind of evidence; shown by view claim."""

    experiment_id: ExperimentId
    data: Annotated[str, Column("What texts: the region of synthetic reports, or the paths of the tables")]
    relatedness: Annotated[float | None, Column("That of the synthetic reports; NULL for other texts")]
    tasks: Annotated[Sequence[str], Column("The group, by name: a pair, a larger group, or all tasks")]
    task: Annotated[str, Column("Task in it that gains or loses")]
    metric: Annotated[str, Column("Metric of the task")]
    unit: Annotated[
        str, Column("Of gain and margin. score: that of the metric; margin: gains are divided by the margin of the task")
    ]
    margin: Annotated[float, Column("Largest loss that counts as a match, in this unit; gain / margin compares experiments")]
    gain: Annotated[
        float | None,
        Column("Score on test of the group's model less that of the task's own; positive favours the group, also for errors"),
    ]
    gain_error: Annotated[float | None, Column("Standard error of the gain, from test examples and seeds")]
    gain_low: Annotated[float | None, Column("95 % interval of the gain; NULL: unbounded")]
    gain_high: Annotated[float | None, Column("95 % interval of the gain; NULL: unbounded")]
    verdict: Annotated[str, Column("matches, better, worse, inconclusive or not learnt: the task in this group")]
    evidence: _Evidence
    value: Annotated[float, Column("The evidence; in a group of more than two, its mean over the task's partners")]
    error: Annotated[float | None, Column("Standard error of value; NULL where it is unknown, 0 where there is none")]
    low: Annotated[float | None, Column("95 % interval of value; NULL where it is unknown")]
    high: Annotated[float | None, Column("95 % interval of value; NULL where it is unknown")]
    seeds: Annotated[int, Column("Seeds of the gain", type="INTEGER")]


@dataclass(frozen=True, kw_only=True)
class ClaimPredictorRow:
    """How well one kind of evidence predicts gains over the latest experiments; shown by view claim_predictors."""

    evidence: _Evidence
    label: Annotated[str, Column("In words")]
    baseline: Annotated[bool, Column("Whether it is a baseline that looks at no model's similarity or gradients")]
    scope: Annotated[str, Column("within: gains and evidence less their means in the experiment; across: as they are")]
    experiments: Annotated[int, Column("Experiments", type="INTEGER")]
    groups: Annotated[int, Column("Groups of tasks", type="INTEGER")]
    tasks: Annotated[int, Column("Tasks, which are the units that vary", type="INTEGER")]
    points: _Points
    unit: Annotated[str, Column("Of the gains; margin where metrics or margins differ between the points")]
    rank_correlation: Annotated[float | None, Column("Spearman's, of gain and evidence as measured")]
    low: Annotated[float | None, Column("95 % interval of rank_correlation")]
    high: Annotated[float | None, Column("95 % interval of rank_correlation")]
    corrected: Annotated[float | None, Column("rank_correlation corrected for noise in both (disattenuated), at most 1")]
    slope: Annotated[float | None, Column("Gain per unit of evidence, corrected for noise in the evidence")]
    slope_low: Annotated[float | None, Column("95 % interval of slope")]
    slope_high: Annotated[float | None, Column("95 % interval of slope")]
    auc: Annotated[
        float | None,
        Column("Area under ROC: matches or better against worse; NULL where one of them is missing"),
    ]
    auc_low: Annotated[float | None, Column("95 % interval of auc")]
    auc_high: Annotated[float | None, Column("95 % interval of auc")]
    ceiling: Annotated[float | None, Column("Highest rank correlation that the noise in the gains allows")]
    reason: Annotated[str | None, Column("Why values are undefined")]
    method: Annotated[str, Column("How intervals and corrections were computed")]


@dataclass(frozen=True, kw_only=True)
class ClaimVerdictRow:
    """A preregistered claim and its verdict; shown by view claim_verdicts."""

    experiment_id: Annotated[
        str | None, Column("Experiment whose points alone were used; NULL: those of all experiments that state the claim")
    ]
    evidence: _Evidence
    statistic: Annotated[str, Column("rank_correlation or auc")]
    scope: Annotated[str, Column("within or across experiments, as in claim_predictors")]
    threshold: Annotated[float, Column("Value from which on the claim is supported, set beforehand")]
    experiments: Annotated[int, Column("Experiments", type="INTEGER")]
    points: _Points
    value: Annotated[float | None, Column("The statistic; NULL: undefined")]
    low: Annotated[float | None, Column("95 % interval of value")]
    high: Annotated[float | None, Column("95 % interval of value")]
    verdict: Annotated[
        str, Column("supported: the interval is above the threshold; not supported: below; undecided: neither, or undefined")
    ]
    statement: Annotated[str, Column("In words, with what is missing")]


@dataclass(frozen=True, kw_only=True)
class ClaimView:
    """Measured gain of each task in each group that was trained, beside each kind of evidence; the open table of the claim."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    data: str
    relatedness: float | None
    encoder: str
    tasks: Sequence[str]
    task: str
    metric: str
    unit: str
    margin: float
    gain: float | None
    gain_error: float | None
    gain_low: float | None
    gain_high: float | None
    verdict: str
    evidence: str
    value: float
    error: float | None
    low: float | None
    high: float | None
    seeds: int
    latest: Latest


@dataclass(frozen=True, kw_only=True)
class ClaimPredictorsView:
    """Does the evidence predict gains? One line per kind of evidence and scope, over the latest experiments."""

    evidence: str
    label: str
    baseline: bool
    scope: str
    experiments: int
    groups: int
    tasks: int
    points: int
    unit: str
    rank_correlation: float | None
    low: float | None
    high: float | None
    corrected: float | None
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    ceiling: float | None
    reason: str | None
    method: str


@dataclass(frozen=True, kw_only=True)
class ClaimVerdictsView:
    """Preregistered claims and their verdicts: one line per claim and experiment, and one for all that state it."""

    experiment: Annotated[str | None, Column("Name of the experiment; NULL: all that state the claim")]
    experiment_id: str | None
    evidence: str
    statistic: str
    scope: str
    threshold: float
    experiments: int
    points: int
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    statement: str
    latest: Latest
