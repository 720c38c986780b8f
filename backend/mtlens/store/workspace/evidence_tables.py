"""The Parquet tables of the evidence folders: their columns, which the database shares, and their rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pyarrow as pa

from mtlens.store.columns import Column, arrow_schema, arrow_table


@dataclass(frozen=True, kw_only=True)
class CkaRow:
    """Similarity of hidden states between two models, layer by layer, on the same held-out examples."""

    role_a: Annotated[str, Column("First model: single, multi, shuffled, pretrained or untrained")]
    task_a: Annotated[str | None, Column("Its task; NULL where it is not of one task")]
    seed_a: Annotated[int | None, Column("Its seed; NULL for pretrained")]
    layer_a: Annotated[int, Column("Its layer", type="INTEGER")]
    role_b: Annotated[str, Column("Second model, as the first; or permuted: the first one with its examples in another order")]
    task_b: Annotated[str | None, Column("Its task")]
    seed_b: Annotated[int | None, Column("Its seed")]
    layer_b: Annotated[int, Column("Its layer", type="INTEGER")]
    pooling: Annotated[str, Column("mean: over the tokens of the text; cls: the first token, or the last of a decoder")]
    features: Annotated[str, Column("hidden: hidden states; changes: hidden states less those of the pretrained encoder")]
    estimator: Annotated[
        str, Column("debiased, biased (for comparison only), standardised (debiased, each unit scaled) or procrustes")
    ]
    value: Annotated[float | None, Column("Similarity; 1 for equal up to rotation and scale, 0 for unrelated; NULL: undefined")]
    low: Annotated[float | None, Column("95 % interval over examples (jackknife); NULL where it was not computed")]
    high: Annotated[float | None, Column("95 % interval over examples (jackknife)")]
    examples: Annotated[int, Column("Held-out examples", type="INTEGER")]
    reason: Annotated[str | None, Column("Why the value is undefined")]


@dataclass(frozen=True, kw_only=True)
class GradientRow:
    """How the gradients of two tasks relate, by layer and kind of parameter."""

    setting: Annotated[
        str,
        Column(
            "multi: both tasks at the same weights; cross: each at its own task-specific model; task_vectors: trained "
            "less pretrained weights"
        ),
    ]
    seed: Annotated[int, Column("Seed of the runs")]
    stage: Annotated[
        str,
        Column("start (pretrained encoder, probed heads), epoch, end (the kept weights), or training: all epochs together"),
    ]
    epoch: Annotated[int | None, Column("Epochs trained until then", type="INTEGER")]
    layer: Annotated[int | None, Column("Layer; NULL: the whole encoder", type="INTEGER")]
    parameters: Annotated[str, Column("all, embedding, attention, feedforward or norm")]
    task_a: Annotated[str, Column("First task, by name")]
    task_b: Annotated[str, Column("Second task; the same one for its own norm and ceiling")]
    inner: Annotated[float | None, Column("Unbiased estimate of the inner product of the two mean gradients")]
    norm_a: Annotated[float | None, Column("Unbiased estimate of the squared norm of the first mean gradient")]
    norm_b: Annotated[float | None, Column("The same of the second")]
    naive: Annotated[float | None, Column("Cosine of the mean gradients as they are, noise included")]
    debiased: Annotated[float | None, Column("inner / sqrt(norm_a norm_b); NULL: not identifiable")]
    standard_error: Annotated[
        float | None, Column("Of debiased, by the halves of the microbatches; NULL: one vector, or evidence of mtlens 0.1")
    ] = None
    split_half: Annotated[float | None, Column("Cosine between the tasks from disjoint halves of the microbatches")]
    ceiling: Annotated[float | None, Column("What split_half would be for equal tasks with this much noise")]
    permuted: Annotated[float | None, Column("split_half of the first task with the second on permuted labels; its floor")]
    conflict_rate: Annotated[float | None, Column("Share of microbatches on which the two gradients point apart")]
    magnitude_similarity: Annotated[float | None, Column("2 |a| |b| / (|a|^2 + |b|^2), 1 for equal lengths")]
    microbatches: Annotated[int, Column("Microbatches with labels of both tasks", type="INTEGER")]
    reason: Annotated[str | None, Column("Why the cosine is not identifiable")]


@dataclass(frozen=True, kw_only=True)
class LookaheadRow:
    """What a step for one task does for another in a multi-task model (TAG); where groupings are searched."""

    seed: Annotated[int, Column("Seed of the run")]
    epoch: Annotated[int, Column("Epochs trained until then", type="INTEGER")]
    task_from: Annotated[str, Column("Task that the optimiser takes a step for")]
    task_for: Annotated[str, Column("Task whose loss is looked at")]
    lookahead: Annotated[
        float | None, Column("Relative decrease of the loss by the step, over the learning rate; mean over microbatches")
    ]
    first_order: Annotated[float | None, Column("Inner product of the gradients over the loss; mean over microbatches")]
    microbatches: Annotated[int, Column("Microbatches with labels of both tasks", type="INTEGER")]


@dataclass(frozen=True, kw_only=True)
class LinearisedRow:
    """What training on a task would do for another, to first order around a multi-task model (Grad-TAE); where groupings are
    searched.
    """

    seed: Annotated[int, Column("Seed of the run")]
    task_from: Annotated[str, Column("Task that is trained on together with the other")]
    task_for: Annotated[str, Column("Task whose loss is looked at")]
    affinity: Annotated[
        float | None,
        Column("Decrease of its validation loss against training on it alone; mean over subsets of the tasks that hold both"),
    ]
    training_examples: Annotated[int, Column("Training texts that the estimate is fitted to", type="INTEGER")]
    validation_examples: Annotated[int, Column("Validation texts on which the loss is taken", type="INTEGER")]


CKA_COLUMNS = arrow_schema(CkaRow)
GRADIENT_COLUMNS = arrow_schema(GradientRow)
LOOKAHEAD_COLUMNS = arrow_schema(LookaheadRow)
LINEARISED_COLUMNS = arrow_schema(LinearisedRow)


def cka_table(rows: Sequence[CkaRow]) -> pa.Table:
    """Rows as the columns of table `cka`."""
    return arrow_table(CkaRow, rows)


def gradient_table(rows: Sequence[GradientRow]) -> pa.Table:
    """Rows as the columns of table `gradient_alignment`."""
    return arrow_table(GradientRow, rows)


def lookahead_table(rows: Sequence[LookaheadRow]) -> pa.Table:
    """Rows as the columns of table `lookahead`."""
    return arrow_table(LookaheadRow, rows)


def linearised_table(rows: Sequence[LinearisedRow]) -> pa.Table:
    """Rows as the columns of table `linearised`."""
    return arrow_table(LinearisedRow, rows)
