"""The Parquet tables of the run folders: their columns, and the values that become their rows."""

# pyright: reportUnknownParameterType=false
# (pyarrow ships no types)

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtlens.config.sections import SplitName
from mtlens.errors import DataError, WorkspaceError

METRICS = pa.schema(
    [
        ("split", pa.string()),
        ("task", pa.string()),
        ("name", pa.string()),
        ("class", pa.string()),
        ("value", pa.float64()),
    ]
)
PREDICTIONS = pa.schema(
    [
        ("split", pa.string()),
        ("task", pa.string()),
        ("example_id", pa.string()),
        ("label", pa.int16()),
        ("predicted", pa.int16()),
        ("probabilities", pa.list_(pa.float32())),
    ]
)
EXAMPLES = pa.schema([("example_id", pa.string()), ("split", pa.string()), ("cluster", pa.int32())])


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """One number about one task: the value of a metric; or f1, which `label` says of which class."""

    split: SplitName
    task: str
    name: str
    value: float
    label: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionBlock:
    """What a model said about one task's labelled examples in one split: n examples, C classes, and never their text."""

    split: SplitName
    task: str
    example_ids: Sequence[str]  # n
    labels: NDArray[np.int16]  # [n] class index
    predicted: NDArray[np.int16]  # [n] class index
    probabilities: NDArray[np.float32]  # [n, C]

    def __post_init__(self) -> None:
        """Raise `DataError` where the shapes do not fit together."""
        n = len(self.example_ids)
        found = (self.labels.shape, self.predicted.shape, self.probabilities.shape)
        if found[:2] != ((n,), (n,)) or self.probabilities.ndim != 2 or len(self.probabilities) != n:
            raise DataError(f"predictions of task {self.task!r} should be [{n}], [{n}] and [{n}, classes]; found {list(found)}")


def metrics_table(rows: Sequence[MetricRow]) -> pa.Table:
    """Rows as the columns of METRICS."""
    columns = (
        [row.split for row in rows],
        [row.task for row in rows],
        [row.name for row in rows],
        [row.label for row in rows],
        [row.value for row in rows],
    )
    return pa.table(list(columns), schema=METRICS)


def predictions_table(blocks: Sequence[PredictionBlock]) -> pa.Table:
    """Blocks one below the other as the columns of PREDICTIONS."""
    return pa.concat_tables([PREDICTIONS.empty_table(), *(_block_table(block) for block in blocks)])


def _block_table(block: PredictionBlock) -> pa.Table:
    n, num_classes = block.probabilities.shape
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * num_classes)
    flat = pa.array(block.probabilities.astype(np.float32).ravel())
    columns = [
        pa.array([block.split] * n, pa.string()),
        pa.array([block.task] * n, pa.string()),
        pa.array(list(block.example_ids), pa.string()),
        pa.array(block.labels, pa.int16()),
        pa.array(block.predicted, pa.int16()),
        pa.ListArray.from_arrays(offsets, flat),
    ]
    return pa.table(columns, schema=PREDICTIONS)


def to_parquet(table: pa.Table) -> bytes:
    """The bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


RENAMED = {"stage": "moment"}
"""Columns that mtlens 0.1 wrote under another name: the name of today and that of then."""


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """The columns of `schema` from a Parquet file; `WorkspaceError` where it is missing, torn or of other columns."""
    try:
        with pq.ParquetFile(path) as file:
            stored = file.schema_arrow.names
            names = [name if name in stored else RENAMED.get(name, name) for name in schema.names]
            return file.read(columns=names, use_threads=False).select(names).rename_columns(schema.names).cast(schema)
    except (OSError, pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())
        raise WorkspaceError(f"{path} should be a Parquet table of {', '.join(schema.names)}: {reason}") from error
