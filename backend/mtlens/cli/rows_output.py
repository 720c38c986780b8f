"""Rows of any query in a terminal, however narrow: a table where it fits, else records, or a table of the columns that fit."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mtlens.store.plain_text import printable


class PlainConsole(Console):
    """A console that shows control characters of names and reasons as such, in place of sending them to the terminal."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Text of a string, which may be the cell of a table or a title."""
        return super().render_str(printable(text), **options)


out = PlainConsole(highlight=False)
NARROW: Any = {"box": SIMPLE_HEAD, "padding": (0, 1, 0, 0)}  # a verdict table fits into 80 columns
_MISSING = ("", "-")
_MOST_RECORDS = 3  # rows that a reader can compare one after another
_LONGEST = 32  # characters of a cell in a table that does not fit
_HEAD = 15  # of them before the middle, which is left out: long names often differ at their ends


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], *, whole: bool = False) -> None:
    """Cells as text. A wide answer has a block for each value of its first column; what is the same in a block is said once.

    whole: a wide answer is a list of records, so that nothing of it is left out.
    """
    if not rows:
        out.print(f"No rows; columns: {', '.join(columns)}", markup=False)
        return
    if _width(columns, rows) <= out.width:
        _print_table(columns, rows)
        return
    if whole:
        _print_records(columns, rows)
        return
    blocks = [list(block) for _, block in groupby(rows, key=lambda row: row[0])]
    if len(rows) < 2 * len(blocks):
        blocks = [list(rows)]
    hidden = dict.fromkeys(name for block in blocks for name in _print_block(columns, block))
    if hidden:
        note = f"Too wide for this terminal, not shown: {', '.join(hidden)}. `--format csv` has all columns."
        out.print(note, markup=False)


def _print_block(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table, or records of a few rows; returns the names of columns that did not fit."""
    same = [place for place in range(len(columns)) if len(rows) > 1 and len({row[place] for row in rows}) == 1]
    for place in same:
        if rows[0][place] not in _MISSING:
            out.print(f"[bold]{escape(columns[place])}[/]: {escape(rows[0][place])}")
    left = [place for place in range(len(columns)) if place not in same]
    names, cells = [columns[place] for place in left], [[row[place] for place in left] for row in rows]
    if _width(names, cells) > out.width and len(rows) <= _MOST_RECORDS:
        _print_records(names, cells)
        return []
    return _print_what_fits(names, cells)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*map(escape, columns), **NARROW)
    for row in rows:
        table.add_row(*map(escape, row))
    out.print(table)


def _print_records(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A block per row, a line per value; values that are missing are left out."""
    for number, row in enumerate(rows, start=1):
        out.rule(str(number), align="left", style="dim", characters="\N{BOX DRAWINGS LIGHT HORIZONTAL}")
        record = Table.grid(padding=(0, 2, 0, 0))
        for name, cell in zip(columns, row, strict=True):
            if cell not in _MISSING:
                record.add_row(f"[bold]{escape(name)}[/]", escape(cell))
        out.print(record)


def _print_what_fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The columns that have room, in their order, long cells without their middle; returns the names of the others.

    The first two say what a row is about, so they come first; then words such as verdicts, numbers, and longer texts. What is
    left and fits is a second table after the names of the rows, if it is more than a column.
    """
    cut = [
        [cell if len(cell) <= _LONGEST else f"{cell[:_HEAD]}…{cell[_HEAD + 1 - _LONGEST :]}" for cell in row] for row in rows
    ]
    kinds = [0 if place < 2 else _kind(column) for place, column in enumerate(zip(*cut, strict=True))]
    shown = _fitting(columns, cut, [], sorted(range(len(columns)), key=kinds.__getitem__), kinds)
    _print_table(*_part(columns, cut, shown))
    names = [place for place in shown if place < next((at for at in shown if kinds[at] > 1), 2)]
    left = [place for place in range(len(columns)) if place not in shown]
    second = _fitting(columns, cut, names, left, kinds)
    if len(second) > len(names) + 1:
        _print_table(*_part(columns, cut, second))
        left = [place for place in left if place not in second]
    return [columns[place] for place in left]


def _fitting(
    columns: Sequence[str], rows: Sequence[Sequence[str]], first: list[int], more: Sequence[int], kinds: Sequence[int]
) -> list[int]:
    """Places of the columns that fit beside the first ones. Of numbers none stands without those before it."""
    chosen, full = first, False
    for place in more:
        wider = sorted([*chosen, place])
        if not (full and kinds[place] > 1) and _width(*_part(columns, rows, wider)) <= out.width:
            chosen = wider
        else:
            full = full or kinds[place] > 1
    return chosen


def _part(columns: Sequence[str], rows: Sequence[Sequence[str]], places: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    return [columns[at] for at in places], [[row[at] for at in places] for row in rows]


def _kind(cells: Sequence[str]) -> int:
    """1 for words out of a few, 2 for other short cells, 3 for longer texts."""
    if max(map(len, cells)) > _LONGEST // 2:
        return 3
    return 1 if len(set(cells)) <= len(cells) // 2 and not any(character.isdigit() for character in "".join(cells)) else 2


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Columns of the terminal that a table takes, with two spaces between cells."""
    widest = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    return sum(widest) + 2 * len(widest) + 1
