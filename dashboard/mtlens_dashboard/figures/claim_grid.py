"""The grid of the claim: columns are what the evidence says, rows what was measured; its corners decide about the claim."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from mtlens_dashboard.figures.frame import framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import Theme
from mtlens_dashboard.wording.formatting import escape

SAYS = ("against", "undecided", "for")
MEASURED = ("matches", "undecided", "worse")
_OUTCOMES = {"matches": 0, "better": 0, "worse": 2}
_LINE = 18  # pixels between the lines of a cell
_MOST = 4  # names in a cell


class Cell(NamedTuple):
    """A cell of the grid. names: of what is in it, escaped. told: what pointing at each shows. remark: below the number."""

    number: int
    names: Sequence[str] = ()
    told: Sequence[str] = ()
    remark: str = ""


def row_of(verdict: str | None) -> int:
    """Row of a measured outcome."""
    return _OUTCOMES.get(verdict or "", 1)


def grid(
    cells: Mapping[tuple[int, int], Cell], columns: Sequence[str], *, theme: Theme, title: str, alt: str, height: int
) -> go.Figure:
    """The figure. cells: by column and row; columns: names, escaped, with line breaks; height: pixels of a cell."""
    sheet = Sheet()
    for x, says in enumerate(SAYS):
        for y, measured in enumerate(MEASURED):
            _draw(sheet, x, y, _claim_there(says, measured), cells.get((x, y)), height, theme)
    for place, text in enumerate(columns):
        sheet.note(text, place, -0.5, theme.muted, yanchor="bottom", yshift=4, align="center")
    for place, text in enumerate(("matches<br>or better", "undecided", "worse")):
        sheet.note(text, -0.5, place, theme.muted, xanchor="right", xshift=-6, yanchor="middle", align="right")
    sheet.x_axis(range=[-0.5, 2.5], visible=False, fixedrange=True)
    sheet.y_axis(range=[2.5, -0.5], visible=False, fixedrange=True)
    return framed(sheet, theme=theme, title=title, alt=alt, height=3 * height + 60, top=48, bottom=12, left=72)


def _claim_there(says: str, measured: str) -> str:
    """Whether a pair in this cell is one for the claim or against it; empty where something is undecided."""
    if "undecided" in (says, measured):
        return ""
    return "claim holds" if (says == "for") == (measured == "matches") else "claim fails"


def _draw(sheet: Sheet, x: int, y: int, verdict: str, cell: Cell | None, height: int, theme: Theme) -> None:
    """A cell with its number, some names, and in the corners of the grid whether the claim holds there."""
    sheet.area((x - 0.48, x + 0.48), (y - 0.46, y + 0.46), theme.faint, opacity=1.0 if verdict else 0.45)
    if verdict:
        sheet.note(verdict, x - 0.45, y - 0.42, theme.muted, xanchor="left", yanchor="top")
    if cell is None:
        return
    size = 18 if cell.number < 100 else 14  # on a phone, what becomes of the claim stands beside it
    at, edge = (y - 0.44, "top") if cell.names else (y, "middle")
    sheet.note(f"<b>{cell.number}</b>", x + 0.44, at, theme.ink, size=size, xanchor="right", yanchor=edge)
    if cell.remark:
        sheet.note(escape(cell.remark), x - 0.45, y + 0.42, theme.muted, xanchor="left", yanchor="bottom")
    shown = cell.names[:_MOST] if len(cell.names) <= _MOST else cell.names[: _MOST - 1]
    if not shown:
        return
    places = [y - 0.12 + number * _LINE / height for number in range(len(shown) + 1)]
    for at, name in zip(places, shown, strict=False):
        sheet.note(name, x - 0.36, at, theme.ink, xanchor="left", yanchor="middle")
    if len(cell.names) > len(shown):
        more = f"and {len(cell.names) - len(shown)} more"
        sheet.note(more, x - 0.36, places[-1], theme.muted, xanchor="left", yanchor="middle")
    sheet.points([x - 0.42] * len(shown), places[:-1], cell.told[: len(shown)], {"size": 7, "color": theme.ink})
