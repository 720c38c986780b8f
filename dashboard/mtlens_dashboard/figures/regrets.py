"""Regret of each method by budget, evaluated on seeds that the method has not used."""

from collections.abc import Sequence

import plotly.graph_objects as go

from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.panels import MOST, columns_for, foot, name_length, panels
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.groupings import ORACLE, MethodInfo, TrialInfo
from mtlens_dashboard.wording.formatting import duration, escape, fit, listing, minus, shorten, signed_points, wrap

_PANEL, _HEAD, _FOOT, _LEFT, _LINE_HEIGHT = 110, 40, 72, 44, 14  # pixels


def regret(trial: TrialInfo, methods: Sequence[str] = (), *, theme: Theme = LIGHT) -> go.Figure:
    """What each method's choice loses at each budget against the exhaustive oracle's, in points, a panel per method.

    methods: those that are shown, all where none is named; the title is about all.
    """
    judged = [info for info in trial.methods if info.method != ORACLE and any(loss is not None for loss in info.regret)]
    shown = ([info for info in judged if info.method in methods] or judged)[:MOST]
    if not shown:
        return empty(theme, "No regret is known yet", "It needs all groups trained, under two seeds at least.")
    losses = [100 * loss for info in shown for loss in (*info.regret, *info.permuted_regret) if loss is not None]
    budgets = sorted({budget for info in shown for budget in info.budgets})
    names = [_name(info, name_length(columns_for(len(shown))) + 6, theme) for info in shown]
    head = _HEAD + _LINE_HEIGHT * max(name.count("<br>") - 1 for name in names)
    low, high = min(*losses, -0.1), max(*losses, 0.1)
    room, beside = 0.06 * (high - low), 0.06 * (budgets[-1] - budgets[0] or 1.0)
    ends = sorted({0.0, *(end for end in (low, high) if abs(end) > 0.25 * max(-low, high))})
    up = {"range": [low - room, high + room], "tickvals": ends, "ticktext": [minus(f"{end:+.1f}") for end in ends]}
    across = {"range": [budgets[0] - beside, budgets[-1] + beside], "tickvals": [budgets[0], budgets[-1]]}
    sheet = Sheet()
    drawn, height = panels(sheet, names, theme, height=_PANEL, head=head, x=across, y={**up, "zeroline": True})
    for panel, info in zip(drawn, shown, strict=True):
        dotted = {"color": theme.colours["grey"], "width": 1, "dash": "dot"}
        sheet.scatter(
            x=info.budgets, y=_points(info.permuted_regret), mode="lines", line=dotted, hoverinfo="skip", **panel.of_trace
        )
        sheet.scatter(
            x=info.budgets,
            y=_points(info.regret),
            mode="lines+markers",
            name="regret",
            line={"color": theme.better, "width": 1.5},
            marker={"size": 6},
            customdata=_tell(info),
            hovertemplate="%{customdata}<extra></extra>",
            **panel.of_trace,
        )
    text = "budget in models to the right, regret upwards, points of score<br>line at 0: the oracle; dotted: tasks permuted"
    foot(sheet, text, theme, _LEFT)
    title = _title(trial, judged)
    summary = "; ".join(f"{shorten(info.method)} {', '.join(map(signed_points, info.regret))}" for info in shown)
    alt = f"Regret by budget, {counted(len(shown), 'method')}, in points. {title}. {summary}."
    height += head + _FOOT
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=head, bottom=_FOOT, left=_LEFT)


def _title(trial: TrialInfo, judged: Sequence[MethodInfo]) -> str:
    """The method with the smallest mean regret over budgets, to a tenth of a point, unless that is undecided or shared."""
    if not trial.can_compare:
        return "Regret does not separate the methods: the seeds agree too little"
    complete = [info for info in judged if None not in info.regret]
    means = {info.method: round(100 * sum(loss or 0.0 for loss in info.regret) / len(info.regret), 1) for info in complete}
    least = min(means.values(), default=0.0)
    best = [method for method, mean in means.items() if mean == least]
    if least < 0:
        return "Regret does not separate the methods: the halves of the seeds choose differently"
    if not best:
        return "No method could choose at every budget"
    if len(best) > 1:
        return fit(
            f"No single best method: {listing(best)} have the same regret", f"{len(best)} methods share the smallest regret"
        )
    return f"{shorten(best[0])} has the smallest regret: {least:.1f} points against the exhaustive oracle"


def _name(info: MethodInfo, length: int, theme: Theme) -> str:
    seconds = info.discovery_seconds
    cost = " " if seconds is None else f"compute {duration(float(f'{seconds:.2g}'))}"
    return f"<b>{wrap(shorten(info.method, 32), length)}</b><br><span style='color:{theme.muted}'>{cost}</span>"


def _points(losses: Sequence[float | None]) -> list[float | None]:
    return [None if loss is None else 100 * loss for loss in losses]


def _tell(info: MethodInfo) -> list[str]:
    return [
        f"<b>{escape(shorten(info.method))}</b>, {budget:g} models<br>regret {signed_points(loss, 2)}, "
        f"with tasks permuted {signed_points(permuted, 2)}"
        for budget, loss, permuted in zip(info.budgets, info.regret, info.permuted_regret, strict=True)
    ]
