"""Interface of readers of one file format: columns first, then rows in batches, with every cell as text.

Numbers are written as Python writes them, booleans as true and false. To add a format: write its file here, and register it in
`mtlens.data.formats` by its suffix.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from mtlens.data.formats.form import Form
from mtlens.data.text_column import Cell
from mtlens.errors import DataError

BATCH = 10_000
"""Number of rows in a batch."""
MOST_CHARACTERS = 10_000_000
"""Longest cell."""
MOST_DECODED = 1 << 33
"""Most bytes that the wanted columns of one file may hold when they are decoded."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some rows of a file. lines: where each starts, counted from 1, or its number where a file has no lines."""

    lines: Sequence[int]
    cells: Mapping[str, Sequence[Cell] | Any]  # by column: cells, or an Arrow array of strings


class Reader(ABC):
    """A file that is open for reading."""

    is_text: ClassVar[bool] = False
    """Whether rows are found by lines."""

    columns: tuple[str, ...]
    """All columns of the file."""

    def __init__(self, path: Path, name: str, form: Form) -> None:
        """Read the file as far as needed for its columns. name: of the file, for errors.

        Raises `DataError` with the line where the file is absent, empty, or not what its suffix says.
        """
        self.path, self.name, self.form = path, name, form
        self.notes: list[str] = []  # for the user; complete when all rows were read
        self.lists: dict[str, int] = {}  # line of the first list in each column that has one
        self.leaves_out = False  # whether cells that are no text are read as null, and not refused

    @abstractmethod
    def batches(self, places: Mapping[str, int]) -> Iterator[Batch]:
        """All rows in their order, with the cells of some columns, given by their places among all columns."""

    def where(self, line: int) -> str:
        """File and line, or file and row, as errors name it."""
        return f"{self.name}:{line}" if self.is_text else f"{self.name}: row {line}"


def as_text(value: object, column: str, where: str) -> Cell:
    """A scalar of a JSON document or a cell of a table as text; a list of scalars as JSON."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        if len(value) > MOST_CHARACTERS:
            raise DataError(
                f"{where}: column {column!r} should hold at most {MOST_CHARACTERS:,} characters; found {len(value):,}"
            )
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise DataError(f"{where}: column {column!r} should hold text; found half of a surrogate pair")
        return value
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):  # of a task of several labels
        return json.dumps(value, ensure_ascii=False, default=str)
    raise DataError(f"{where}: column {column!r} should hold text or numbers; found a {type(value).__name__}")
