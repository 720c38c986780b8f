"""Reads the wanted columns of a CSV, TSV, Parquet or JSONL file as text, and names the line where a file is malformed."""

import codecs
import csv
import io
import json
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from mtlens.errors import DataError, reading

MOST_DECODED = 4_000_000_000  # characters
_PARQUET_ROWS = 256
Cell = str | None  # None: null, or a key that a JSON object lacks


class ListCell(str):
    """A list, as JSON, which a task of several labels reads."""


@dataclass(frozen=True, kw_only=True)
class Records:
    """n rows of one file. Numbers are written as Python writes them, booleans as true and false."""

    name: str  # of the file, for errors
    columns: tuple[str, ...]  # all that the file has
    cells: dict[str, list[Cell]]  # those that were wanted and exist, n cells each
    lines: list[int]  # n: where each row starts, counted from 1; in Parquet its number
    is_text: bool

    def where(self, row: int) -> str:
        """File and line of a row, as errors name it."""
        return f"{self.name}:{self.lines[row]}" if self.is_text else f"{self.name}: row {self.lines[row]}"


def read_records(path: Path, name: str, wanted: frozenset[str]) -> Records:
    """Read a file by its suffix; `name` stands for it in errors.

    Raises `DataError` with the line where the file is absent, empty, not UTF-8, or not what its suffix says.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{name}: a table should end in one of {', '.join(_READERS)}; found {path.suffix or 'no suffix'!r}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{name}: table should be a readable file; found: {error.strerror}") from None
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise DataError(f"{name}: table should hold rows; found an empty file")
    with reading(DataError, f"{name}: table should be a sound {path.suffix} file"):
        records = reader(content, name, wanted)
    if not records.lines:
        raise DataError(f"{name}: table should hold rows; found none below its header")
    return records


def _read_csv(content: bytes, name: str, wanted: frozenset[str]) -> Records:
    return _read_separated(content, name, wanted, ",")


def _read_tsv(content: bytes, name: str, wanted: frozenset[str]) -> Records:
    return _read_separated(content, name, wanted, "\t")


def _read_separated(content: bytes, name: str, wanted: frozenset[str], separator: str) -> Records:
    rows = _rows(_decode(content, name), name, separator)
    _, header = next(rows)
    _refuse_twins(header, wanted, name)
    places = {column: header.index(column) for column in wanted.intersection(header)}
    cells: dict[str, list[Cell]] = {column: [] for column in places}
    lines: list[int] = []
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(f"{name}:{line}: row should have {len(header)} fields, as the header has; found {len(row)}")
        lines.append(line)
        for column, place in places.items():
            cells[column].append(row[place])
    return Records(name=name, columns=tuple(header), cells=cells, lines=lines, is_text=True)


def _rows(text: str, name: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, header first, each with the line that it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{name}:{line}: row should have its quotes closed and doubled inside; found: {error}") from None
        if row:
            yield line, row


def _read_jsonl(content: bytes, name: str, wanted: frozenset[str]) -> Records:
    columns: dict[str, None] = {}
    objects: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, text in enumerate(_decode(content, name).split("\n"), start=1):
        if text.strip():
            objects.append(_json_object(text, f"{name}:{line}"))
            columns.update(dict.fromkeys(objects[-1]))
            lines.append(line)
    cells = {
        column: [_as_text(row.get(column), column, f"{name}:{line}") for row, line in zip(objects, lines, strict=True)]
        for column in wanted.intersection(columns)
    }
    return Records(name=name, columns=tuple(columns), cells=cells, lines=lines, is_text=True)


def _json_object(text: str, where: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        found = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(f"{where}: line should be a JSON object; found: {found}") from None
    if not isinstance(value, dict):
        raise DataError(f"{where}: line should be a JSON object; found {type(value).__name__}")
    return typing.cast("dict[str, Any]", value)


def _read_parquet(content: bytes, name: str, wanted: frozenset[str]) -> Records:
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
        columns = tuple(file.schema_arrow.names)
        _refuse_twins(columns, wanted, name)
        values = _parquet_values(file, sorted(wanted.intersection(columns)), name)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: table should be a sound Parquet file; found: {str(error).splitlines()[0]}") from None
    lines = list(range(1, file.metadata.num_rows + 1))
    cells = {
        column: [_as_text(value, column, f"{name}: row {line}") for line, value in zip(lines, of_column, strict=True)]
        for column, of_column in values.items()
    }
    return Records(name=name, columns=columns, cells=cells, lines=lines, is_text=False)


def _parquet_values(file: pyarrow.parquet.ParquetFile, columns: list[str], name: str) -> dict[str, list[Any]]:
    """Values of columns, read in small batches: a few bytes on disk may stand for gigabytes."""
    values: dict[str, list[Any]] = {column: [] for column in columns}
    size = 0
    for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=columns) if columns else ():
        for column in columns:
            values[column] += (decoded := batch.column(column).to_pylist())
            size += sum(len(value) for value in decoded if isinstance(value, str))
        if size > MOST_DECODED:
            found = f"found more in the first {len(values[columns[0]]):,} rows"
            raise DataError(f"{name}: columns should decode to at most {MOST_DECODED:,} characters; {found}")
    return values


_READERS: dict[str, Callable[[bytes, str, frozenset[str]], Records]] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
    ".jsonl": _read_jsonl,
}


def _refuse_twins(columns: Sequence[str], wanted: frozenset[str], name: str) -> None:
    for column in sorted(wanted):
        if columns.count(column) > 1:
            raise DataError(f"{name}: column {column!r} should stand once; found it {columns.count(column)} times")


def _decode(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}:{line}: table should be UTF-8; found byte {content[error.start]:#04x} at offset {error.start}"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name}:{line}: table should be text; found a NUL character")
    return text


def _as_text(value: object, column: str, where: str) -> Cell:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise DataError(f"{where}: column {column!r} should hold text; found half of a surrogate pair")
        return value
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return ListCell(json.dumps(value, ensure_ascii=False))
    raise DataError(f"{where}: column {column!r} should hold text or numbers; found a {type(value).__name__}")
