"""Learning curves: a small panel per model, a line per seed, the epoch whose weights were kept marked."""

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

import plotly.graph_objects as go

from dashboard import sentences
from dashboard.figures.boxes import Strokes, columns_for, grid, name_length, rule, tick_below, tick_left
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
    sheet = Sheet()
    models = [(key, list(group)) for key, group in groupby(known, key=lambda curve: (curve.role, curve.tasks))]
    low, high = _limits(known, quantity)
    last = max(max(curve.epochs) for curve in known)
    boxes = grid(
        len(models), columns_for(len(models)), x_range=(0, last), y_range=(low, high), gap=(0.22, _HEAD / _PANEL + 0.25)
    )
    columns = columns_for(len(boxes))
    lines: dict[str, Strokes] = {}
    kept: dict[str, Strokes] = {}
    for number, (box, ((role, tasks), of_model)) in enumerate(zip(boxes, models, strict=True)):
        rule(sheet, box, low, theme.line)
        kind = ROLES.get(role, role)
        name = f"all {len(tasks)} tasks" if len(tasks) > 1 else label("".join(tasks), name_length(columns))
        text = f"<b>{name}</b><br><span style='color:{theme.of_role(role)}'>{kind}</span>"
        sheet.note(text, box.across[0], box.up[1], theme.ink, xanchor="left", yanchor="bottom", yshift=4)
        for curve in of_model:
            values = _values(curve, quantity)
            hover = [_tell(name, curve, epoch, value, quantity) for epoch, value in zip(curve.epochs, values, strict=True)]
            lines.setdefault(role, Strokes()).line(box, curve.epochs, values, hover)
            best = [(epoch, value) for epoch, value in zip(curve.epochs, values, strict=True) if epoch == curve.best_epoch]
            for epoch, value in best:
                kept.setdefault(role, Strokes()).line(box, [epoch], [value])
        if number % columns == 0:
            tick_left(sheet, box, {low: _format(low, quantity), high: _format(high, quantity)}, theme)
        if number + columns >= len(boxes):
            tick_below(sheet, box, {0: "0", last: str(last)}, theme)
    for role, strokes in lines.items():
        colour = theme.of_role(role)
        strokes.draw(
            sheet, mode="lines+markers", line={"color": colour, "width": 1.5}, marker={"size": 3}, name=ROLES.get(role, role)
        )
    for role, strokes in kept.items():
        strokes.draw(
            sheet, mode="markers", marker={"size": 8, "color": theme.paper, "line": {"color": theme.of_role(role), "width": 2}}
        )
    right, bottom = max(box.across[1] for box in boxes), min(box.up[0] for box in boxes)
    what = "validation macro-F1 x 100, mean over the model's tasks" if quantity == "validation" else "training loss, nats"
    sheet.x_axis(range=[-0.03, right + 0.05], visible=False)
    sheet.y_axis(range=[bottom - 0.02, 0.04], visible=False)
    sheet.note(
        f"epochs; {what}<br>a line per seed; ring: epoch whose weights were kept",
        0,
        0,
        theme.muted,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top",
        yshift=-20,
        xshift=-24,
    )
    rows = len({box.up for box in boxes})
    title = sentences.learning(known)
    alt = f"Learning curves of {counted(len(models), 'model')}, {counted(len(known), 'run')}, {what}. {title}."
    height = int(rows * _PANEL + (rows - 1) * (_HEAD + 0.25 * _PANEL)) + _HEAD + 70
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=_HEAD, bottom=66, left=40)


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
