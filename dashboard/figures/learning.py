"""Learning curves: a small panel per model, a line per seed, the epoch whose weights were kept marked."""

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

import plotly.graph_objects as go

from dashboard import sentences
from dashboard.figures.boxes import Box, Strokes, columns_for, grid, name_length, rule, tick_below, tick_left
from dashboard.figures.frame import empty, framed
from dashboard.figures.sheet import Sheet
from dashboard.text import counted, label, points
from dashboard.theme import LIGHT, ROLES, Theme
from dashboard.views.learning import CurveInfo

_PANEL = 100  # pixels high
_HEAD = 36


def learning_curves(
    curves: Sequence[CurveInfo], quantity: Literal["validation", "loss"] = "validation", *, theme: Theme = LIGHT
) -> go.Figure:
    """Validation macro-F1 (mean over the tasks of the model) or training loss against epochs, all panels on one scale."""
    known = [curve for curve in curves if any(value is not None for value in _values(curve, quantity))]
    if not known:
        return empty(theme, "No epoch has ended yet", "Curves grow here while the runs train.")
    models = [(key, list(group)) for key, group in groupby(known, key=lambda curve: (curve.role, curve.tasks))]
    limits, last = _limits(known, quantity), max(max(curve.epochs) for curve in known)
    columns = columns_for(len(models))
    boxes = grid(len(models), columns, x_range=(0, last), y_range=limits, gap=(0.22, _HEAD / _PANEL + 0.25))
    sheet = Sheet()
    lines: dict[str, Strokes] = {}
    kept: dict[str, Strokes] = {}
    for number, (box, ((role, tasks), of_model)) in enumerate(zip(boxes, models, strict=True)):
        name = f"all {len(tasks)} tasks" if len(tasks) > 1 else label("".join(tasks), name_length(columns))
        _frame_panel(sheet, box, name, role, theme)
        for curve in of_model:
            _collect(curve, quantity, name, box, lines.setdefault(role, Strokes()), kept.setdefault(role, Strokes()))
        if number % columns == 0:
            tick_left(sheet, box, {limit: _format(limit, quantity) for limit in limits}, theme)
        if number + columns >= len(boxes):
            tick_below(sheet, box, {0: "0", last: str(last)}, theme)
    _draw(sheet, lines, kept, theme)
    sheet.x_axis(range=[-0.03, max(box.across[1] for box in boxes) + 0.05], visible=False)
    sheet.y_axis(range=[min(box.up[0] for box in boxes) - 0.02, 0.04], visible=False)
    what = "validation macro-F1 x 100,<br>mean over the model's tasks" if quantity == "validation" else "training loss, nats"
    foot = f"epochs; {what}; a line per seed<br>ring: epoch whose weights were kept"
    sheet.note(foot, 0, 0, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-20, xshift=-24)
    rows = len({box.up for box in boxes})
    title = sentences.learning(known)
    told = what.replace("<br>", " ")
    alt = f"Learning curves of {counted(len(models), 'model')}, {counted(len(known), 'run')}, {told}. {title}."
    height = int(rows * _PANEL + (rows - 1) * (_HEAD + 0.25 * _PANEL)) + _HEAD + 82
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=_HEAD, bottom=80, left=40)


def _frame_panel(sheet: Sheet, box: Box, name: str, role: str, theme: Theme) -> None:
    rule(sheet, box, box.y_range[0], theme.line)
    text = f"<b>{name}</b><br><span style='color:{theme.of_role(role)}'>{ROLES.get(role, role)}</span>"
    sheet.note(text, box.across[0], box.up[1], theme.ink, xanchor="left", yanchor="bottom", yshift=4)


def _collect(curve: CurveInfo, quantity: str, name: str, box: Box, lines: Strokes, kept: Strokes) -> None:
    """The line of a run, and the epoch whose weights were kept."""
    values = _values(curve, quantity)
    points = list(zip(curve.epochs, values, strict=True))
    lines.line(box, curve.epochs, values, [_tell(name, curve, epoch, value, quantity) for epoch, value in points])
    for epoch, value in points:
        if epoch == curve.best_epoch:
            kept.line(box, [epoch], [value])


def _draw(sheet: Sheet, lines: dict[str, Strokes], kept: dict[str, Strokes], theme: Theme) -> None:
    for role, strokes in lines.items():
        colour, name = theme.of_role(role), ROLES.get(role, role)
        strokes.draw(sheet, mode="lines+markers", line={"color": colour, "width": 1.5}, marker={"size": 3}, name=name)
        ring = {"size": 8, "color": theme.paper, "line": {"color": colour, "width": 2}}
        kept[role].draw(sheet, mode="markers", marker=ring)


def _values(curve: CurveInfo, quantity: str) -> tuple[float | None, ...]:
    return curve.validation if quantity == "validation" else curve.loss


def _limits(curves: Sequence[CurveInfo], quantity: str) -> tuple[float, float]:
    """Range that all panels share: scores to the next ten points, losses from 0."""
    values = [value for curve in curves for value in _values(curve, quantity) if value is not None]
    if quantity == "loss":
        return 0.0, max(max(values), 1e-6)
    return int(10 * min(values)) / 10, min(1.0, -(-10 * max(values) // 1) / 10) or 1.0


def _format(value: float, quantity: str) -> str:
    return points(value, 0) if quantity == "validation" else f"{value:.2g}"


def _tell(name: str, curve: CurveInfo, epoch: int, value: float | None, quantity: str) -> str:
    told = points(value) if quantity == "validation" else _format(value or 0.0, quantity)
    kept = " (kept)" if epoch == curve.best_epoch else ""
    return f"<b>{name}</b>, seed {curve.seed}<br>epoch {epoch}{kept}: {told}"
