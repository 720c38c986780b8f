"""Reads JSON: a file of one object per line, or one document that holds a table."""

import json
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from mtlens.data.formats.base import BATCH, Batch, Reader, as_text
from mtlens.data.formats.dialect import decoded, encoding_of, text_stream
from mtlens.data.formats.form import Form
from mtlens.data.formats.json_rows import Row, rows_in
from mtlens.data.text_column import Cell
from mtlens.errors import DataError


class JsonLines(Reader):
    """One object per line."""

    is_text: ClassVar[bool] = True

    def __init__(self, path: Path, name: str, form: Form) -> None:
        super().__init__(path, name, form)
        self._encoding, notes = encoding_of(path, name, form)
        self.notes += notes
        columns: dict[str, None] = {}
        for _, row in self.rows():
            columns.update(dict.fromkeys(row))
        self.columns = tuple(columns)

    def batches(self, places: Mapping[str, int]) -> Iterator[Batch]:
        """Rows by their keys; a key that an object lacks is null."""
        keys = {column: self.columns[place] for column, place in places.items()}
        lines: list[int] = []
        rows: list[Row] = []
        for line, row in self.rows():
            lines.append(line)
            rows.append(row)
            if len(rows) == BATCH:
                yield self._batch(lines, rows, keys)
                lines, rows = [], []
        if rows:
            yield self._batch(lines, rows, keys)

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Every object with its line."""
        with text_stream(self.path, self.name, self._encoding) as stream, decoded(self.name, self._encoding):
            for line, text in enumerate(stream, start=1):
                if text.strip():
                    yield line, _object(text.rstrip("\r\n"), f"{self.name}:{line}")

    def _batch(self, lines: list[int], rows: list[Row], keys: Mapping[str, str]) -> Batch:
        cells = {
            column: [self._cell(row.get(key), column, line) for line, row in zip(lines, rows, strict=True)]
            for column, key in keys.items()
        }
        return Batch(lines=lines, cells=cells)

    def _cell(self, value: object, column: str, line: int) -> Cell:
        if isinstance(value, list):
            self.lists.setdefault(column, line)
        return None if self.leaves_out and isinstance(value, dict) else as_text(value, column, self.where(line))


class JsonDocument(JsonLines):
    """A document that holds rows in one of the ways of `json_rows`; or one object per line after all."""

    is_text: ClassVar[bool] = False

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Every object with its number."""
        yield from enumerate(self._read(), start=1)

    def _read(self) -> list[Row]:
        with text_stream(self.path, self.name, self._encoding) as stream, decoded(self.name, self._encoding):
            text = stream.read()
        try:
            content: object = json.loads(text)
        except (ValueError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
                return [row for _, row in super().rows()]
            raise DataError(f"{self.name}: table should be a JSON document; found: {_problem(error)}") from None
        rows = rows_in(content)
        if rows is None:
            raise DataError(f"{self.name}: table should be a list of JSON objects or lists; found {_shape(content)}")
        return rows


def _shape(content: object) -> str:
    """What a document is, in words."""
    if isinstance(content, list):
        kinds = sorted({type(item).__name__ for item in typing.cast("list[object]", content)})
        return f"a list of {' and '.join(kinds)}" if kinds else "an empty list"
    if isinstance(content, dict):
        return f"an object with the keys {', '.join(map(repr, list(typing.cast('Row', content))[:5]))}"
    return type(content).__name__


def _object(text: str, where: str) -> Row:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: line should be a JSON object; found: {_problem(error)}") from None
    if not isinstance(value, dict):
        raise DataError(f"{where}: line should be a JSON object; found {type(value).__name__}")
    return typing.cast("Row", value)


def _problem(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at {f'line {error.lineno}, ' if error.lineno > 1 else ''}column {error.colno}"
    return str(error)
