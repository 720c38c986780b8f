"""The Parquet tables of the run folders: their columns, and the values that become their rows."""

# pyright: reportUnknownParameterType=false
# (pyarrow ships no types)

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtlens.data.splits import SplitName
from mtlens.errors import DataError, WorkspaceError
from mtlens.store.columns import Column, arrow_schema, arrow_table, rows_of


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """Scores of finished runs."""

    split: Annotated[SplitName, Column("validation or test")]
    task: Annotated[str, Column("Task")]
    name: Annotated[str, Column("Metric, such as macro_f1, accuracy, ece (calibration error) or loss; f1 is that of one class")]
    label: Annotated[str | None, Column("Class that f1 speaks of; else NULL", name="class")] = None
    value: Annotated[float, Column("Score")]


@dataclass(frozen=True, kw_only=True)
class PredictionRow:
    """What finished runs say about each labelled example of validation and test."""

    split: Annotated[SplitName, Column("validation or test")]
    task: Annotated[str, Column("Task")]
    example_id: Annotated[str, Column("Example")]
    label: Annotated[np.int16, Column("Index of the true class, from 0")]
    predicted: Annotated[np.int16, Column("Index of the predicted class, from 0")]
    probabilities: Annotated[Sequence[np.float32], Column("Probability of each class")]


@dataclass(frozen=True, kw_only=True)
class ExampleRow:
    """Examples of each experiment; never their text."""

    example_id: Annotated[str, Column("Id in the data, or table and row number")]
    split: Annotated[SplitName, Column("train, validation or test; with folds, of a model that is trained on all of them")]
    fold: Annotated[np.int32 | None, Column("Fold in which it tests; NULL: kept out of all folds, or no folds")]
    cluster: Annotated[np.int32, Column("Examples of one cluster, such as a patient, are not independent")]


METRICS = arrow_schema(MetricRow)
PREDICTIONS = arrow_schema(PredictionRow)
EXAMPLES = arrow_schema(ExampleRow)


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictionBlock:
    """Predictions of one task's labelled examples in one split, column by column: n examples, C classes; never their text."""

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
    return arrow_table(MetricRow, rows)


def read_metrics(path: Path) -> list[MetricRow]:
    """The scores in a Parquet file; `WorkspaceError` as in `read_parquet`."""
    return rows_of(MetricRow, read_parquet(path, METRICS))


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

ADDED = ("standard_error", "fold")
"""Columns that files of mtlens 0.1 do not have; they are read as NULL."""


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """The columns of `schema` from a Parquet file; `WorkspaceError` where it is missing, torn or of other columns."""
    try:
        with pq.ParquetFile(path) as file:
            stored = file.schema_arrow.names
            added = [name for name in ADDED if name in schema.names and name not in stored]
            known = [name for name in schema.names if name not in added]
            names = [name if name in stored else RENAMED.get(name, name) for name in known]
            table = file.read(columns=names, use_threads=False).select(names).rename_columns(known)
            for name in added:
                table = table.append_column(name, pa.nulls(len(table), schema.field(name).type))
            return table.select(schema.names).cast(schema)
    except (OSError, pa.ArrowException, KeyError) as error:
        reason = " ".join(str(error).split())
        raise WorkspaceError(f"{path} should be a Parquet table of {', '.join(schema.names)}: {reason}") from error
