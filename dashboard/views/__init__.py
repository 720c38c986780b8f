"""One view of the store -> one frozen Info. Functions here take a workspace and ask its newest snapshot; figures draw Infos."""

from dashboard.views.alignment import AlignmentInfo, MomentInfo, alignments, course, moments
from dashboard.views.costs import CostInfo, costs
from dashboard.views.experiments import ExperimentInfo, SnapshotInfo, TaskInfo, experiments, snapshot, tasks
from dashboard.views.explanations import CaseInfo, ExplanationInfo, case, explanations
from dashboard.views.groupings import (
    GroupingInfo,
    GroupScoreInfo,
    MethodInfo,
    RecommendationInfo,
    TrialInfo,
    groupings,
    recommendation,
    trial,
)
from dashboard.views.learning import CurveInfo, curves
from dashboard.views.matching import Kind, MatchInfo, MatchingInfo, Verdict, matching
from dashboard.views.runs import PiecesInfo, RunInfo, State, pieces, runs, seconds_left
from dashboard.views.scores import ConfusionInfo, ScoreInfo, confusion, scores
from dashboard.views.settings import SettingInfo, differing_experiments, differing_runs
from dashboard.views.similarity import (
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

__all__ = [
    "AlignmentInfo",
    "CaseInfo",
    "CellInfo",
    "Comparing",
    "ConfusionInfo",
    "CostInfo",
    "CurveInfo",
    "ExperimentInfo",
    "ExplanationInfo",
    "GroupScoreInfo",
    "GroupingInfo",
    "Kind",
    "LayerMatrixInfo",
    "MatchInfo",
    "MatchingInfo",
    "MethodInfo",
    "MomentInfo",
    "PairKind",
    "PiecesInfo",
    "ProfileInfo",
    "RecommendationInfo",
    "RunInfo",
    "ScoreInfo",
    "SettingInfo",
    "SimilarityInfo",
    "SnapshotInfo",
    "State",
    "TaskInfo",
    "TrialInfo",
    "Verdict",
    "alignments",
    "case",
    "cell",
    "choices",
    "confusion",
    "costs",
    "course",
    "curves",
    "differing_experiments",
    "differing_runs",
    "experiments",
    "explanations",
    "groupings",
    "matching",
    "matrices",
    "moments",
    "pieces",
    "profiles",
    "recommendation",
    "runs",
    "scores",
    "seconds_left",
    "snapshot",
    "tasks",
    "trial",
]
