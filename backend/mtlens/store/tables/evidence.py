"""Rows of what follows from the evidence, and of the views of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from mtlens.store.columns import Column
from mtlens.store.tables.experiments import ExperimentHash, ExperimentId, ExperimentName, Latest


@dataclass(frozen=True, kw_only=True)
class OfEvidenceJob:
    """Of which evidence job a row of one of its files is."""

    job_id: Annotated[str, Column("Computation, see evidence_job")]


@dataclass(frozen=True, kw_only=True)
class SimilarityRow:
    """Similarity of the models of two tasks over seeds, between its controls; shown by view evidence_cka."""

    experiment_id: ExperimentId
    kind: Annotated[
        str,
        Column(
            "tasks: two task-specific models; multi, or another model of all tasks (run_kind): it and one of them; pretrained: "
            "one of them and the pretrained encoder"
        ),
    ]
    task_a: Annotated[str, Column("Task of the task-specific model")]
    task_b: Annotated[str | None, Column("Task of the other; NULL where it is multi-task or pretrained")]
    layer: Annotated[int, Column("Layer of both; 0: output of the embeddings", type="INTEGER")]
    pooling: Annotated[str, Column("mean: over the tokens of the text; cls: the first token, or the last of a decoder")]
    features: Annotated[str, Column("hidden: hidden states; changes: hidden states less those of the pretrained encoder")]
    estimator: Annotated[str, Column("debiased, biased, standardised or procrustes")]
    similarity: Annotated[float | None, Column("Mean over pairs of different seeds; NULL: undefined")]
    low: Annotated[float | None, Column("95 % interval over seeds (jackknife)")]
    high: Annotated[float | None, Column("95 % interval over seeds (jackknife)")]
    ceiling: Annotated[float | None, Column("The same task, another seed: mean of both tasks")]
    floor: Annotated[
        float | None, Column("With a model that learnt permuted labels; where there is none, with an untrained encoder")
    ]
    floor_kind: Annotated[str | None, Column("shuffled, untrained or permuted")]
    pretrained: Annotated[float | None, Column("Similarity to the pretrained encoder, mean of both tasks")]
    untrained: Annotated[float | None, Column("Similarity to an untrained encoder, mean of both tasks")]
    permuted: Annotated[float | None, Column("Similarity to itself with the examples in another order")]
    effect: Annotated[float | None, Column("(similarity - floor) / (ceiling - floor): 1 at the ceiling, 0 at the floor")]
    effect_low: Annotated[float | None, Column("95 % interval over seeds (jackknife)")]
    effect_high: Annotated[float | None, Column("95 % interval over seeds (jackknife)")]
    p_similar: Annotated[float | None, Column("One-sided p against: falls short of the ceiling by the margin or more")]
    p_different: Annotated[float | None, Column("One-sided p against: falls short of the ceiling by the margin or less")]
    seeds: Annotated[int, Column("Seeds", type="INTEGER")]
    examples: Annotated[int, Column("Held-out examples", type="INTEGER")]
    margin: Annotated[float, Column("Largest shortfall from the ceiling that counts as similar, as a share of ceiling - floor")]
    statement: Annotated[
        str, Column("similar, different, inconclusive, uninformative (the ceiling is not above the floor) or undefined")
    ]
    reason: Annotated[str | None, Column("Why it is undefined or uninformative")]
    method: Annotated[str, Column("How interval and statement were computed")]


@dataclass(frozen=True, kw_only=True)
class AlignmentRow:
    """Cosine of the gradients of two tasks over seeds; shown by view evidence_gradients."""

    experiment_id: ExperimentId
    setting: Annotated[
        str,
        Column(
            "multi: both tasks at the same weights; cross: each at its own task-specific model; task_vectors: trained "
            "less pretrained weights"
        ),
    ]
    stage: Annotated[
        str,
        Column("start (pretrained encoder, probed heads), epoch, end (the kept weights), or training: all epochs together"),
    ]
    epoch: Annotated[int | None, Column("Epochs trained until then; NULL where seeds differ", type="INTEGER")]
    layer: Annotated[int | None, Column("Layer; NULL: the whole encoder", type="INTEGER")]
    parameters: Annotated[str, Column("all, embedding, attention, feedforward or norm")]
    task_a: Annotated[str, Column("First task, by name")]
    task_b: Annotated[str, Column("Second task")]
    cosine: Annotated[float | None, Column("Debiased cosine, mean over seeds; NULL: not identifiable")]
    low: Annotated[float | None, Column("95 % interval over seeds")]
    high: Annotated[float | None, Column("95 % interval over seeds")]
    naive: Annotated[float | None, Column("Cosine of the mean gradients, noise included")]
    split_half: Annotated[float | None, Column("Cosine between the tasks from disjoint halves of the microbatches")]
    ceiling: Annotated[float | None, Column("What split_half would be for equal tasks with this much noise")]
    floor: Annotated[float | None, Column("split_half with the second task on permuted labels")]
    conflict_rate: Annotated[float | None, Column("Share of microbatches on which the two gradients point apart")]
    conflict_low: Annotated[float | None, Column("95 % interval of conflict_rate over seeds; NULL below three seeds")]
    conflict_high: Annotated[float | None, Column("95 % interval of conflict_rate over seeds; NULL below three seeds")]
    magnitude_similarity: Annotated[float | None, Column("2 |a| |b| / (|a|^2 + |b|^2), 1 for equal lengths")]
    seeds: Annotated[int, Column("Seeds in which the cosine is identifiable", type="INTEGER")]
    threshold: Annotated[float, Column("Smallest cosine that counts as sizeable")]
    statement: Annotated[str, Column("aligned, opposed, unrelated, inconclusive or not identifiable")]
    reason: Annotated[str | None, Column("Why it is not identifiable or inconclusive")]
    method: Annotated[str, Column("How interval and statement were computed")]


@dataclass(frozen=True, kw_only=True)
class ExplanationRow:
    """Measured verdicts beside what the evidence says; shown by view verdicts."""

    experiment_id: ExperimentId
    scope: Annotated[str, Column("group: all tasks of the multi-task model; task: one with the others; pair: two of them")]
    tasks: Annotated[Sequence[str], Column("The tasks")]
    measured: Annotated[
        str,
        Column("matches, better, worse, inconclusive or not learnt, as in matching; for several tasks the worst one"),
    ]
    difference: Annotated[
        float | None, Column("Score of the multi-task model less that of the task-specific ones, mean of the tasks")
    ]
    cka: Annotated[str, Column("similar, different, inconclusive or not measured: in all layers that can tell")]
    cka_effect: Annotated[float | None, Column("Smallest effect of those layers: 1 at the ceiling, 0 at the floor")]
    cka_detail: Annotated[str, Column("In words")]
    gradients: Annotated[
        str,
        Column(
            "aligned, opposed, unrelated, inconclusive, not identifiable or not measured, over the course of multi-"
            "task training"
        ),
    ]
    gradient_cosine: Annotated[float | None, Column("Smallest debiased cosine of the whole encoder among the pairs")]
    gradients_detail: Annotated[str, Column("In words")]
    agreement: Annotated[
        str, Column("agrees, contradicts, mixed (CKA and gradients point apart), inconclusive or not measured")
    ]
    method: Annotated[str, Column("How it was decided")]


@dataclass(frozen=True, kw_only=True)
class EvidenceCkaView:
    """Do the models hold similar representations? One line per pair, layer and way of comparing."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    kind: str
    task_a: str
    task_b: str | None
    layer: int
    pooling: str
    features: str
    estimator: str
    similarity: float | None
    low: float | None
    high: float | None
    ceiling: float | None
    floor: float | None
    floor_kind: str | None
    pretrained: float | None
    untrained: float | None
    permuted: float | None
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    seeds: int
    examples: int
    margin: float
    statement: str
    reason: str | None
    method: str
    latest: Latest


