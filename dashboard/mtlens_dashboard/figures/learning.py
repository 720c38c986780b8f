"""Learning curves: a small panel per model, a line per seed with the epoch whose weights were kept; of many seeds the mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import fmean
from typing import Literal

import plotly.graph_objects as go

from mtlens.config.run_kinds import MULTI, label_of
from mtlens_dashboard.figures.boxes import Box, Strokes, columns_for, grid, name_length, rule, tick_below, tick_left
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.learning import CurveInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import MISSING, counted, label, points

_PANEL = 100  # pixels high
_HEAD = 36
_MOST_LINES = 12  # of one model; more seeds than that are shown as their mean and range


@dataclass(frozen=True)
class _Strokes:
    """What is drawn of one kind of models."""

    lines: Strokes = field(default_factory=Strokes)
    ranges: Strokes = field(default_factory=Strokes)
    kept: Strokes = field(default_factory=Strokes)


def learning_curves(
    curves: Sequence[CurveInfo], quantity: Literal["validation", "loss"] = "validation", *, theme: Theme = LIGHT
) -> go.Figure:
    """Validation score (mean over the tasks of the model) or training loss against epochs, all panels on one scale."""
    known = [curve for curve in curves if any(value is not None for value in _values(curve, quantity))]
    if not known:
        return empty(theme, "No epoch has ended yet", "Curves grow here while the runs train.")
    models = [(key, list(group)) for key, group in groupby(known, key=lambda curve: (curve.role, curve.tasks))]
    limits, last = _limits(known, quantity), max(max(curve.epochs) for curve in known)
    columns = columns_for(len(models))
    boxes = grid(len(models), columns, x_range=(0, last), y_range=limits, gap=(0.22, _HEAD / _PANEL + 0.25))
    sheet = Sheet()
    strokes: dict[str, _Strokes] = {}
    many = max(len(of_model) for _, of_model in models) > _MOST_LINES
    for number, (box, ((role, tasks), of_model)) in enumerate(zip(boxes, models, strict=True)):
        name = f"all {len(tasks)} tasks" if role == MULTI.name else label(", ".join(tasks), name_length(columns))
        _frame_panel(sheet, box, name, role, theme)
        (_collect_mean if many else _collect)(of_model, quantity, name, box, strokes.setdefault(role, _Strokes()))
        if number % columns == 0:
            tick_left(sheet, box, {limit: _format(limit, quantity) for limit in limits}, theme)
        if number + columns >= len(boxes):
            tick_below(sheet, box, {0: "0", last: str(last)}, theme)
    for role, of_role in strokes.items():
        _draw(sheet, of_role, role, theme)
    sheet.x_axis(range=[-0.03, max(box.across[1] for box in boxes) + 0.05], visible=False)
    sheet.y_axis(range=[min(box.up[0] for box in boxes) - 0.02, 0.04], visible=False)
    what = "validation score x 100,<br>mean over the model's tasks" if quantity == "validation" else "training loss, nats"
    foot = f"epochs; {what}; " + (
        "line: mean over seeds<br>band: lowest to highest" if many else "a line per seed<br>ring: epoch whose weights were kept"
    )
    sheet.note(foot, 0, 0, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-20, xshift=-24)
    rows = len({box.up for box in boxes})
    title = titles.learning(known)
    hover = what.replace("<br>", " ")
    alt = f"Learning curves of {counted(len(models), 'model')}, {counted(len(known), 'run')}, {hover}. {title}."
    height = int(rows * _PANEL + (rows - 1) * (_HEAD + 0.25 * _PANEL)) + _HEAD + 82
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=_HEAD, bottom=80, left=40)


def _frame_panel(sheet: Sheet, box: Box, name: str, role: str, theme: Theme) -> None:
    rule(sheet, box, box.y_range[0], theme.line)
    text = f"<b>{name}</b><br><span style='color:{theme.of_role(role)}'>{label_of(role)}</span>"
    sheet.note(text, box.across[0], box.up[1], theme.ink, xanchor="left", yanchor="bottom", yshift=4)


def _collect(curves: Sequence[CurveInfo], quantity: str, name: str, box: Box, strokes: _Strokes) -> None:
    """The lines of the runs of one model, and the epochs whose weights were kept."""
    for curve in curves:
        points = list(zip(curve.epochs, _values(curve, quantity), strict=True))
        hover = [_tell(name, curve, epoch, value, quantity) for epoch, value in points]
        strokes.lines.line(box, curve.epochs, [value for _, value in points], hover)
        for epoch, value in points:
            if epoch == curve.best_epoch:
                strokes.kept.line(box, [epoch], [value])


def _collect_mean(curves: Sequence[CurveInfo], quantity: str, name: str, box: Box, strokes: _Strokes) -> None:
    """Mean and range over the runs of one model that reached an epoch."""
    values: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in zip(curve.epochs, _values(curve, quantity), strict=True):
            if value is not None:
                values.setdefault(epoch, []).append(value)
    epochs = sorted(values)
    means = [fmean(values[epoch]) for epoch in epochs]
    lows, highs = [min(values[epoch]) for epoch in epochs], [max(values[epoch]) for epoch in epochs]
    hover = [
        f"<b>{name}</b>, mean of {counted(len(values[epoch]), 'seed')}<br>epoch {epoch}: {_show(mean, quantity)} "
        f"({_show(low, quantity)} to {_show(high, quantity)})"
        for epoch, mean, low, high in zip(epochs, means, lows, highs, strict=True)
    ]
    strokes.lines.line(box, epochs, means, hover)
    strokes.ranges.ribbon(box, epochs, lows, highs)


def _draw(sheet: Sheet, strokes: _Strokes, role: str, theme: Theme) -> None:
    colour, name = theme.of_role(role), label_of(role)
    strokes.ranges.draw_area(sheet, colour, 0.2)
    strokes.lines.draw(sheet, mode="lines+markers", line={"color": colour, "width": 1.5}, marker={"size": 3}, name=name)
    ring = {"size": 8, "color": theme.paper, "line": {"color": colour, "width": 2}}
    strokes.kept.draw(sheet, mode="markers", marker=ring)


def _values(curve: CurveInfo, quantity: str) -> tuple[float | None, ...]:
    return curve.validation if quantity == "validation" else curve.loss


def _limits(curves: Sequence[CurveInfo], quantity: str) -> tuple[float, float]:
    """Range that all panels share: scores to the next ten points, those beyond 0 to 1 as they are, losses from 0."""
    values = [value for curve in curves for value in _values(curve, quantity) if value is not None]
    if quantity == "loss":
        return 0.0, max(max(values), 1e-6)
    if min(values) < 0 or max(values) > 1:
        return min(values), max(max(values), min(values) + 1e-6)
    return int(10 * min(values)) / 10, min(1.0, -(-10 * max(values) // 1) / 10) or 1.0


def _format(value: float, quantity: str) -> str:
    return points(value, 0) if quantity == "validation" else f"{value:.2g}"


def _show(value: float, quantity: str) -> str:
    return points(value) if quantity == "validation" else _format(value, quantity)


def _tell(name: str, curve: CurveInfo, epoch: int, value: float | None, quantity: str) -> str:
    kept = " (kept)" if epoch == curve.best_epoch else ""
    hover = MISSING if value is None else _show(value, quantity)
    return f"<b>{name}</b>, seed {curve.seed}<br>epoch {epoch}{kept}: {hover}"
