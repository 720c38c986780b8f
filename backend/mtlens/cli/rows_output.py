"""Rows of any query in a terminal, however narrow: a table where it fits, else records, or a table of the columns that fit."""

from collections.abc import Sequence
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
_MOST_RECORDS = 20  # rows that a reader can go through one after another


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Cells as text. What is the same in every row of a wide answer is printed once."""
    if not rows:
        out.print(f"No rows; columns: {', '.join(columns)}", markup=False)
        return
    if _width(columns, rows) <= out.width:
        _print_table(columns, rows)
        return
    same = [place for place in range(len(columns)) if len(rows) > 1 and len({row[place] for row in rows}) == 1]
    for place in same:
        if rows[0][place] in _MISSING:
            continue
        out.print(f"[bold]{escape(columns[place])}[/]: {escape(rows[0][place])}")
    left = [place for place in range(len(columns)) if place not in same]
    names, cells = [columns[place] for place in left], [[row[place] for place in left] for row in rows]
    if _width(names, cells) <= out.width:
        _print_table(names, cells)
    elif len(rows) <= _MOST_RECORDS:
        _print_records(names, cells)
    else:
        _print_what_fits(names, cells)


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


def _print_what_fits(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The first columns that have room, and the names of the others."""
    shown: list[int] = []
    for place in range(len(columns)):
        chosen = [*shown, place]
        if _width([columns[at] for at in chosen], [[row[at] for at in chosen] for row in rows]) <= out.width:
            shown.append(place)
    _print_table([columns[place] for place in shown], [[row[place] for place in shown] for row in rows])
    hidden = ", ".join(name for place, name in enumerate(columns) if place not in shown)
    out.print(f"Too wide for this terminal, not shown: {hidden}. `--format csv` has all columns.", markup=False)


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Columns of the terminal that a table takes, with two spaces between cells."""
    widest = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    return sum(widest) + 2 * len(widest) + 1
