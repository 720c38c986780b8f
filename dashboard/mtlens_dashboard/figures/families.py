"""Families of models: how good each is against how many models it takes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.groupings import GroupingInfo, RecommendationInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import escape, listing, minus, points, shorten

ADVICE = "A search proposes which tasks to train together."
_MOST = 60  # dots; the best of each number of models come first
_APART, _EDGE, _LINE = 0.28, 0.12, 16  # of the width: between two names, and beside a name in the middle; pixels of a name
_SPREAD = 0.7  # of the way to the next number of models, over which families of one size lie side by side


def families(
    groupings: Sequence[GroupingInfo], recommended: RecommendationInfo | None = None, *, theme: Theme = LIGHT
) -> go.Figure:
    """A dot per family with its 95 % interval; hollow where its score is predicted. The line is that of all single models."""
    known = [grouping for grouping in distinct(groupings) if _score(grouping) is not None][:_MOST]
    if not known:
        return empty(theme, "No groupings have been searched yet", ADVICE)
    sheet, chosen = Sheet(), _chosen(known, recommended)
    alone = next((family for family in known if all(len(group) == 1 for group in family.groups)), None)
    if alone is not None:
        level = 100 * (_score(alone) or 0.0)
        sheet.line((0, 1), (level, level), theme.line, xref="x domain")
    places = _places(known)
    for family in known:
        _draw(sheet, family, places[family.groups], _colour(family, chosen, recommended, theme), theme)
    low, high = _range(known)
    sizes = sorted({round(family.cost) for family in known})
    across = (sizes[0] - 0.6, sizes[-1] + 0.6)
    _label(sheet, [(*named, places[named[0].groups]) for named in _labelled(known, alone, chosen, recommended)], across, theme)
    sheet.x_axis(range=across, tickvals=sizes, title={"text": "models to train and keep"})
    line = "; line: all single" if alone is not None else ""
    text = f"mean score x 100{line}"
    sheet.y_axis(range=[low, high], showline=True, ticks="outside", nticks=6, showgrid=True)
    sheet.note(text, 0, 1, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="bottom", yshift=6, xshift=-34)
    title = titles.groupings(groupings, recommended)
    alt = f"Score against number of models, {counted(len(known), 'way')} to divide the tasks. {title}."
    return framed(sheet, theme=theme, title=title, alt=alt, height=360, top=30, bottom=52, left=50)


def distinct(groupings: Sequence[GroupingInfo]) -> list[GroupingInfo]:
    """A family for each way to divide the tasks, the best first, with the names of all methods that would choose it.

    Where one of them measured it and another only predicted it, it is measured.
    """
    methods: dict[tuple[tuple[str, ...], ...], list[GroupingInfo]] = {}
    for grouping in groupings:
        methods.setdefault(grouping.groups, []).append(grouping)
    same = [
        replace(
            min(equal, key=lambda family: (family.measured is None, _goodness(family))),
            method=", ".join(dict.fromkeys(grouping.method for grouping in equal)),
            recommended=any(grouping.recommended for grouping in equal),
        )
        for equal in methods.values()
    ]
    return sorted(same, key=_goodness)


def _places(known: Sequence[GroupingInfo]) -> dict[tuple[tuple[str, ...], ...], float]:
    """Places on the horizontal axis: families of as many models lie side by side, the best one first."""
    by_size: dict[float, list[GroupingInfo]] = {}
    for family in known:
        by_size.setdefault(family.cost, []).append(family)
    most = max(map(len, by_size.values()))
    step = _SPREAD / max(most, 3)
    return {
        family.groups: size + step * (number - (len(of_size) - 1) / 2)
        for size, of_size in by_size.items()
        for number, family in enumerate(sorted(of_size, key=_goodness))
    }


def _draw(sheet: Sheet, family: GroupingInfo, x: float, colour: str, theme: Theme) -> None:
    if family.measured is not None and family.measured_low is not None and family.measured_high is not None:
        ends = 100 * family.measured_low, 100 * family.measured_high
        sheet.segments([((x, x), ends)], {"color": colour, "width": 2}, name="intervals")
    fill = theme.paper if family.measured is None else colour
    marker = {"size": 10, "color": fill, "line": {"color": colour, "width": 2}}
    sheet.points([x], [100 * (_score(family) or 0.0)], [tell(family)], marker, name="family")


def _chosen(known: Sequence[GroupingInfo], recommended: RecommendationInfo | None) -> GroupingInfo | None:
    """The family that is recommended, or would be if it were decided."""
    if recommended is None:
        return next((family for family in known if family.recommended), None)
    groups = {frozenset(group) for group in recommended.groups}
    return next((family for family in known if {frozenset(group) for group in family.groups} == groups), None)


def _colour(family: GroupingInfo, chosen: GroupingInfo | None, recommended: RecommendationInfo | None, theme: Theme) -> str:
    """Green for what the verdicts recommend; nothing else has a meaning."""
    settled = recommended is None or recommended.verdict == "matches"
    return theme.good if family is chosen and settled else theme.ink if family is chosen else theme.colours["grey"]


def _labelled(
    known: Sequence[GroupingInfo],
    alone: GroupingInfo | None,
    chosen: GroupingInfo | None,
    recommended: RecommendationInfo | None,
) -> list[tuple[GroupingInfo, str]]:
    whole = next((family for family in known if len(family.groups) == 1), None)
    undecided = recommended is not None and recommended.verdict == "inconclusive"
    names: dict[int, list[str]] = {}
    for family, text in ((whole, "all in one"), (alone, "all single"), (chosen, "perhaps" if undecided else "recommended")):
        if family is not None:
            names.setdefault(known.index(family), []).append(text)
    return [(known[place], ",<br>".join(texts)) for place, texts in names.items()]


def _label(sheet: Sheet, labels: Sequence[tuple[GroupingInfo, str, float]], across: tuple[float, float], theme: Theme) -> None:
    """Names above the intervals: inside the plot, and each higher than the one before it where they would touch on a phone."""
    before, lift = -1.0, 0
    for family, text, at in sorted(labels, key=lambda named: named[2]):
        place = (at - across[0]) / (across[1] - across[0])
        lift = lift + 1 if place - before < _APART else 0
        before = place
        side: dict[str, Any] = {"xanchor": "left" if place < _EDGE else "right" if place > 1 - _EDGE else "center"}
        style = {"yanchor": "bottom", "yshift": 6 + _LINE * lift, "bgcolor": theme.paper, "borderpad": 0, **side}
        ends = [_score(family), family.measured_high if family.measured is not None else None]
        top = max(end for end in ends if end is not None)
        sheet.note(f"<b>{text}</b>", at, 100 * top, theme.ink, size=12, **style)


def _range(known: Sequence[GroupingInfo]) -> tuple[float, float]:
    values = [
        100 * value
        for family in known
        for value in (_score(family), *((family.measured_low, family.measured_high) if family.measured is not None else ()))
        if value is not None
    ]
    room = max(values) - min(values) or 1.0
    return min(values) - 0.08 * room, max(values) + 0.2 * room


def _score(family: GroupingInfo) -> float | None:
    """As measured, else as predicted."""
    return family.measured if family.measured is not None else family.predicted


def _goodness(family: GroupingInfo) -> tuple[bool, float]:
    value = _score(family)
    return not family.recommended, -(value if value is not None else -1.0)


def tell(family: GroupingInfo) -> str:
    """What pointing at a family shows."""
    bounds = (
        ""
        if family.measured is None or family.measured_low is None
        else f" ({points(family.measured_low)} to {points(family.measured_high)})"
    )
    return (
        f"<b>{escape('; '.join(listing(group, 6) for group in family.groups))}</b><br>{minus(f'{family.cost:g}')} models<br>"
        f"measured {points(family.measured)}{bounds}, predicted {points(family.predicted)}<br>"
        f"chosen by {escape(shorten(family.method, 60))}"
    )
