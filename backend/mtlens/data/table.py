"""One table of the experiment -> rows of text with class indices; every cell that cannot be used is named."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import SplitName, Table, Task
from mtlens.data.file_formats import Cell, Records, read_records
from mtlens.errors import DataError
from mtlens.tasks import MISSING, kind_of

_PUNCTUATION = re.compile(r"[.,:;!?](\s|$)|\n")
_MOST_CHARACTERS, _MOST_WORDS = 60, 5  # of a column's name
_SPLIT_VALUES: dict[SplitName, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev"),
    "test": ("test",),
}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """n rows of one source of data."""

    ids: list[str]  # unique
    texts: list[str]  # not empty
    labels: NDArray[np.int16]  # [n, T] class index or MISSING
    groups: list[Cell]  # None: a group of its own
    splits: list[SplitName | None]  # None: mtlens decides
    columns: tuple[str, ...]  # all that the source has


def read_table(table: Table, path: Path, tasks: Sequence[Task]) -> Rows:
    """Read and check one table; a task whose column it lacks is not labelled here.

    Raises `DataError` with file, line and column at the first cell that cannot be used.
    """
    named = [column for column in (table.text, table.id, table.group, table.split) if column is not None]
    records = read_records(path, table.path, frozenset([*named, *(task.column for task in tasks)]))
    for column in named:
        if column not in records.cells:
            raise DataError(f"{table.path}: table should have column {column!r}; {nearest(column, records.columns)}")
    count = len(records.lines)
    labels = np.full((count, len(tasks)), MISSING, dtype=np.int16)
    for index, task in enumerate(tasks):
        if task.column in records.cells:
            labels[:, index] = kind_of(task).read(task, records.cells[task.column], records.where)
    return Rows(
        ids=_unique(records, table.id) if table.id is not None else [str(row + 1) for row in range(count)],
        texts=_filled(records, table.text),
        labels=labels,
        groups=[value or None for value in records.cells[table.group]] if table.group is not None else [None] * count,
        splits=_splits(records, table) if table.split is not None else [None] * count,
        columns=records.columns,
    )


def nearest(column: str, columns: Sequence[str]) -> str:
    """What a table has instead of a column: the name most like it, or how many there are and their names.

    A table without a header has its first row in their place, which may be a patient's: where one cell is no likely name of
    a column, none is repeated.
    """
    count = f"{len(columns):,} column{'s' if len(columns) > 1 else ''}"
    names = [name for name in columns if name.strip()]
    if not all(map(_is_like_a_name, names)):
        return f"found {count}, but its first row does not look like their names"
    close = difflib.get_close_matches(column, names, n=1)
    return f"nearest is {close[0]!r}" if close else f"found {count}: {', '.join(map(repr, names[:20]))}"


def _is_like_a_name(cell: str) -> bool:
    """Short, of few words, without a digit first and without the punctuation of a sentence."""
    is_short = len(cell) <= _MOST_CHARACTERS and len(re.findall(r"\w+", cell)) <= _MOST_WORDS
    return is_short and not cell.lstrip(" +-.")[:1].isdecimal() and not _PUNCTUATION.search(cell)


def _filled(records: Records, column: str) -> list[str]:
    values = [value or "" for value in records.cells[column]]
    empty = [row for row, value in enumerate(values) if not value.strip()]
    if empty:
        others = f"; {len(empty):,} such rows" if len(empty) > 1 else ""
        raise DataError(f"{records.where(empty[0])}: column {column!r} should hold text; found an empty cell{others}")
    return values


def _unique(records: Records, column: str) -> list[str]:
    ids = _filled(records, column)
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if first.setdefault(name, row) != row:
            raise DataError(
                f"{records.where(row)}: column {column!r} should hold unique ids; "
                f"found {name[:80]!r} again, first at {records.where(first[name])}"
            )
    return ids


def _splits(records: Records, table: Table) -> list[SplitName | None]:
    assert table.split is not None
    values: dict[SplitName, tuple[str, ...]] = table.split_values or _SPLIT_VALUES
    meaning: dict[str, SplitName] = {value: split for split, written in values.items() for value in written}
    splits: list[SplitName | None] = []
    for row, cell in enumerate(records.cells[table.split]):
        value = (cell or "").strip()
        split = meaning.get(value if table.split_values else value.lower())
        if split is None:
            known = ", ".join(meaning)
            raise DataError(f"{records.where(row)}: column {table.split!r} should hold one of [{known}]; found {value[:80]!r}")
        splits.append(split)
    return splits
