"""The Parquet tables of the run folders: their columns, and the values that become their rows."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mtlens.data.splits import SplitName
from mtlens.errors import DataError, WorkspaceError
from mtlens.statistics.spans import NOTHING
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
    label: Annotated[np.int16 | None, Column("Index of the true class, from 0; NULL where the task has no single class")]
    predicted: Annotated[np.int16 | None, Column("Index of the predicted class, from 0; NULL as label")]
    probabilities: Annotated[Sequence[np.float32] | None, Column("Probability of each class; NULL where there are none")]
    true_labels: Annotated[Sequence[np.int16] | None, Column("1 or 0 for each class; NULL but for tasks of kind multilabel")]
    predicted_labels: Annotated[
        Sequence[np.int16] | None, Column("1 or 0 for each predicted class; NULL but for tasks of kind multilabel")
    ]
    true_number: Annotated[float | None, Column("True number; NULL but for tasks of kind number")]
    predicted_number: Annotated[float | None, Column("Predicted number; NULL but for tasks of kind number")]
    true_spans: Annotated[
        Sequence[np.int32] | None,
        Column("Of each true span first character, end and index of its type, from 0; NULL but for tasks of kind tags"),
    ]
    predicted_spans: Annotated[
        Sequence[np.int32] | None, Column("Predicted spans, as true_spans; NULL but for tasks of kind tags")
    ]


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
    """Predictions of one task's labelled examples in one split, column by column: n examples; never their text.

    columns: those of table `prediction` that the kind of task has, [n] or, for lists, [n, D]; the others are NULL. Spans are
    padded with -1, which is not stored.
    """

    split: SplitName
    task: str
    example_ids: Sequence[str]  # n
    columns: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        """Raise `DataError` where the columns do not fit together."""
        n = len(self.example_ids)
        lengths = {name: len(column) for name, column in self.columns.items()}
        if set(lengths.values()) - {n} or lengths.keys() - set(PREDICTIONS.names):
            raise DataError(f"predictions of task {self.task!r} should be columns of {n} examples; found {lengths}")


def metrics_table(rows: Sequence[MetricRow]) -> pa.Table:
    """Rows as the columns of METRICS."""
    return arrow_table(MetricRow, rows)


def read_metrics(path: Path) -> list[MetricRow]:
    """The scores in a Parquet file; `WorkspaceError` as in `read_parquet`."""
    return rows_of(MetricRow, read_parquet(path, METRICS))


def predictions_table(blocks: Sequence[PredictionBlock]) -> pa.Table:
    """Concatenated blocks as the columns of PREDICTIONS."""
    return pa.concat_tables([PREDICTIONS.empty_table(), *(_block_table(block) for block in blocks)])


def _block_table(block: PredictionBlock) -> pa.Table:
    n = len(block.example_ids)
    common = {"split": [block.split] * n, "task": [block.task] * n, "example_id": list(block.example_ids)}
    columns = [
        pa.array(common[field.name], field.type) if field.name in common else _column(block.columns.get(field.name), field, n)
        for field in PREDICTIONS
    ]
    return pa.table(columns, schema=PREDICTIONS)


def _column(values: NDArray[Any] | None, field: pa.Field, count: int) -> pa.Array:
    """A column of a block: numbers [n], lists of D numbers [n, D], or NULL."""
    if values is None:
        return pa.nulls(count, field.type)
    if values.ndim == 1:
        return pa.array(values, field.type)
    is_there = values != NOTHING if field.name in _SPANS else np.ones(values.shape, dtype=np.bool_)
    offsets = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values[is_there], field.type.value_type))


def to_parquet(table: pa.Table) -> bytes:
    """The bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


RENAMED = {"stage": "moment"}
"""Columns that mtlens 0.1 wrote under another name: present name -> old name."""

_SPANS = ("true_spans", "predicted_spans")

ADDED = ("standard_error", "fold", "true_labels", "predicted_labels", "true_number", "predicted_number", *_SPANS)
"""Columns that files of mtlens 0.1 do not have; they are read as NULL."""


def read_parquet(path: Path, schema: pa.Schema) -> pa.Table:
    """The columns of `schema` from a Parquet file; `WorkspaceError` where it is missing or damaged, or has other columns."""
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
