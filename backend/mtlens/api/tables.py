"""Display of objects of the Python API: as text in a terminal, as HTML in a notebook."""

import html
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtlens.statistics.shown import Unit, shared_unit
from mtlens.store.plain_text import printable

VERDICT_HEADINGS = ("task", "single", "multi", "diff", "90 % interval", "seeds", "examples", "verdict")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text under headings, with a title above and notes below."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    @property
    def text(self) -> str:
        """Columns padded to the same width; the first and the last are aligned to the left."""
        lines = [[printable(cell) for cell in line] for line in (self.headings, *self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        last = len(widths) - 1
        padded = [
            "  ".join(
                cell.ljust(width) if column in (0, last) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([printable(self.title), *padded, *map(printable, self.notes)])

    @property
    def html(self) -> str:
        """A table with a caption; every title, cell and note is escaped."""
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading in self.headings)
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        caption = f'<caption style="text-align:left">{html.escape(self.title)}</caption>'
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in self.notes)
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{notes}"


class Shown(ABC):
    """Base of objects that are displayed as a table."""

    @abstractmethod
    def _table(self) -> Table:
        """What is shown."""

    def __repr__(self) -> str:
        return self._table().text

    def _repr_html_(self) -> str:
        return self._table().html


def verdict_about(rows: Sequence[Mapping[str, Any]]) -> str:
    """Metric and margin of rows with the columns of view `matching`, or that they differ."""
    unit = _shared_unit(rows)
    if unit is None:
        return "each task by its own metric and margin; mean: of differences divided by their margins"
    return f"{unit.name}, margin {unit.margin(rows[0]['margin'])}"


def verdict_headings(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Headings of the cells of `verdict_cells`."""
    return VERDICT_HEADINGS if _shared_unit(rows) else (VERDICT_HEADINGS[0], "metric", "margin", *VERDICT_HEADINGS[1:])


def verdict_cells(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """A line per row with the columns of view `matching`, each in the unit of its metric."""
    is_shared = _shared_unit(rows) is not None
    return [_cells_of_verdict(row, Unit(row["metric"]), is_shared) for row in rows]


def _shared_unit(rows: Sequence[Mapping[str, Any]]) -> Unit | None:
    return shared_unit([row["metric"] for row in rows], [row["margin"] for row in rows])


def _cells_of_verdict(row: Mapping[str, Any], unit: Unit, is_shared: bool) -> tuple[str, ...]:
    low, high = row["low90"], row["high90"]
    own = () if is_shared else (unit.name, unit.margin(row["margin"]))
    return (
        row["task"],
        *own,
        unit.score(row["single_mean"]),
        unit.score(row["multi_mean"]),
        unit.difference(row["difference"]),
        "unbounded" if low is None or not math.isfinite(low) else f"{unit.difference(low)} to {unit.difference(high)}",
        str(row["seeds"]),
        str(row["examples"]),
        row["verdict"],
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number in a cell; a dash where it is undefined."""
    return f"{value:.{digits}f}" if value is not None and math.isfinite(value) else "-"
