"""One view of the store -> one frozen Info. Functions read the newest snapshot of a workspace; figures draw Infos."""

from mtlens_dashboard.queries.arms import ArmInfo, arms
from mtlens_dashboard.queries.cka import (
    CellInfo,
    Comparing,
    LayerMatrixInfo,
    PairKind,
    ProfileInfo,
    SimilarityInfo,
    cell,
    choices,
    matrices,
    profiles,
)
from mtlens_dashboard.queries.costs import CostInfo, costs
from mtlens_dashboard.queries.experiments import ExperimentInfo, SnapshotInfo, TaskInfo, experiments, snapshot, tasks
from mtlens_dashboard.queries.explanations import CaseInfo, ExplanationInfo, case, explanations
from mtlens_dashboard.queries.gradients import AlignmentInfo, StageInfo, alignments, pair_over_stages, stages
from mtlens_dashboard.queries.groupings import (
    GroupingInfo,
    GroupScoreInfo,
    MethodInfo,
    RecommendationInfo,
    TrialInfo,
    groupings,
    recommendation,
    trial,
)
from mtlens_dashboard.queries.learning import CurveInfo, curves
from mtlens_dashboard.queries.looks import LookInfo, LooksInfo, looks
from mtlens_dashboard.queries.matching import MatchInfo, MatchingInfo, Verdict, matching
from mtlens_dashboard.queries.runs import EvidenceProgressInfo, RunInfo, State, evidence_jobs, runs, seconds_left
from mtlens_dashboard.queries.scores import ConfusionInfo, ScoreInfo, confusion, scores
from mtlens_dashboard.queries.settings import SettingInfo, differing_experiments, differing_runs

__all__ = [
    "AlignmentInfo",
    "ArmInfo",
    "CaseInfo",
    "CellInfo",
    "Comparing",
    "ConfusionInfo",
    "CostInfo",
    "CurveInfo",
    "EvidenceProgressInfo",
    "ExperimentInfo",
    "ExplanationInfo",
    "GroupScoreInfo",
    "GroupingInfo",
    "LayerMatrixInfo",
    "LookInfo",
    "LooksInfo",
    "MatchInfo",
    "MatchingInfo",
    "MethodInfo",
    "PairKind",
    "ProfileInfo",
    "RecommendationInfo",
    "RunInfo",
    "ScoreInfo",
    "SettingInfo",
    "SimilarityInfo",
    "SnapshotInfo",
    "StageInfo",
    "State",
    "TaskInfo",
    "TrialInfo",
    "Verdict",
    "alignments",
    "arms",
    "case",
    "cell",
    "choices",
    "confusion",
    "costs",
    "curves",
    "differing_experiments",
    "differing_runs",
    "evidence_jobs",
    "experiments",
    "explanations",
    "groupings",
    "looks",
    "matching",
    "matrices",
    "pair_over_stages",
    "profiles",
    "recommendation",
    "runs",
    "scores",
    "seconds_left",
    "snapshot",
    "stages",
    "tasks",
    "trial",
]
