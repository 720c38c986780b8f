"""The classes in a label column, from which a task is written.

Values that are written differently and mean the same (1 and 1.0, yes and YES) are one class, and words that usually mean
that nothing is known are offered as `missing`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mtlens.data.columns import nearest
from mtlens.data.records import Records, read_records
from mtlens.data.text_column import Cell, TextColumn
from mtlens.errors import DataError
from mtlens.tasks.spelling import spelling

_FEW_CLASSES, _ROWS_PER_CLASS = 50, 20
_SHOWN = 6
UNLABELLED = frozenset(
    ["-1", "nan", "na", "n/a", "#n/a", "<na>", "null", "nil", "-", "--", "?", "??", ".", "not labelled", "unlabelled"]
)
"""Words, as `spelling` gives them, that usually mean that a cell has no label."""
_NONE = "none"  # among words a class, such as no severity; among numbers no label


@dataclass(frozen=True, kw_only=True)
class LabelColumn:
    """Content of a column. counts: cells of each class or number, or labels and spans of each class where a cell has several.

    missing: number of cells by word that means no label. separator: between the labels of a cell. offer: another possible kind.
    """

    column: str
    counts: dict[str, int]
    kind: str = "classes"
    separator: str | None = None
    offer: str = ""
    missing: dict[str, int] = field(default_factory=dict[str, int])
    written: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])  # further spellings of a class

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.kind == "number"

    @property
    def settings(self) -> dict[str, object]:
        """The task as an experiment file has it."""
        return {
            "column": self.column,
            **({"kind": self.kind} if self.kind != "classes" else {}),
            **({} if self.is_number else {"classes": list(self.counts)}),
            **({"separator": self.separator} if self.separator else {}),
            **({"missing": list(self.missing)} if self.missing else {}),
        }

    @property
    def about(self) -> str:
        """Classes with their counts, or how many numbers there are."""
        if self.is_number:
            numbers = sorted(map(float, self.counts))
            return f"{len(numbers):,} different numbers, {numbers[0]:g} to {numbers[-1]:g}"
        listed = [f"{' '.join(name.split())} ({count:,})" for name, count in self.counts.items()]
        return ", ".join(listed[:_SHOWN]) + (f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else "")

    @property
    def notes(self) -> list[str]:
        """Remarks for the user, a line each."""
        written = {} if self.is_number else self.written
        alike = [
            f"{self.column}: {', '.join(f'{other!r} ({count:,})' for other, count in others.items())} "
            f"{'is' if len(others) == 1 else 'are'} read as {name!r}"
            for name, others in written.items()
        ]
        gaps = [f"{self.column}: {word!r} ({count:,}) counts as not labelled" for word, count in self.missing.items()]
        return [f"{self.column}: {self.about}", *alike, *gaps]


def read_label_columns(table: Path, *, text: str, columns: Sequence[str], group: str | None) -> list[LabelColumn]:
    """Read the classes of some columns of a table.

    Raises DataError for a table that lacks a column, and for a column of one class or of too many for its rows.
    """
    wanted = [text, *columns, *([group] if group else [])]
    records = read_records(table, table.name, frozenset(wanted))
    require(records, wanted)
    return [label_column(column, records.cells[column], records.name) for column in columns]


def require(records: Records, columns: Iterable[str]) -> None:
    """Raise DataError for the first of the columns that a table lacks."""
    for column in columns:
        if column not in records.cells:
            raise DataError(f"{records.name}: column {column!r} should exist; {nearest(column, records.columns)}")


def label_column(column: str, cells: Sequence[Cell], table: str) -> LabelColumn:
    """The classes of a column, numbers in their order before words in theirs; each is named as it is written most often."""
    values = TextColumn.of(cells).counts()
    spellings: dict[str, Counter[str]] = {}
    for value, count in values.items():
        spellings.setdefault(spelling(value), Counter())[value] += count
    missing = {key for key in spellings if key in UNLABELLED}
    if all(by_number(key)[0] == 0 for key in spellings if key not in {*missing, _NONE}):
        missing |= spellings.keys() & {_NONE}
    if len(spellings) - len(missing) < 2:
        missing = set[str]()  # such as the classes 1 and -1
    names = {_named(spellings[key]): spellings[key] for key in spellings if key not in missing}
    most = max(_FEW_CLASSES, values.total() // _ROWS_PER_CLASS)
    if not 2 <= len(names) <= most:
        raise DataError(f"{table}: column {column!r} should hold 2 to {most:,} classes; found {len(names):,}")
    classes = sorted(names, key=by_number)
    return LabelColumn(
        column=column,
        counts={name: names[name].total() for name in classes},
        missing={value: count for key in sorted(missing) for value, count in spellings[key].items()},
        written={name: others for name in classes if (others := {k: n for k, n in names[name].items() if k != name})},
    )


def _named(written: Counter[str]) -> str:
    """The shortest of the most frequent spellings of numbers, and the most frequent of words."""
    return min(written, key=lambda value: (len(value) if by_number(value)[0] == 0 else 0, -written[value], value.swapcase()))


def by_number(value: str) -> tuple[int, float, str]:
    """Numbers in their order, then words in theirs."""
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)