@dataclass(frozen=True, kw_only=True)
class EvidenceLayersView:
    """Similarity of each layer of one model with each layer of another, mean over seeds; models of the same seed."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    kind: str
    task_a: str
    task_b: str | None
    layer_a: Annotated[int, Column("Layer of the model of task_a", type="INTEGER")]
    layer_b: Annotated[int, Column("Layer of the other model", type="INTEGER")]
    pooling: str
    features: str
    estimator: str
    similarity: Annotated[float | None, Column("Mean over seeds; NULL: undefined in all of them")]
    pretrained: Annotated[
        float | None, Column("Similarity of the task-specific models to the pretrained encoder at these layers, their mean")
    ]


@dataclass(frozen=True, kw_only=True)
class EvidenceGradientsView:
    """Do the gradients of two tasks point the same way? One line per pair, stage and layer."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    setting: str
    stage: str
    epoch: int | None
    layer: int | None
    parameters: str
    task_a: str
    task_b: str
    cosine: float | None
    low: float | None
    high: float | None
    naive: float | None
    split_half: float | None
    ceiling: float | None
    floor: float | None
    conflict_rate: float | None
    conflict_low: float | None
    conflict_high: float | None
    magnitude_similarity: float | None
    seeds: int
    threshold: float
    statement: str
    reason: str | None
    method: str
    latest: Latest


@dataclass(frozen=True, kw_only=True)
class VerdictsView:
    """Does the evidence explain the measured match? One line for the group, each task and each pair."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    scope: str
    tasks: Sequence[str]
    measured: str
    difference: float | None
    cka: str
    cka_effect: float | None
    cka_detail: str
    gradients: str
    gradient_cosine: float | None
    gradients_detail: str
    agreement: str
    method: str
    latest: Latest


@dataclass(frozen=True, kw_only=True)
class EvidenceJobView:
    """Computations of evidence that an experiment asks for; equal ones are shared."""

    experiment_id: ExperimentId
    job_id: str
    kind: str
    subject: str
    state: Annotated[str, Column("waiting, unfinished, done, failed, or damaged (its files cannot be read)")]
    seconds: float | None
    reason: str | None
