"""Reports from files, folders, CSV files and standard input, one at a time; unreadable ones are returned as problems."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mtlens.config.sections import Spec
from mtlens.data.columns import nearest
from mtlens.errors import DataError
from mtlens.inference.extraction.csv_rows import CsvRow, read_rows
from mtlens.inference.segmentation.cleaning import MAX_CHARACTERS, cleaned, decoded

_MOST_BYTES = 4 * MAX_CHARACTERS
STANDARD_INPUT = "-"


class Columns(Spec):
    """Columns of a CSV file: the report, and its id (by default the number of the row)."""

    text: str = "text"
    id: str | None = None


class Incoming(Spec):
    """One report, or why there is none.

    problem: one line without report text; empty if the report was read. is_rest: it stands for the whole rest of a file.
    """

    id: str
    text: str = ""
    problem: str = ""
    is_rest: bool = False


def read_all(inputs: Iterable[str], columns: Columns) -> Iterator[Incoming]:
    """Every report in a fixed order: inputs as given, folders by name. One is in memory at a time."""
    for given in inputs:
        if given == STANDARD_INPUT:
            yield _checked("stdin", lambda: decoded(sys.stdin.buffer.read(_MOST_BYTES + 1)))
        elif os.path.isdir(given):  # noqa: PTH112 - Path.is_dir raises where a folder above may not be searched
            yield from _folder(Path(given), columns)
        else:
            yield from _read(Path(given), columns)


def _folder(folder: Path, columns: Columns) -> Iterator[Incoming]:
    """Files below a folder by name; hidden ones are passed over, links to folders not followed. Names alone are kept."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as error:
        yield Incoming(id=_named(folder), problem=f"folder should be readable: {error.strerror}")
        return
    for name, is_folder in found:
        if not name.startswith("."):
            yield from (_folder if is_folder else _read)(folder / name, columns)


def _read(path: Path, columns: Columns) -> Iterator[Incoming]:
    if path.suffix.lower() == ".csv":
        yield from _table(path, columns)
    else:
        yield _checked(_named(path), lambda: decoded(_content(path)))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"file should be readable: {error.strerror}") from None


def _table(path: Path, columns: Columns) -> Iterator[Incoming]:
    rows = read_rows(path, most=_MOST_BYTES)
    first = next(rows, CsvRow(line=1))
    try:
        header = _header(first, columns)
    except DataError as error:
        yield Incoming(id=_named(path), problem=str(error), is_rest=first.is_rest)
        return
    for number, row in enumerate(rows, 1):
        name = f"{_named(path)}:{number}"
        try:
            text, given = _wanted(row, header, columns)
        except DataError as error:
            yield Incoming(id=name, problem=str(error), is_rest=row.is_rest)
        else:
            yield _checked(given or name, lambda text=text: text)


def _header(row: CsvRow, columns: Columns) -> list[str]:
    """Names of the columns; DataError where those that are wanted are not among them."""
    if row.problem:
        raise DataError(row.problem)
    if not all(map(_is_utf8, row.cells)):
        raise DataError("table should be CSV in UTF-8; found another encoding")
    for column in filter(None, (columns.text, columns.id)):
        if column not in row.cells:
            raise DataError(f"table should have column {column!r}; {nearest(column, row.cells)}")
    return row.cells


def _wanted(row: CsvRow, header: list[str], columns: Columns) -> tuple[str, str]:
    """Text and id of a row, empty where it has none; DataError where they cannot be read or may be cut off."""
    if row.problem:
        raise DataError(row.problem)
    if any(row.cells[len(header) :]):
        found = f"{len(header):,} fields, as the header has; found {len(row.cells):,}"
        raise DataError(f"line {row.line:,}: row should have {found}: is a quote missing?")
    cells = dict(zip(header, row.cells, strict=False))
    text, given = (cells.get(column, "") if column else "" for column in (columns.text, columns.id))
    if not _is_utf8(text + given):
        raise DataError(f"line {row.line:,}: row should be text in UTF-8; found another encoding")
    return text, given


def _is_utf8(cell: str) -> bool:
    """Whether its bytes were: others are there as halves of surrogate pairs."""
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(path: Path) -> str:
    """A path as text that can be written: a name need not be UTF-8."""
    return str(path).encode(errors="replace").decode()


def _checked(name: str, read: Callable[[], str]) -> Incoming:
    try:
        return Incoming(id=name, text=cleaned(read()))
    except DataError as error:
        return Incoming(id=name, problem=str(error))
