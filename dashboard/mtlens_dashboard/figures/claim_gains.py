"""Gain against one kind of evidence, with error bars both ways and the fitted line with the interval of its slope."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.claim import GAINS_ADVICE
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.series import Look, legend, looks_of
from mtlens_dashboard.figures.sheet import Ends, Sheet
from mtlens_dashboard.figures.theme import LIGHT, VERDICTS, Theme
from mtlens_dashboard.queries.claim import SCOPES, ClaimInfo, ClaimPointInfo
from mtlens_dashboard.wording import claim_titles
from mtlens_dashboard.wording.formatting import escape, label, listing, plain

Interval = tuple[float, float | None, float | None]
"""A value with its bounds."""
_HEIGHT, _TOP, _FOOT, _LINE = 330, 34, 62, 16  # pixels
_BEYOND = 0.6  # of the range of the values: how far whiskers may extend it


@dataclass(frozen=True)
class _Dot:
    point: ClaimPointInfo
    x: Interval
    y: Interval


def claim_gains(info: ClaimInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """A point per task and group, within experiments less the means of its experiment; a line where the store has a slope."""
    if not info.known:
        return empty(theme, claim_titles.NO_GAINS, GAINS_ADVICE)
    dots, sheet = _dots(info), Sheet()
    looks = looks_of(list(dict.fromkeys(_series(dot.point, info.known) for dot in dots)), theme)
    across, up = _range([dot.x for dot in dots]), _range([*(dot.y for dot in dots), (0.0, None, None)])
    sheet.line((0, 1), (0, 0), theme.line, xref="x domain")
    _draw_line(sheet, info, dots, across, theme)
    for name, look in looks.items():
        _draw(sheet, [dot for dot in dots if _series(dot.point, info.known) == name], look, across, up, info)
    less = ", less the mean of its experiment" if info.scope == "within" else ""
    names = legend(looks)
    told = f"<br>{names}" if names else ""
    line = "; line: fit, shaded: its slope's 95 % interval" if _has_line(info) else ""
    text = f"{escape(info.label)}{less}<br>whiskers: 95 %{line}{told}"
    scale = {"showline": True, "ticks": "outside", "ticklen": 4, "tickcolor": theme.line, "zeroline": False}
    sheet.x_axis(range=across, nticks=6, **scale)
    sheet.y_axis(range=up, nticks=6, **scale)
    unit = f"gain, {info.unit.name}{less}"
    edge: dict[str, Any] = {"xref": "paper", "yref": "paper", "xanchor": "left", "xshift": -40}
    sheet.note(escape(unit), 0, 1, theme.muted, yanchor="bottom", yshift=8, **edge)
    sheet.note(text, 0, 0, theme.muted, yanchor="top", yshift=-24, **edge)
    title, foot = claim_titles.slope(info), _FOOT + _LINE * text.count("<br>")
    alt = f"Gain against {info.label}, {counted(len(dots), 'point')}, {SCOPES[info.scope]}. {title}."
    height = _HEIGHT + _TOP + foot
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=_TOP, bottom=foot, left=48)


def _dots(info: ClaimInfo) -> list[_Dot]:
    """Values and gains in their unit; within experiments less the means of the experiment's points."""
    whole = [
        _Dot(point, (point.value or 0.0, point.low, point.high), (gain or 0.0, low, high))
        for point in info.known
        for gain, low, high in [point.gain_in(info.unit)]
    ]
    if info.scope == "across":
        return whole
    by_experiment: dict[str, list[_Dot]] = {}
    for dot in whole:
        by_experiment.setdefault(dot.point.experiment_id, []).append(dot)
    centres = {key: (fmean(dot.x[0] for dot in own), fmean(dot.y[0] for dot in own)) for key, own in by_experiment.items()}
    return [
        _Dot(dot.point, _moved(dot.x, centre[0]), _moved(dot.y, centre[1]))
        for dot in whole
        for centre in [centres[dot.point.experiment_id]]
    ]


