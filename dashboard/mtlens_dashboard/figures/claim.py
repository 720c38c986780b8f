"""The claim of the paper as a table with pairs as dots: does the evidence predict whether one model matches?"""

from collections.abc import Sequence

import plotly.graph_objects as go

from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.explanations import ExplanationInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import crossed, listing

_CELL, _LINE = 108, 0.17  # pixels of a cell, and rows between its lines
_SAYS = ("against", "undecided", "for")
_MEASURED = ("matches", "undecided", "worse")
_NAMES = ("different or<br>opposed", "undecided<br>or mixed", "similar or<br>aligned")
_MOST = 4  # pairs that a cell names


def claim(explanations: Sequence[ExplanationInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Columns: what the evidence of a pair says. Rows: what was measured, the worse of its two tasks."""
    pairs = [line for line in explanations if line.scope == "pair" and line.agreement != "not measured"]
    if not pairs:
        return empty(theme, titles.claim(()), "It appears when models have been trained and their evidence is measured.")
    sheet = Sheet()
    cells: dict[tuple[int, int], list[ExplanationInfo]] = {}
    for line in pairs:
        cells.setdefault(_place(line), []).append(line)
    for x, says in enumerate(_SAYS):
        for y, measured in enumerate(_MEASURED):
            _cell(sheet, x, y, (says, measured), cells.get((x, y), []), theme)
    for place, text in enumerate(_NAMES):
        sheet.note(text, place, -0.5, theme.muted, yanchor="bottom", yshift=4, align="center")
    for place, text in enumerate(("matches<br>or better", "undecided", "worse")):
        sheet.note(text, -0.5, place, theme.muted, xanchor="right", xshift=-6, yanchor="middle", align="right")
    sheet.x_axis(range=[-0.5, 2.5], visible=False, fixedrange=True)
    sheet.y_axis(range=[2.5, -0.5], visible=False, fixedrange=True)
    title = titles.claim(pairs)
    told = "; ".join(f"{listing(line.tasks)}: {titles.outcome(line)}" for line in pairs[:20])
    alt = f"Table of pairs. {title}. {told}."
    return framed(sheet, theme=theme, title=title, alt=alt, height=3 * _CELL + 60, top=48, bottom=12, left=72)


def _place(line: ExplanationInfo) -> tuple[int, int]:
    """Column and row of a pair."""
    signs = {_sign(line.cka), _sign(line.gradients)} - {0}
    across = 1 if len(signs) != 1 else signs.pop() + 1
    return across, {"matches": 0, "better": 0, "worse": 2}.get(line.measured or "", 1)


def _sign(statement: str) -> int:
    return 1 if statement in ("similar", "aligned") else -1 if statement in ("different", "opposed", "unrelated") else 0


def _cell(sheet: Sheet, x: int, y: int, kind: tuple[str, str], lines: Sequence[ExplanationInfo], theme: Theme) -> None:
    """A cell with its number of pairs, their names, and in the corners whether the claim holds there."""
    verdict = {
        ("for", "matches"): "claim holds",
        ("against", "worse"): "claim holds",
        ("for", "worse"): "claim fails",
        ("against", "matches"): "claim fails",
    }.get(kind, "")
    sheet.area((x - 0.48, x + 0.48), (y - 0.46, y + 0.46), theme.faint, opacity=1.0 if verdict else 0.45)
    if verdict:
        sheet.note(verdict, x - 0.45, y - 0.42, theme.muted, xanchor="left", yanchor="top")
    if not lines:
        return
    sheet.note(f"<b>{len(lines)}</b>", x + 0.44, y - 0.44, theme.ink, size=18, xanchor="right", yanchor="top")
    shown = lines[:_MOST] if len(lines) <= _MOST else lines[: _MOST - 1]
    for number, line in enumerate(shown):
        at = y - 0.12 + number * _LINE
        sheet.note(crossed(line.tasks, 9), x - 0.36, at, theme.ink, xanchor="left", yanchor="middle")
    if len(lines) > len(shown):
        more = f"and {len(lines) - len(shown)} more"
        sheet.note(more, x - 0.36, y - 0.12 + len(shown) * _LINE, theme.muted, xanchor="left", yanchor="middle")
    sheet.scatter(
        x=[x - 0.42] * len(shown),
        y=[y - 0.12 + number * _LINE for number in range(len(shown))],
        mode="markers",
        marker={"size": 7, "color": theme.ink},
        customdata=[f"<b>{crossed(line.tasks)}</b><br>{titles.outcome(line)}" for line in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )
