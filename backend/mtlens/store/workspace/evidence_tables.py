"""The Parquet tables of the evidence folders: their columns, which are also those of the database, and their rows."""

# pyright: reportUnknownParameterType=false
# (pyarrow ships no types)

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class CkaRow:
    """One similarity; see table `cka` in evidence.sql for what the columns mean."""

    role_a: str
    task_a: str | None
    seed_a: int | None
    layer_a: int
    role_b: str
    task_b: str | None
    seed_b: int | None
    layer_b: int
    pooling: str
    features: str
    estimator: str
    value: float | None
    low: float | None
    high: float | None
    examples: int
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class GradientRow:
    """One pair of tasks in one block of parameters; see table `gradient_alignment` in evidence.sql."""

    setting: str
    seed: int
    stage: str
    epoch: int | None
    layer: int | None
    parameters: str
    task_a: str
    task_b: str
    inner: float | None
    norm_a: float | None
    norm_b: float | None
    naive: float | None
    debiased: float | None
    split_half: float | None
    ceiling: float | None
    permuted: float | None
    conflict_rate: float | None
    magnitude_similarity: float | None
    microbatches: int
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class LookaheadRow:
    """What a task does for another in one model; see table `lookahead` in evidence.sql."""

    seed: int
    epoch: int
    task_from: str
    task_for: str
    lookahead: float | None
    first_order: float | None
    microbatches: int


@dataclass(frozen=True, kw_only=True)
class LinearisedRow:
    """What training on a task would do for another around one model; see table `linearised` in evidence.sql."""

    seed: int
    task_from: str
    task_for: str
    affinity: float | None
    training_examples: int
    validation_examples: int


_TYPES = {"str": pa.string(), "int": pa.int64(), "float": pa.float64()}


def _schema(row: type) -> pa.Schema:
    """Columns of a row class by its annotations."""
    return pa.schema([(name, _TYPES[str(getattr(kind, "__name__", kind)).partition(" ")[0]]) for name, kind in _fields(row)])


def _fields(row: type) -> list[tuple[str, object]]:
    return list(row.__annotations__.items())


CKA_COLUMNS = _schema(CkaRow)
GRADIENT_COLUMNS = _schema(GradientRow)
LOOKAHEAD_COLUMNS = _schema(LookaheadRow)
LINEARISED_COLUMNS = _schema(LinearisedRow)


def cka_table(rows: Sequence[CkaRow]) -> pa.Table:
    """Rows as the columns of table `cka`."""
    return pa.Table.from_pylist([vars(row) for row in rows], schema=CKA_COLUMNS)


def gradient_table(rows: Sequence[GradientRow]) -> pa.Table:
    """Rows as the columns of table `gradient_alignment`."""
    return pa.Table.from_pylist([vars(row) for row in rows], schema=GRADIENT_COLUMNS)


def lookahead_table(rows: Sequence[LookaheadRow]) -> pa.Table:
    """Rows as the columns of table `lookahead`."""
    return pa.Table.from_pylist([vars(row) for row in rows], schema=LOOKAHEAD_COLUMNS)


def linearised_table(rows: Sequence[LinearisedRow]) -> pa.Table:
    """Rows as the columns of table `linearised`."""
    return pa.Table.from_pylist([vars(row) for row in rows], schema=LINEARISED_COLUMNS)
