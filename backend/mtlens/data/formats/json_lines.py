"""Reads JSON: a file of one object per line, or one document that is a list of objects, alone or under a key."""

import json
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from mtlens.data.formats.base import BATCH, Batch, Reader, as_text
from mtlens.data.formats.compression import open_bytes
from mtlens.data.formats.dialect import decoded, text_stream
from mtlens.data.formats.encoding import UTF_8, find_encoding
from mtlens.data.formats.form import Form
from mtlens.data.text_column import Cell
from mtlens.errors import DataError

Row = dict[str, Any]


class JsonLines(Reader):
    """One object per line."""

    is_text: ClassVar[bool] = True

    def __init__(self, path: Path, name: str, form: Form) -> None:
        super().__init__(path, name, form)
        with open_bytes(path, name) as stream, decoded(name, "utf-8"):
            self._encoding = form.encoding or find_encoding(stream, name)
        if form.encoding is None and self._encoding != UTF_8:
            self.notes.append(f"{name} is read in {self._encoding} (set by encoding)")
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
    """A list of objects, or an object that holds one under a key such as `data`; or one object per line after all."""

    is_text: ClassVar[bool] = False

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Every object with its number."""
        for number, row in enumerate(self._read(), start=1):
            if not isinstance(row, dict):
                raise DataError(f"{self.where(number)}: row should be a JSON object; found {type(row).__name__}")
            yield number, typing.cast("Row", row)

    def _read(self) -> list[object]:
        with text_stream(self.path, self.name, self._encoding) as stream, decoded(self.name, self._encoding):
            text = stream.read()
        try:
            content: object = json.loads(text)
        except (ValueError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data":
                return [row for _, row in super().rows()]
            raise DataError(f"{self.name}: table should be a JSON document; found: {_problem(error)}") from None
        lists = [content] if isinstance(content, list) else []
        if isinstance(content, dict):
            lists = [value for value in typing.cast("Row", content).values() if isinstance(value, list)]
        if len(lists) != 1:
            raise DataError(f"{self.name}: table should be a list of JSON objects; found {len(lists)} lists")
        return typing.cast("list[object]", lists[0])


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