def _moved(values: Interval, by: float) -> Interval:
    value, low, high = values
    return value - by, None if low is None else low - by, None if high is None else high - by


def _series(point: ClaimPointInfo, points: Sequence[ClaimPointInfo]) -> str:
    """The data set; the experiment where all are on the same texts."""
    return point.experiment if len({other.data for other in points}) == 1 else point.data


def _range(values: Sequence[Interval]) -> tuple[float, float]:
    """Of an axis: all values, and whiskers that do not squeeze them."""
    low, high = min(value for value, _, _ in values), max(value for value, _, _ in values)
    room = high - low or abs(high) or 1.0
    ends = [end for _, *bounds in values for end in bounds if end is not None]
    low, high = max(min([low, *ends]), low - _BEYOND * room), min(max([high, *ends]), high + _BEYOND * room)
    return low - 0.05 * room, high + 0.05 * room


def _has_line(info: ClaimInfo) -> bool:
    found = info.predictor
    return found is not None and None not in (found.slope, found.slope_low, found.slope_high)


def _draw_line(sheet: Sheet, info: ClaimInfo, dots: Sequence[_Dot], across: tuple[float, float], theme: Theme) -> None:
    """The fitted slope through the mean of the points, and between the slopes at the ends of its interval."""
    found = info.predictor
    if found is None or found.slope is None:
        return
    factor = info.unit.scale
    middle, level = fmean(dot.x[0] for dot in dots), fmean(dot.y[0] for dot in dots)
    xs = [min(dot.x[0] for dot in dots), middle, max(dot.x[0] for dot in dots)]

    def along(slope: float) -> list[float]:
        return [level + factor * slope * (x - middle) for x in xs]

    if found.slope_low is not None and found.slope_high is not None:
        one, other = along(found.slope_low), along(found.slope_high)
        outline = {"x": [*xs, *reversed(xs)], "y": [*one, *reversed(other)], "fill": "toself", "fillcolor": theme.muted}
        sheet.scatter(mode="lines", name="band", line={"width": 0}, opacity=0.18, hoverinfo="skip", **outline)
    sheet.scatter(
        x=xs, y=along(found.slope), mode="lines", name="fit", line={"color": theme.muted, "width": 2}, hoverinfo="skip"
    )


def _draw(
    sheet: Sheet, dots: Sequence[_Dot], look: Look, across: tuple[float, float], up: tuple[float, float], info: ClaimInfo
) -> None:
    """Points of one series over their whiskers."""
    ends: list[tuple[Ends, Ends]] = []
    for dot in dots:
        (value, low, high), (gain, gain_low, gain_high) = dot.x, dot.y
        if low is not None and high is not None:
            ends.append(((max(low, across[0]), min(high, across[1])), (gain, gain)))
        if gain_low is not None and gain_high is not None:
            ends.append(((value, value), (max(gain_low, up[0]), min(gain_high, up[1]))))
    sheet.segments(ends, {"color": look.colour, "width": 1}, name="whiskers", opacity=0.3)
    marker = {"size": 7, "symbol": look.symbol, "color": look.colour}
    told = [_tell(dot.point, info) for dot in dots]
    sheet.points([dot.x[0] for dot in dots], [dot.y[0] for dot in dots], told, marker, name="gains")


def _tell(point: ClaimPointInfo, info: ClaimInfo) -> str:
    gain, low, high = point.gain_in(info.unit)
    mark = VERDICTS.get(point.verdict)
    told = claim_titles.with_bounds(gain, low, high)
    return (
        f"<b>{label(point.task)}</b> in {escape(listing(point.tasks))}<br>{label(point.experiment)}: {label(point.data)}<br>"
        f"gain {told} {escape(info.unit.points)}: {mark.symbol if mark else ''} {escape(point.verdict)}<br>"
        f"{escape(info.label)} {plain(point.value)} ({plain(point.low)} to {plain(point.high)})"
    )
