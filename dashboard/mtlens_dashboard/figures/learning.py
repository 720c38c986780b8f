"""Learning curves: a small panel per model, a line per seed with the epoch whose weights were kept; of many seeds the mean."""

from collections.abc import Callable, Sequence
from itertools import groupby
from statistics import fmean
from typing import Literal

import plotly.graph_objects as go

from mtlens.config.run_kinds import MULTI, SINGLE, label_of
from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.panels import MOST, Panel, area, columns_for, foot, name_length, panels
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.learning import CurveInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import MISSING, label, minus, points

_PANEL, _HEAD, _FOOT, _LEFT = 104, 38, 84, 40  # pixels
_MOST_LINES = 12  # of one model; more seeds than that are shown as their mean and range
Quantity = Literal["validation", "loss"]
Values = Callable[[CurveInfo], tuple[float | None, ...]]
_LINES: dict[Quantity, tuple[tuple[str, str, Values], ...]] = {
    "validation": (("validation score", "solid", lambda curve: curve.validation),),
    "loss": (
        ("training loss", "solid", lambda curve: curve.training_loss),
        ("validation loss", "dash", lambda curve: curve.validation_loss),
    ),
}
_SCALES: dict[Quantity, str] = {
    "validation": "validation score x 100, mean over the model's tasks",
    "loss": "loss in nats; solid: training; dashed: validation",
}


def learning_curves(curves: Sequence[CurveInfo], quantity: Quantity = "validation", *, theme: Theme = LIGHT) -> go.Figure:
    """Validation score, or training and validation loss, against epochs; all panels on one scale."""
    known = [curve for curve in curves if any(value is not None for _, _, of in _LINES[quantity] for value in of(curve))]
    if not known:
        return empty(theme, "No epoch has ended yet", "Curves grow here while the runs train.")
    every_model = [(model, list(runs)) for model, runs in groupby(known, key=lambda curve: (curve.role, curve.tasks))]
    if len(every_model) > MOST:
        every_model.sort(key=lambda model: model[0][0] != MULTI.name)  # that one is what the others are compared with
    models = every_model[:MOST]
    last = max(max(curve.epochs) for _, of_model in models for curve in of_model)
    length = name_length(columns_for(len(models)))
    names = [_name(role, tasks, length, theme) for (role, tasks), _ in models]
    sheet = Sheet()
    across = {"range": [0, last * 1.03], "tickvals": [0, last]}
    drawn, height = panels(sheet, names, theme, height=_PANEL, head=_HEAD, x=across, y=_scale(known, quantity))
    many = max(len(of_model) for _, of_model in models) > _MOST_LINES
    for panel, ((role, _), of_model) in zip(drawn, models, strict=True):
        for what, dash, of in _LINES[quantity]:
            (_draw_mean if many else _draw_seeds)(sheet, panel, of_model, of, what, theme.of_role(role), dash, theme)
    lines = "line: mean over seeds; band: lowest to highest" if many else "a line per seed; ring: epoch whose weights were kept"
    part = f"{len(models)} of {len(every_model)} models; " if len(models) < len(every_model) else ""
    foot(sheet, f"{part}across: epochs<br>{_SCALES[quantity]}<br>{lines}", theme, _LEFT)
    title = titles.learning(known)
    alt = f"Learning curves of {counted(len(models), 'model')}, {counted(len(known), 'run')}, {_SCALES[quantity]}. {title}."
    height += _HEAD + _FOOT
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=_HEAD, bottom=_FOOT, left=_LEFT)


def _name(role: str, tasks: tuple[str, ...], length: int, theme: Theme) -> str:
    name = label(", ".join(tasks), length) if role == SINGLE.name or len(tasks) == 1 else f"{len(tasks)} tasks"
    return f"<b>{name}</b><br><span style='color:{theme.of_role(role)}'>{label_of(role)}</span>"


def _draw_seeds(
    sheet: Sheet, panel: Panel, curves: Sequence[CurveInfo], of: Values, what: str, colour: str, dash: str, theme: Theme
) -> None:
    """A line per run, in one trace, and the epochs whose weights were kept."""
    points = [
        (epoch, value, _tell(curve, epoch, value, what))
        for curve in curves
        for epoch, value in [*zip(curve.epochs, of(curve), strict=True), (None, None)]
    ]
    kept = [
        (epoch, value)
        for curve in curves
        for epoch, value in zip(curve.epochs, of(curve), strict=True)
        if epoch == curve.best_epoch and value is not None
    ]
    sheet.scatter(
        x=[x for x, _, _ in points],
        y=[y for _, y, _ in points],
        customdata=[hover for _, _, hover in points],
        hovertemplate="%{customdata}<extra></extra>",
        mode="lines+markers",
        name=what,
        line={"color": colour, "width": 1.5, "dash": dash},
        marker={"size": 3},
        **panel.of_trace,
    )
    ring = {"size": 8, "color": theme.paper, "line": {"color": colour, "width": 2}}
    sheet.scatter(
        x=[x for x, _ in kept], y=[y for _, y in kept], mode="markers", marker=ring, hoverinfo="skip", **panel.of_trace
    )


def _draw_mean(
    sheet: Sheet, panel: Panel, curves: Sequence[CurveInfo], of: Values, what: str, colour: str, dash: str, theme: Theme
) -> None:
    """Mean and range over the runs of one model that reached an epoch."""
    values: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in zip(curve.epochs, of(curve), strict=True):
            if value is not None:
                values.setdefault(epoch, []).append(value)
    epochs = sorted(values)
    lows, highs = [min(values[epoch]) for epoch in epochs], [max(values[epoch]) for epoch in epochs]
    means = [fmean(values[epoch]) for epoch in epochs]
    area(sheet, panel, epochs, lows, highs, colour)
    sheet.scatter(
        x=epochs,
        y=means,
        mode="lines",
        name=what,
        line={"color": colour, "width": 1.5, "dash": dash},
        customdata=[
            f"{what}, mean of {counted(len(values[epoch]), 'seed')}<br>epoch {epoch}: {_show(mean, what)} "
            f"({_show(low, what)} to {_show(high, what)})"
            for epoch, mean, low, high in zip(epochs, means, lows, highs, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        **panel.of_trace,
    )


def _scale(curves: Sequence[CurveInfo], quantity: Quantity) -> dict[str, object]:
    """The range that all panels share: scores to the next ten points, scores outside 0 to 1 as they are, losses from 0."""
    values = [value for curve in curves for _, _, of in _LINES[quantity] for value in of(curve) if value is not None]
    low, high = min(values), max(values)
    if quantity == "loss":
        low, high = 0.0, max(high, 1e-6)
    elif low < 0 or high > 1:
        high = max(high, low + 1e-6)
    else:
        low, high = int(10 * low) / 10, min(1.0, -(-10 * high // 1) / 10) or 1.0
    room = 0.06 * (high - low)
    text = [minus(points(value, 0)) if quantity == "validation" else f"{value:.2g}" for value in (low, high)]
    return {"range": [low - room, high + room], "tickvals": [low, high], "ticktext": text, "showline": True}


def _show(value: float, what: str) -> str:
    return minus(points(value)) if what == "validation score" else f"{value:.2g}"


def _tell(curve: CurveInfo, epoch: int | None, value: float | None, what: str) -> str:
    if epoch is None:
        return ""
    kept = " (kept)" if epoch == curve.best_epoch else ""
    return f"seed {curve.seed}, epoch {epoch}{kept}<br>{what}: {MISSING if value is None else _show(value, what)}"
