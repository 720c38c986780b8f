"""The kinds of evidence that are tested as predictors of gains, by their names in views, experiment files and commands."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EvidenceKind:
    """A number about a task and its partners that is known before the test split is used.

    speaks_for: values that favour training together: those at which models count as similar, at which gradients count as
    aligned, or above 0; None: no such values. baseline: a predictor for comparison, not part of the claim.
    """

    name: str
    label: str
    speaks_for: Literal["similar", "aligned", "positive"] | None = None
    baseline: bool = False


_KINDS = (
    EvidenceKind("cka_effect_min", "CKA effect, least over layers", "similar"),
    EvidenceKind("cka_effect_mean", "CKA effect, mean over layers", "similar"),
    EvidenceKind("cka_changes", "CKA effect of the changes, mean over layers", "similar"),
    EvidenceKind("cosine_start", "gradient cosine at the start", "aligned"),
    EvidenceKind("cosine_training", "gradient cosine over training", "aligned"),
    EvidenceKind("cosine_end", "gradient cosine at the end", "aligned"),
    EvidenceKind("cosine_task_vectors", "cosine of task vectors", "aligned"),
    EvidenceKind("tag", "TAG (look-ahead), from partner for task", "positive"),
    EvidenceKind("linearised", "linearised estimate, from partner for task", "positive"),
    EvidenceKind("data_size_ratio", "training labels of partner over own (log2)", baseline=True),
    EvidenceKind("difficulty_difference", "validation score of partner less own", baseline=True),
    EvidenceKind("task_mean", "mean gain of the task in other groups", "positive", baseline=True),
)

EVIDENCE_KINDS = {kind.name: kind for kind in _KINDS}
