"""Tables of texts with label columns, from files of many formats. Errors name each cell that cannot be used."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mtlens.config.hashing import content_hash
from mtlens.config.sections import Label, Name
from mtlens.data.cache import file_digest
from mtlens.data.columns import nearest
from mtlens.data.formats import Form
from mtlens.data.records import Records, read_records
from mtlens.data.sources.base import Rows, Source
from mtlens.data.sources.files import TableFile, files_of, notes_of
from mtlens.data.sources.texts import Text, is_filled, text_columns, texts_of
from mtlens.data.splits import SPLITS, USUAL_SPLITS, SplitName
from mtlens.data.text_column import TextColumn, large, pc
from mtlens.errors import DataError


class Table(Form):
    """Texts with label columns: one file or several, of any format that `mtlens.data.formats` knows."""

    path: Name | dict[SplitName, Name] = Field(
        description="file, folder or pattern such as notes/*.csv, or one for each split; relative to the experiment file, "
        "to --data, or to MTLENS_DATA"
    )
    text: Text = Field(
        description="column that holds the text; [a, b]: pairs of texts; {join: [a, b]}: one text of several columns"
    )
    id: Name | None = Field(default=None, description="column of unique ids; row numbers otherwise")
    group: Name | None = Field(default=None, description="column whose rows stay in one split, such as the patient")
    split: Name | None = Field(default=None, description="column that gives each row's split")
    split_values: dict[SplitName, tuple[Label, ...]] | None = Field(
        default=None, description="which values of the split column mean which split, beside the usual names"
    )
    fold: Name | None = Field(
        default=None, exclude_if=lambda fold: fold is None, description="column that gives each row's fold"
    )
    empty_texts: Literal["drop", "refuse"] = Field(
        default="drop", exclude_if=lambda empty: empty == "drop", description="what to do with rows without a text"
    )

    @model_validator(mode="after")
    def _one_split(self) -> Self:
        if isinstance(self.path, dict) and self.split is not None:
            raise ValueError(
                f"a table should have a file for each split or a column `split`; found both, column {self.split!r}"
            )
        if self.path == {}:
            raise ValueError("path should name a file, or one for each split; found none")
        return self

    @property
    def name(self) -> str:
        """As errors call the table."""
        return ", ".join(self.path.values()) if isinstance(self.path, dict) else self.path


class Tables(Source):
    """Tables of one's own; a task is labelled by each table that has its column."""

    key: ClassVar[str] = "tables"

    tables: tuple[Table, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _folds_or_split(self) -> Self:
        with_fold = [table.name for table in self.tables if table.fold is not None]
        if with_fold and self.splits.folds is None:
            raise ValueError(f"splits.folds should say how many folds column `fold` holds; found none beside {with_fold[0]}")
        if 0 < len(with_fold) < len(self.tables):
            raise ValueError(f"all tables should give folds, or none; found a column only in {', '.join(with_fold)}")
        given = [table.name for table in self.tables if table.split is not None or isinstance(table.path, dict)]
        if self.splits.folds is not None and given:
            raise ValueError(f"a table should have splits of its own or be split into folds; found both for {given[0]}")
        return self

    def digest(self, folders: Sequence[Path]) -> str | None:
        """Digest of all files, with their names; None where one cannot be read."""
        files = [file for table in self.tables for file in files_of(table.path, folders)]
        try:
            return content_hash([[file.name, file_digest(file.path)] for file in files])
        except OSError:
            return None

    def read(self, columns: frozenset[str], folders: Sequence[Path]) -> list[Rows]:
        """The rows of each table."""
        files = [files_of(table.path, folders) for table in self.tables]
        if self.splits.folds is not None and (given := [file.name for own in files for file in own if file.split]):
            raise DataError(f"{given[0]}: a table should have splits of its own or be split into folds; found both")
        return [read_table(table, own, columns) for table, own in zip(self.tables, files, strict=True)]


def read_table(table: Table, files: Sequence[TableFile], columns: frozenset[str]) -> Rows:
    """Read and check one table, with the cells of these label columns.

    Raises `DataError` with file, line and column at the first cell that cannot be used.
    """
    named = [
        column for column in (*text_columns(table.text), table.id, table.group, table.split, table.fold) if column is not None
    ]
    form = Form.model_validate(table.model_dump(include=set(Form.model_fields)))
    records = Records.joined([read_records(file.path, file.name, columns.union(named), form) for file in files], table.name)
    for column in named:
        if column not in records.cells:
            raise DataError(f"{table.name}: table should have column {column!r}; {nearest(column, records.columns)}")
    texts = texts_of(table.text, records, refuse=table.empty_texts == "refuse")
    given = [files[file].split for file in records.file]
    kept = records.take(texts.rows)
    return Rows(
        name=table.name,
        ids=(_unique(kept, table.id) if table.id is not None else _numbered(files, records.file, texts.rows)).filled(),
        texts=texts.first,
        pairs=texts.second,
        cells={column: cells for column, cells in kept.cells.items() if column in columns},
        groups=_groups(kept, table.group),
        splits=[given[row] for row in texts.rows] if table.split is None else _splits(kept, table),
        columns=kept.columns,
        folds=list(kept.cells[table.fold]) if table.fold is not None else None,
        where=kept.where,
        notes=(*notes_of(files), *kept.notes, *texts.notes),
    )


def _groups(records: Records, column: str | None) -> TextColumn:
    """Group of each row, null where it has none."""
    if column is None:
        return TextColumn.nulls(len(records))
    cells = records.cells[column].arrow
    return TextColumn(pc.if_else(pc.equal(cells, ""), None, cells))


def _numbered(files: Sequence[TableFile], of_row: NDArray[np.int16], kept: NDArray[np.int64]) -> TextColumn:
    """Numbers from 1 of the rows that are kept; where files give the splits, the split and its own numbers.

    of_row: file of every row.
    """
    numbers = np.zeros(len(of_row), dtype=np.int64)
    for split in {file.split for file in files}:
        own = np.isin(of_row, [place for place, file in enumerate(files) if file.split == split])
        numbers[own] = np.arange(1, own.sum() + 1)
    before = pa.array(["" if file.split is None else f"{file.split}:" for file in files], pa.large_string())
    written = pa.array(numbers[kept]).cast(pa.large_string())
    return TextColumn(pa.chunked_array([pc.binary_join_element_wise(before.take(pa.array(of_row[kept])), written, large(""))]))


def _unique(records: Records, column: str) -> TextColumn:
    cells = records.cells[column]
    if not is_filled(cells.arrow).all() or pc.count_distinct(cells.arrow).as_py() < len(cells):
        raise DataError(_wrong_id(records, column))
    return cells


def _wrong_id(records: Records, column: str) -> str:
    """What is wrong with the first id that is empty or occurs again."""
    first: dict[str, int] = {}
    for row, cell in enumerate(records.cells[column]):
        name = cell or ""
        if not name.strip():
            return f"{records.where(row)}: column {column!r} should hold ids; found an empty cell"
        if first.setdefault(name, row) != row:
            return (
                f"{records.where(row)}: column {column!r} should hold unique ids; "
                f"found {name[:80]!r} again, first at {records.where(first[name])}"
            )
    raise AssertionError("every id is filled and unique")


def _splits(records: Records, table: Table) -> list[SplitName | None]:
    """Split of each row from its cell: the values that the table gives, then the usual names in any case."""
    assert table.split is not None
    given: dict[str, SplitName] = {value: split for split, values in (table.split_values or {}).items() for value in values}
    splits: list[SplitName | None] = []
    for row, cell in enumerate(records.cells[table.split]):
        value = (cell or "").strip()
        split = given.get(value) or USUAL_SPLITS.get(value.lower())
        if split is None:
            known = ", ".join([*given, *(SPLITS if given else USUAL_SPLITS)])
            raise DataError(
                f"{records.where(row)}: column {table.split!r} should hold one of [{known}]; found {value[:80]!r}"
                f" (`split_values` says which split a value means)"
            )
        splits.append(split)
    return splits
