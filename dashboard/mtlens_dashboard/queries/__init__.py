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
    weakest_first,
)
from mtlens_dashboard.queries.claim import (
    ClaimInfo,
    ClaimPointInfo,
    ClaimVerdictInfo,
    DoseInfo,
    PredictorInfo,
    claim,
    claim_kinds,
    dose,
)
from mtlens_dashboard.queries.costs import CostInfo, costs
from mtlens_dashboard.queries.examples import ExampleInfo, examples
from mtlens_dashboard.queries.experiments import ExperimentInfo, SnapshotInfo, TaskInfo, experiments, snapshot, tasks
from mtlens_dashboard.queries.explanations import CaseInfo, CaseRow, ExplanationInfo, case, explanations
from mtlens_dashboard.queries.gradients import AlignmentInfo, StageInfo, alignments, lowest_first, pair_over_stages, stages
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
from mtlens_dashboard.queries.run_details import EventInfo, RunDetailsInfo, RunScoreInfo, RunSettingInfo, run_details
from mtlens_dashboard.queries.runs import EvidenceProgressInfo, RunInfo, State, evidence_jobs, runs, seconds_left
from mtlens_dashboard.queries.scores import ConfusionInfo, ScoreInfo, confusion, scores
from mtlens_dashboard.queries.settings import SettingInfo, differing_experiments
from mtlens_dashboard.queries.two_experiments import ChangeInfo, changes

__all__ = [
    "AlignmentInfo", "ArmInfo", "CaseInfo", "CaseRow", "CellInfo", "ChangeInfo", "ClaimInfo", "ClaimPointInfo",
    "ClaimVerdictInfo", "Comparing", "ConfusionInfo", "CostInfo", "CurveInfo", "DoseInfo", "EventInfo",
    "EvidenceProgressInfo", "ExampleInfo", "ExperimentInfo", "ExplanationInfo", "GroupScoreInfo", "GroupingInfo",
    "LayerMatrixInfo", "LookInfo", "LooksInfo", "MatchInfo", "MatchingInfo", "MethodInfo", "PairKind", "PredictorInfo",
    "ProfileInfo", "RecommendationInfo", "RunDetailsInfo", "RunInfo", "RunScoreInfo", "RunSettingInfo", "ScoreInfo",
    "SettingInfo", "SimilarityInfo", "SnapshotInfo", "StageInfo", "State", "TaskInfo", "TrialInfo", "Verdict", "alignments",
    "arms", "case", "cell", "changes", "choices", "claim", "claim_kinds", "confusion", "costs", "curves",
    "differing_experiments", "dose", "evidence_jobs", "examples", "experiments", "explanations",
    "groupings", "looks", "lowest_first", "matching", "matrices", "pair_over_stages", "profiles", "recommendation",
    "run_details", "runs", "scores", "seconds_left", "snapshot", "stages", "tasks", "trial", "weakest_first",
]  # fmt: skip
