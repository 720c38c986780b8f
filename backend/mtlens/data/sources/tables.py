"""Tables of texts with label columns: CSV, TSV, Parquet or JSONL files. Errors name each cell that cannot be used."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from mtlens.config.sections import Label, Name, Spec
from mtlens.data.columns import nearest
from mtlens.data.file_formats import ListCell, Records, read_records
from mtlens.data.folders import find_file
from mtlens.data.sources.base import Rows, Source
from mtlens.data.splits import TEST, TRAIN, VALIDATION, SplitName
from mtlens.errors import DataError

_SPLIT_VALUES: dict[SplitName, tuple[str, ...]] = {
    TRAIN: ("train", "training"),
    VALIDATION: ("validation", "val", "valid", "dev"),
    TEST: ("test",),
}


class Table(Spec):
    """One file of texts with label columns: CSV, TSV, Parquet or JSONL, by its suffix."""

    path: Name = Field(description="relative to the experiment file, to --data, or to MTLENS_DATA")
    text: Name = Field(description="column that holds the text")
    id: Name | None = Field(default=None, description="column of unique ids; row numbers otherwise")
    group: Name | None = Field(default=None, description="column whose rows stay in one split, such as the patient")
    split: Name | None = Field(default=None, description="column that gives each row's split")
    split_values: dict[SplitName, tuple[Label, ...]] | None = Field(
        default=None, description="which values of the split column mean which split"
    )
    fold: Name | None = Field(
        default=None, exclude_if=lambda fold: fold is None, description="column that gives each row's fold"
    )


class Tables(Source):
    """Tables of one's own; a task is labelled by each table that has its column."""

    key: ClassVar[str] = "tables"

    tables: tuple[Table, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _folds_or_split(self) -> Self:
        with_fold = [table.path for table in self.tables if table.fold is not None]
        if with_fold and self.splits.folds is None:
            raise ValueError(f"splits.folds should say how many folds column `fold` holds; found none beside {with_fold[0]}")
        if 0 < len(with_fold) < len(self.tables):
            raise ValueError(f"all tables should give folds, or none; found a column only in {', '.join(with_fold)}")
        if self.splits.folds is not None and (given := [table.path for table in self.tables if table.split is not None]):
            raise ValueError(f"a table should have a column `split` or be split into folds; found both for {given[0]}")
        return self

    def read(self, columns: frozenset[str], folders: Sequence[Path]) -> list[Rows]:
        """The rows of each table."""
        return [read_table(table, find_file(table.path, folders), columns) for table in self.tables]


def read_table(table: Table, path: Path, columns: frozenset[str]) -> Rows:
    """Read and check one table, with the cells of these label columns.

    Raises `DataError` with file, line and column at the first cell that cannot be used.
    """
    named = [column for column in (table.text, table.id, table.group, table.split, table.fold) if column is not None]
    records = read_records(path, table.path, columns.union(named))
    for column in named:
        if column not in records.cells:
            raise DataError(f"{table.path}: table should have column {column!r}; {nearest(column, records.columns)}")
    count = len(records.lines)
    return Rows(
        name=table.path,
        ids=_unique(records, table.id) if table.id is not None else [str(row + 1) for row in range(count)],
        texts=_filled(records, table.text),
        cells={column: cells for column, cells in records.cells.items() if column in columns},
        groups=[value or None for value in records.cells[table.group]] if table.group is not None else [None] * count,
        splits=_splits(records, table) if table.split is not None else [None] * count,
        columns=records.columns,
        folds=list(records.cells[table.fold]) if table.fold is not None else None,
        where=records.where,
    )


def _filled(records: Records, column: str) -> list[str]:
    values = [value or "" for value in records.cells[column]]
    if lists := [row for row, value in enumerate(values) if isinstance(value, ListCell)]:
        raise DataError(f"{records.where(lists[0])}: column {column!r} should hold text or numbers; found a list")
    empty = [row for row, value in enumerate(values) if not value.strip()]
    if empty:
        others = f"; {len(empty):,} such rows" if len(empty) > 1 else ""
        raise DataError(f"{records.where(empty[0])}: column {column!r} should hold text; found an empty cell{others}")
    return values


def _unique(records: Records, column: str) -> list[str]:
    ids = _filled(records, column)
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if first.setdefault(name, row) != row:
            raise DataError(
                f"{records.where(row)}: column {column!r} should hold unique ids; "
                f"found {name[:80]!r} again, first at {records.where(first[name])}"
            )
    return ids


def _splits(records: Records, table: Table) -> list[SplitName | None]:
    assert table.split is not None
    values: dict[SplitName, tuple[str, ...]] = table.split_values or _SPLIT_VALUES
    meaning: dict[str, SplitName] = {value: split for split, written in values.items() for value in written}
    splits: list[SplitName | None] = []
    for row, cell in enumerate(records.cells[table.split]):
        value = (cell or "").strip()
        split = meaning.get(value if table.split_values else value.lower())
        if split is None:
            known = ", ".join(meaning)
            raise DataError(f"{records.where(row)}: column {table.split!r} should hold one of [{known}]; found {value[:80]!r}")
        splits.append(split)
    return splits
