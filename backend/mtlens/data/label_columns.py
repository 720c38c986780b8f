"""The classes that the label columns of a table hold: the start of an experiment on it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mtlens.data.columns import nearest
from mtlens.data.file_formats import read_records
from mtlens.errors import DataError

MAX_CLASSES = 50
UNLABELLED = ("-1", "nan", "NaN", "NA", "N/A", "null")


@dataclass(frozen=True, kw_only=True)
class LabelColumns:
    """Tasks as an experiment file has them, one per column, and remarks about what the columns hold."""

    tasks: dict[str, dict[str, object]]
    notes: list[str]


def read_label_columns(table: Path, *, text: str, columns: Sequence[str], group: str | None) -> LabelColumns:
    """Read the classes of some columns of a table; values such as NA count as not labelled.

    Raises DataError for a table that lacks a column, and for a column that does not hold 2 to 50 classes.
    """
    wanted = [text, *columns, *([group] if group else [])]
    records = read_records(table, table.name, frozenset(wanted))
    for column in wanted:
        if column not in records.cells:
            raise DataError(f"{table.name}: column {column!r} should exist; {nearest(column, records.columns)}")
    tasks: dict[str, dict[str, object]] = {}
    notes: list[str] = []
    for column in columns:
        counts = Counter(value.strip() for value in records.cells[column] if value and value.strip())
        missing = [value for value in counts if value in UNLABELLED]
        classes = sorted(set(counts) - set(missing), key=by_number)
        if not 2 <= len(classes) <= MAX_CLASSES:
            raise DataError(f"{table.name}: column {column!r} should hold 2 to {MAX_CLASSES} classes; found {len(classes)}")
        tasks[column] = {"column": column, "classes": classes, **({"missing": missing} if missing else {})}
        notes.append(f"{column}: " + ", ".join(f"{name} ({counts[name]:,})" for name in classes))
        notes += [f"{column}: {value!r} ({counts[value]:,}) counts as not labelled" for value in missing]
    return LabelColumns(tasks=tasks, notes=notes)


def by_number(value: str) -> tuple[int, float, str]:
    """Numbers in their order, then words in theirs."""
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)
