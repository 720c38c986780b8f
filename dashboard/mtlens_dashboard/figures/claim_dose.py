"""Dose and response: gain and evidence against the relatedness of the tasks in synthetic texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

import plotly.graph_objects as go

from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.series import Look, legend, looks_of
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.claim import ClaimPointInfo, DoseInfo, label_of, unit_of
from mtlens_dashboard.wording import claim_titles
from mtlens_dashboard.wording.formatting import escape, label, listing

_PANEL, _HEAD, _FOOT, _LINE = 120, 30, 56, 16  # pixels
_SPREAD = 0.4  # of the smallest step of relatedness, over which the points of one degree lie side by side
NO_DOSE_ADVICE = (
    "They appear when experiments on synthetic reports with several values of data.spine.relatedness have trained groups."
)


@dataclass(frozen=True)
class _Dot:
    series: str
    degree: float
    value: float
    low: float | None
    high: float | None
    told: str


@dataclass(frozen=True)
class _Panel:
    name: str
    dots: Sequence[_Dot]


def claim_dose(info: DoseInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """A panel for gains and one per kind of evidence; a point per task and group, a line through their means."""
    panels = [panel for panel in _panels(info) if panel.dots]
    if not panels:
        return empty(theme, claim_titles.NO_DOSE, NO_DOSE_ADVICE)
    sheet, unit = Sheet(), unit_of(info.points)
    degrees = sorted({dot.degree for panel in panels for dot in panel.dots})
    step = min(after - before for before, after in pairwise(degrees))
    looks = looks_of(list(dict.fromkeys(dot.series for panel in panels for dot in panel.dots)), theme)
    whole = len(panels) * (_PANEL + _HEAD) - _HEAD
    for number, panel in enumerate(panels):
        top = 1 - number * (_PANEL + _HEAD) / whole
        axes = _axes(sheet, number, (top - _PANEL / whole, top), panel, theme)
        edge: dict[str, Any] = {
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "xshift": -40,
            "yshift": 6,
        }
        sheet.note(f"<b>{escape(panel.name)}</b>", 0, top, theme.ink, size=12, **edge)
        for name, look in looks.items():
            _draw(sheet, [dot for dot in panel.dots if dot.series == name], look, _SPREAD * step, axes)
    names = legend(looks)
    text = "relatedness of the tasks; line: mean; whiskers: 95 %" + (f"<br>{names}" if names else "")
    room = 0.5 * step
    sheet.x_axis(
        range=[degrees[0] - room, degrees[-1] + room], tickvals=degrees, anchor=f"y{len(panels)}" if panels[1:] else "y"
    )
    below: dict[str, Any] = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "top", "xshift": -40}
    sheet.note(text, 0, 0, theme.muted, yshift=-22, **below)
    title = claim_titles.dose(_one_kind(info), unit)
    alt = f"Gain and evidence by relatedness, {counted(len(degrees), 'degree')}. {title}."
    bottom = _FOOT + _LINE * text.count("<br>")
    return framed(sheet, theme=theme, title=title, alt=alt, height=whole + _HEAD + bottom, top=_HEAD, bottom=bottom, left=48)


def _one_kind(info: DoseInfo) -> tuple[ClaimPointInfo, ...]:
    """Each gain once: with the first kind of evidence that has it."""
    kinds = [kind for kind in info.kinds if any(point.evidence == kind for point in info.points)]
    return tuple(point for point in info.points if point.evidence == kinds[0]) if kinds else ()


def _panels(info: DoseInfo) -> list[_Panel]:
    unit, gains = unit_of(info.points), _one_kind(info)
    panels = [
        _Panel(
            f"gain, {unit.name}", [_dot(point, *point.gain_in(unit), unit.points) for point in gains if point.gain is not None]
        )
    ]
    for kind in info.kinds:
        own = [point for point in info.points if point.evidence == kind and point.value is not None]
        panels.append(_Panel(label_of(kind), [_dot(point, point.value, point.low, point.high, "") for point in own]))
    return panels


def _dot(point: ClaimPointInfo, value: float | None, low: float | None, high: float | None, unit: str) -> _Dot:
    degree = point.relatedness or 0.0
    told = (
        f"<b>{label(point.task)}</b> in {escape(listing(point.tasks))}<br>"
        f"{label(point.data)}, relatedness {degree:g}<br>"
        f"{claim_titles.with_bounds(value, low, high)} {escape(unit)}"
    )
    return _Dot(point.data, degree, value or 0.0, low, high, told)


def _axes(sheet: Sheet, number: int, domain: tuple[float, float], panel: _Panel, theme: Theme) -> dict[str, str]:
    """The vertical axis of a panel, over all values and whiskers that do not squeeze them."""
    key = str(number + 1) if number else ""
    low, high = min(dot.value for dot in panel.dots), max(dot.value for dot in panel.dots)
    room = high - low or 1.0
    ends = [end for dot in panel.dots for end in (dot.low, dot.high) if end is not None]
    low, high = max(min([low, *ends]), low - 0.5 * room), min(max([high, *ends]), high + 0.5 * room)
    scale: dict[str, Any] = {"nticks": 4, "showline": True, "zeroline": True, "zerolinecolor": theme.line}
    sheet.layout[f"yaxis{key}"] = {"domain": domain, "anchor": "x", "range": [low - 0.05 * room, high + 0.05 * room], **scale}
    return {"xaxis": "x", "yaxis": f"y{key}"}


def _draw(sheet: Sheet, dots: Sequence[_Dot], look: Look, spread: float, axes: dict[str, str]) -> None:
    """Points of one series, side by side at each degree in the order of their values, and the line of their means."""
    by_degree: dict[float, list[_Dot]] = {}
    for dot in sorted(dots, key=lambda dot: (dot.degree, dot.value)):
        by_degree.setdefault(dot.degree, []).append(dot)
    places = [
        (degree + spread * ((number + 0.5) / len(own) - 0.5), dot)
        for degree, own in by_degree.items()
        for number, dot in enumerate(own)
    ]
    ends = [((at, at), (dot.low, dot.high)) for at, dot in places if dot.low is not None and dot.high is not None]
    sheet.segments(ends, {"color": look.colour, "width": 1}, name="whiskers", opacity=0.4, **axes)
    marker = {"size": 4, "symbol": look.symbol, "color": look.colour}
    xs, ys, told = [at for at, _ in places], [dot.value for _, dot in places], [dot.told for _, dot in places]
    sheet.points(xs, ys, told, marker, name="points", **axes)
    means = [fmean(dot.value for dot in own) for own in by_degree.values()]
    line, ring = {"color": look.colour, "width": 2}, {"size": 9, "symbol": look.symbol}
    sheet.scatter(
        x=list(by_degree), y=means, mode="lines+markers", name="mean", line=line, marker=ring, hoverinfo="skip", **axes
    )
