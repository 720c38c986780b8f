"""Reports from files, folders, CSV files and standard input, one at a time; what cannot be read is handed on as such."""

import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from backend.data.segments.cleaning import MAX_CHARACTERS, cleaned, decoded
from backend.errors import DataError
from backend.settings import Spec

_MOST_BYTES = 4 * MAX_CHARACTERS
STANDARD_INPUT = "-"


class Columns(Spec):
    """Columns of a CSV file: the report, and what names it (the row's number otherwise)."""

    text: str = "text"
    id: str | None = None


class Incoming(Spec):
    """One report, or why there is none. problem: one line without report text; empty for a good one."""

    id: str
    text: str = ""
    problem: str = ""


def read_all(inputs: Iterable[str], columns: Columns) -> Iterator[Incoming]:
    """Every report in a fixed order: inputs as given, folders by name. One is in memory at a time."""
    for given in inputs:
        if given == STANDARD_INPUT:
            yield _checked("stdin", lambda: decoded(sys.stdin.buffer.read(_MOST_BYTES + 1)))
        elif Path(given).is_dir():
            for path in _files(Path(given)):
                yield from _read(path, columns)
        else:
            yield from _read(Path(given), columns)


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder by name; hidden ones are passed over, links to folders not followed. Names alone are kept."""
    for name in sorted(entry.name for entry in os.scandir(folder)):
        path = folder / name
        if name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _read(path: Path, columns: Columns) -> Iterator[Incoming]:
    if path.suffix.lower() == ".csv":
        yield from _rows(path, columns)
    else:
        yield _checked(str(path), lambda: decoded(_content(path)))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"file should be readable: {error.strerror}") from None


def _rows(path: Path, columns: Columns) -> Iterator[Incoming]:
    csv.field_size_limit(_MOST_BYTES)
    number = 0
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            for column in filter(None, (columns.text, columns.id)):
                if column not in (reader.fieldnames or ()):
                    raise DataError(f"table should have column {column!r}; found {', '.join(reader.fieldnames or ())[:200]}")
            for number, row in enumerate(reader, 1):
                name = (row[columns.id] if columns.id else None) or f"{path}:{number}"
                yield _checked(name, lambda row=row: row[columns.text] or "")
    except DataError as error:
        yield Incoming(id=str(path), problem=str(error))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        yield Incoming(id=f"{path}:{number + 1}", problem=f"table should be CSV in UTF-8; found {type(error).__name__}")


def _checked(name: str, read: Callable[[], str]) -> Incoming:
    try:
        return Incoming(id=name, text=cleaned(read()))
    except DataError as error:
        return Incoming(id=name, problem=str(error))
