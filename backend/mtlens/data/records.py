"""The wanted columns of a table's files as text columns, mapped from disk, with the place of every row for errors."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtlens.data.cache import cache_folder
from mtlens.data.formats import Form, Reader, open_table
from mtlens.data.formats.base import Batch
from mtlens.data.mapped import table_in
from mtlens.data.text_column import TextColumn
from mtlens.errors import DataError

LINE = "line\0"
"""Name of the column of lines, which no file's column has."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Records:
    """n rows of one file or several. Numbers are written as Python writes them, booleans as true and false."""

    name: str  # of the table, for errors
    files: tuple[str, ...]  # names, for errors
    has_lines: tuple[bool, ...]  # by file: whether a row is found by its line, or by its number
    columns: tuple[str, ...]  # all that the files have
    cells: dict[str, TextColumn]  # those that were wanted and exist, n cells each
    file: NDArray[np.int16]  # [n] which file
    lines: NDArray[np.int64]  # [n] where each row starts, counted from 1; or its number
    lists: dict[str, str] = field(default_factory=dict[str, str])  # place of the first list in each column that has one
    notes: tuple[str, ...] = ()  # how the files were read, where that is not obvious

    def __len__(self) -> int:
        return len(self.lines)

    def where(self, row: int) -> str:
        """File and line of a row, as errors name it."""
        file = self.file[row]
        return f"{self.files[file]}{':' if self.has_lines[file] else ': row '}{self.lines[row]}"

    def take(self, rows: NDArray[np.int64]) -> "Records":
        """Some of the rows, ascending."""
        if len(rows) == len(self):
            return self
        cells = {column: cells.take(rows) for column, cells in self.cells.items()}
        return replace(self, cells=cells, file=self.file[rows], lines=self.lines[rows])

    @classmethod
    def joined(cls, parts: Sequence[Self], name: str) -> Self:
        """The rows of several files one after another; a column that a file lacks is null there."""
        if len(parts) == 1:
            return parts[0]
        columns = list(dict.fromkeys(column for part in parts for column in part.cells))
        lengths = [len(part) for part in parts]
        return cls(
            name=name,
            files=tuple(file for part in parts for file in part.files),
            has_lines=tuple(has for part in parts for has in part.has_lines),
            columns=tuple(dict.fromkeys(column for part in parts for column in part.columns)),
            cells={column: TextColumn(_chained(column, parts)) for column in columns},
            file=np.repeat(np.arange(len(parts), dtype=np.int16), lengths),
            lines=np.concatenate([part.lines for part in parts]),
            lists={column: place for part in reversed(parts) for column, place in part.lists.items()},
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        )


def read_records(path: Path, name: str, wanted: frozenset[str] | None, form: Form | None = None) -> Records:
    """Read some columns of a file, or all if `wanted` is None, with null for what is not text; `name`: of the file in errors.

    A column is found by its name, blanks around it left out. Raises `DataError` with the line where the file is absent,
    empty, or not what its suffix says.
    """
    reader = open_table(path, name, form or Form())
    reader.leaves_out = wanted is None
    places = _places(reader.columns, wanted, name)
    table = _on_disk(_arrow(reader, places), list(places))
    if not len(table):
        raise DataError(f"{name}: table should hold rows; found none below its header")
    return Records(
        name=name,
        files=(name,),
        has_lines=(reader.is_text,),
        columns=reader.columns,
        cells={column: TextColumn(table.column(column)) for column in places},
        file=np.zeros(len(table), dtype=np.int16),
        lines=table.column(LINE).to_numpy(),
        lists={column: reader.where(line) for column, line in reader.lists.items()},
        notes=tuple(reader.notes),
    )


def _chained(column: str, parts: Sequence[Records]) -> Any:
    absent = pa.nulls(0, pa.large_string())
    chunks = [
        chunk
        for part in parts
        for chunk in (part.cells[column].chunks() if column in part.cells else [pa.nulls(len(part), pa.large_string())])
    ]
    return pa.chunked_array([absent, *chunks])


def _places(columns: Sequence[str], wanted: frozenset[str] | None, name: str) -> dict[str, int]:
    """Where the wanted columns are, or all that stand once. Raises `DataError` for a wanted one that stands twice."""
    stripped = [column.strip() for column in columns]
    places: dict[str, int] = {}
    for column in [header for header in columns if columns.count(header) == 1] if wanted is None else sorted(wanted):
        exact = [place for place, header in enumerate(columns) if header == column]
        found = exact or [place for place, header in enumerate(stripped) if header == column.strip()]
        if len(found) > 1:
            raise DataError(f"{name}: column {column!r} should stand once; found it {len(found)} times")
        if found:
            places[column] = found[0]
    return places


def _arrow(reader: Reader, places: Mapping[str, int]) -> Iterator[Any]:
    """Record batches of strings, and of the line of each row."""
    schema = _schema(list(places))
    for batch in reader.batches(places):
        cells = [_as_array(reader, batch, column) for column in places]
        yield pa.record_batch([*cells, pa.array(batch.lines, pa.int64())], schema=schema)


def _as_array(reader: Reader, batch: Batch, column: str) -> Any:
    cells = batch.cells[column]
    try:
        return cells if isinstance(cells, pa.Array) else pa.array(cells, pa.large_string())
    except UnicodeEncodeError:
        place = reader.where(batch.lines[0])
        raise DataError(f"{place}: column {column!r} should hold text; found half of a surrogate pair") from None


def _schema(columns: Sequence[str]) -> Any:
    return pa.schema([*((column, pa.large_string()) for column in columns), (LINE, pa.int64())])


def _on_disk(batches: Iterator[Any], columns: Sequence[str]) -> Any:
    """The batches as one table, mapped from a file without a name, which ends with the table."""
    with tempfile.TemporaryFile(dir=cache_folder()) as file:
        with pa.ipc.new_file(pa.PythonFile(file, "w"), _schema(columns)) as writer:
            for batch in batches:
                writer.write_batch(batch)
        file.flush()
        return table_in(file)
