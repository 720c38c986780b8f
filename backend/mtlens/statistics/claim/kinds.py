"""The kinds of evidence that are put on trial, by the names that views, experiment files and commands use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EvidenceKind:
    """A number that is known of a task and its partners before the test split is looked at. baseline: it looks at no model."""

    name: str
    label: str
    baseline: bool = False


_KINDS = (
    EvidenceKind("cka_effect_min", "CKA effect, least over layers"),
    EvidenceKind("cka_effect_mean", "CKA effect, mean over layers"),
    EvidenceKind("cka_changes", "CKA effect of the changes, mean over layers"),
    EvidenceKind("cosine_start", "gradient cosine at the start"),
    EvidenceKind("cosine_training", "gradient cosine over training"),
    EvidenceKind("cosine_end", "gradient cosine at the end"),
    EvidenceKind("cosine_task_vectors", "cosine of task vectors"),
    EvidenceKind("tag", "TAG (look-ahead), from partner for task"),
    EvidenceKind("linearised", "linearised estimate, from partner for task"),
    EvidenceKind("data_size_ratio", "training labels of partner over own (log2)", baseline=True),
    EvidenceKind("difficulty_difference", "validation score of partner less own", baseline=True),
    EvidenceKind("task_mean", "mean gain of the task in other groups", baseline=True),
)

EVIDENCE_KINDS = {kind.name: kind for kind in _KINDS}
