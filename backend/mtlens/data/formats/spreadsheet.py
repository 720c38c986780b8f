"""Reads the first sheet of a spreadsheet (XLSX, XLS or ODS)."""

import datetime
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import python_calamine

from mtlens.data.formats.base import BATCH, Batch, Reader, as_text
from mtlens.data.formats.form import Form
from mtlens.data.text_column import Cell
from mtlens.errors import DataError

_MOST_UNPACKED = 1 << 30  # bytes


class Spreadsheet(Reader):
    """The first sheet that is not empty; its first row is the header."""

    def __init__(self, path: Path, name: str, form: Form) -> None:
        super().__init__(path, name, form)
        self._check_size()
        try:
            book = python_calamine.CalamineWorkbook.from_path(path)
            sheets = [(title, sheet) for title in book.sheet_names if (sheet := book.get_sheet_by_name(title)).height > 0]
        except (python_calamine.CalamineError, OSError) as error:
            raise DataError(f"{name}: table should be a sound spreadsheet; found: {str(error).splitlines()[0]}") from None
        if not sheets:
            raise DataError(f"{name}: table should hold rows; found no sheet with any")
        title, self._sheet = sheets[0]
        if len(sheets) > 1:
            self.notes.append(f"{name}: sheet {title!r} is read, the first of {len(sheets)} with rows")
        header = next(self._rows())[1]
        self.columns = form.columns or tuple(str(cell).strip() for cell in header)

    def batches(self, places: Mapping[str, int]) -> Iterator[Batch]:
        """Rows that are not blank."""
        rows = [(line, row) for line, row in self._rows() if any(cell != "" for cell in row)]
        rows = rows if self.form.columns else rows[1:]
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            cells: dict[str, Any] = {
                column: [self._cell(row[place] if place < len(row) else "", column, line) for line, row in part]
                for column, place in places.items()
            }
            yield Batch(lines=[line for line, _ in part], cells=cells)

    def _rows(self) -> Iterator[tuple[int, list[Any]]]:
        return enumerate(self._sheet.iter_rows(), start=self._sheet.start[0] + 1 if self._sheet.start else 1)

    def _cell(self, value: Any, column: str, line: int) -> Cell:
        """Whole numbers without a decimal point, as the sheet shows them; times in ISO format."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, datetime.datetime | datetime.date | datetime.time):
            value = value.isoformat()
        if isinstance(value, datetime.timedelta):
            value = str(value)
        return as_text(value, column, self.where(line))

    def _check_size(self) -> None:
        """Raise `DataError` for an archive that unpacks to more than memory should hold."""
        if zipfile.is_zipfile(self.path):
            with zipfile.ZipFile(self.path) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > _MOST_UNPACKED:
                raise DataError(f"{self.name}: spreadsheet should unpack to at most 1 GB; found {unpacked / (1 << 30):.1f} GB")
