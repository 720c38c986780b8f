"""Every table and view of the database, in the order in which they are made. All times in them are UTC.

A database whose tables and views were made by other statements than those of this version is made anew from the run folders.
`python -m mtlens.store.tables backend/README.md` brings the list in that document up to date.
"""

from mtlens.store.tables.arms import ArmChoiceRow, ArmsView
from mtlens.store.tables.bookkeeping import (
    ClaimSeenRow,
    ComparisonSeenRow,
    EvidenceJobSeenRow,
    EvidenceSeenRow,
    ExperimentEvidenceJobRow,
    ExperimentSeenRow,
    GroupingSeenRow,
    JournalSeenRow,
    LookAskedRow,
    RunSeenRow,
)
from mtlens.store.tables.claim import (
    ClaimPredictorRow,
    ClaimPredictorsView,
    ClaimRow,
    ClaimVerdictRow,
    ClaimVerdictsView,
    ClaimView,
    GroupGainRow,
)
from mtlens.store.tables.comparisons import ComparisonRow, LookRow, LooksView, MatchingView
from mtlens.store.tables.definitions import Table, View
from mtlens.store.tables.evidence import (
    AlignmentRow,
    EvidenceCkaView,
    EvidenceGradientsView,
    EvidenceJobView,
    EvidenceLayersView,
    ExplanationRow,
    OfEvidenceJob,
    SimilarityRow,
    VerdictsView,
)
from mtlens.store.tables.experiments import (
    ExperimentRow,
    ExperimentRunRow,
    OfExperiment,
    QuarantineRow,
    RunKindRow,
    StoreInfoRow,
    TaskRow,
)
from mtlens.store.tables.grouping import (
    AffinityRow,
    GroupingMemberRow,
    GroupingMethodRow,
    GroupingMethodsView,
    GroupingRow,
    GroupingsView,
    GroupScoreRow,
    GroupScoresView,
    RecommendationRow,
)
from mtlens.store.tables.models import ConfusionView, LearningCurvesView, ModelCostsView, ModelScoresView
from mtlens.store.tables.runs import EventRow, OfRun, RunRow, RunsView, ScoreView
from mtlens.store.workspace.evidence_tables import CkaRow, GradientRow, LinearisedRow, LookaheadRow
from mtlens.store.workspace.run_tables import ExampleRow, MetricRow, PredictionRow

TABLES = (
    Table("store_info", StoreInfoRow),
    Table("run_kind", RunKindRow),
    Table("experiment", ExperimentRow),
    Table("task", TaskRow),
    Table("example", ExampleRow, OfExperiment),
    Table("experiment_run", ExperimentRunRow),
    Table("run", RunRow),
    Table("metric", MetricRow, OfRun),
    Table("prediction", PredictionRow, OfRun),
    Table("comparison", ComparisonRow),
    Table("look", LookRow),
    Table("event", EventRow),
    Table("quarantine", QuarantineRow),
    Table("cka", CkaRow, OfEvidenceJob),
    Table("lookahead", LookaheadRow, OfEvidenceJob),
    Table("linearised", LinearisedRow, OfEvidenceJob),
    Table("gradient_alignment", GradientRow, OfEvidenceJob),
    Table("affinity", AffinityRow),
    Table("grouping", GroupingRow),
    Table("grouping_member", GroupingMemberRow),
    Table("grouping_method", GroupingMethodRow),
    Table("recommendation", RecommendationRow),
    Table("arm_choice", ArmChoiceRow),
    Table("summary.similarity", SimilarityRow),
    Table("summary.alignment", AlignmentRow),
    Table("summary.explanation", ExplanationRow),
    Table("summary.group_score", GroupScoreRow),
    Table("summary.group_gain", GroupGainRow),
    Table("summary.claim", ClaimRow),
    Table("summary.claim_predictor", ClaimPredictorRow),
    Table("summary.claim_verdict", ClaimVerdictRow),
    Table("bookkeeping.run_seen", RunSeenRow),
    Table("bookkeeping.journal_seen", JournalSeenRow),
    Table("bookkeeping.experiment_seen", ExperimentSeenRow),
    Table("bookkeeping.comparison_seen", ComparisonSeenRow),
    Table("bookkeeping.look_asked", LookAskedRow),
    Table("bookkeeping.experiment_evidence_job", ExperimentEvidenceJobRow),
    Table("bookkeeping.evidence_job_seen", EvidenceJobSeenRow),
    Table("bookkeeping.evidence_seen", EvidenceSeenRow),
    Table("bookkeeping.grouping_seen", GroupingSeenRow),
    Table("bookkeeping.claim_seen", ClaimSeenRow),
)

TABLE_OF = {table.row: table.name for table in TABLES if table.owner is None}
"""Names of the tables by their row classes."""


def tables_with(column: str) -> tuple[str, ...]:
    """Names of the tables that have a column of this name."""
    return tuple(table.name for table in TABLES if any(field.name == column for field in table.columns))


VIEWS = (
    View("matching", MatchingView, (ComparisonRow,)),
    View("looks", LooksView, (LookRow,)),
    View("arms", ArmsView, (ComparisonRow, RunKindRow, ArmChoiceRow)),
    View("score", ScoreView, (MetricRow, OfRun)),
    View("runs", RunsView, (RunRow, ExperimentRunRow)),
    View("model_scores", ModelScoresView, (ExperimentRunRow, MetricRow)),
    View("model_costs", ModelCostsView, (ExperimentRunRow,)),
    View("learning_curves", LearningCurvesView, (ExperimentRunRow, RunRow)),
    View("confusion", ConfusionView, (ExperimentRunRow, PredictionRow)),
    View("evidence_job", EvidenceJobView, (ExperimentEvidenceJobRow, EvidenceJobSeenRow)),
    View("evidence_cka", EvidenceCkaView, (SimilarityRow,)),
    View("evidence_layers", EvidenceLayersView, (SimilarityRow,)),
    View("evidence_gradients", EvidenceGradientsView, (AlignmentRow,)),
    View("verdicts", VerdictsView, (ExplanationRow,)),
    View("group_scores", GroupScoresView, (GroupScoreRow,)),
    View("groupings", GroupingsView, (GroupingRow,)),
    View("grouping_methods", GroupingMethodsView, (GroupingMethodRow,)),
    View("claim", ClaimView, (ClaimRow, ExperimentRow)),
    View("claim_predictors", ClaimPredictorsView, (ClaimPredictorRow,)),
    View("claim_verdicts", ClaimVerdictsView, (ClaimVerdictRow,)),
)
