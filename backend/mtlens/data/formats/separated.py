"""Reads separated text files: CSV, TSV and text files with any delimiter, with or without a header."""

import csv
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import ClassVar

from mtlens.data.formats.base import BATCH, Batch, Reader
from mtlens.data.formats.dialect import decoded, find_dialect, text_stream
from mtlens.data.formats.form import Form
from mtlens.errors import DataError


class Separated(Reader):
    """A file of lines, in the dialect that is set or found."""

    is_text: ClassVar[bool] = True

    def __init__(self, path: Path, name: str, form: Form) -> None:
        super().__init__(path, name, form)
        self._longer = 0  # rows with further fields
        self._dialect, notes = find_dialect(path, name, form)
        self.notes += notes
        first = next(self._rows(), None)
        if first is None:
            raise DataError(f"{name}: table should hold rows; found an empty file")
        self.columns = form.columns or tuple(cell.strip() for cell in first[1])

    def batches(self, places: Mapping[str, int]) -> Iterator[Batch]:
        """Rows that are not blank. Without a header, fields beyond the columns that are named are left out and counted."""
        rows = self._wanted(places)
        while part := list(islice(rows, BATCH)):
            columns = zip(*(cells for _, cells in part), strict=True)
            yield Batch(lines=[line for line, _ in part], cells=dict(zip(places, map(list, columns), strict=True)))
        if self._longer:
            self.notes.append(
                f"{self.name}: rows with more fields than the {len(self.columns)} columns, which are left out: {self._longer:,}"
            )

    def _wanted(self, places: Mapping[str, int]) -> Iterator[tuple[int, list[str]]]:
        """The line of each row, and its cells in the wanted columns."""
        rows = self._rows()
        if not self.form.columns:
            next(rows)
        for line, row in rows:
            if len(row) != len(self.columns):
                self._longer += self._is_longer(line, row)
            yield line, [row[place] for place in places.values()]

    def _is_longer(self, line: int, row: list[str]) -> bool:
        """True where the row has further fields and that is no mistake; else DataError."""
        if self.form.columns and len(row) > len(self.columns):
            return True
        has = "are named under `columns`" if self.form.columns else "the header has"
        raise DataError(f"{self.name}:{line}: row should have {len(self.columns)} fields, as {has}; found {len(row)}")

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Rows that are not blank, each with the line that it starts on."""
        line = 1
        try:
            encoding = self._dialect.encoding
            with text_stream(self.path, self.name, encoding) as stream, decoded(self.name, encoding):
                reader = self._dialect.rows(stream)
                for row in reader:
                    if row:
                        yield line, row
                    line = reader.line_num + 1
        except csv.Error as error:
            hint = " (`quoting: none` reads quotes as text)" if self._dialect.quoting == "standard" else ""
            message = f"row should have its quotes closed and doubled inside; found: {error}{hint}"
            raise DataError(f"{self.name}:{line}: {message}") from None
