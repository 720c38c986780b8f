"""Regret of each method by budget, evaluated on seeds that the method has not used."""

from collections.abc import Sequence

import plotly.graph_objects as go

from mtlens_dashboard.figures.boxes import Box, Strokes, columns_for, grid, name_length, rule, tick_below, tick_left
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.groupings import ORACLE, MethodInfo, TrialInfo
from mtlens_dashboard.wording.formatting import counted, duration, escape, listing, minus, shorten, signed_points, wrap

_PANEL = 110  # pixels high
_HEAD = 42  # pixels for a method's name and its compute over its panel
_LINE_HEIGHT = 14


def regret(trial: TrialInfo, methods: Sequence[str] = (), *, theme: Theme = LIGHT) -> go.Figure:
    """What each method's choice loses at each budget against the exhaustive oracle's, in points, a panel per method.

    methods: those that are shown, all where none is named; the title is about all.
    """
    judged = [info for info in trial.methods if info.method != ORACLE and any(loss is not None for loss in info.regret)]
    shown = [info for info in judged if info.method in methods] or judged
    if not shown:
        return empty(theme, "No regret is known yet", "It needs all groups trained, under two seeds at least.")
    losses = [100 * loss for info in shown for loss in (*info.regret, *info.permuted_regret) if loss is not None]
    budgets = sorted({budget for info in shown for budget in info.budgets})
    columns = columns_for(len(shown))
    names = [wrap(shorten(info.method, 32), name_length(columns) + 6) for info in shown]
    head = _HEAD + _LINE_HEIGHT * max(name.count("<br>") for name in names)
    ranges = {"x_range": (budgets[0], budgets[-1]), "y_range": (min(*losses, -0.1), max(*losses, 0.1))}
    boxes = grid(len(shown), columns, **ranges, gap=(0.22, head / _PANEL + 0.22))
    sheet, control, lines = Sheet(), Strokes(), Strokes()
    for number, (box, info, name) in enumerate(zip(boxes, shown, names, strict=True)):
        _head(sheet, box, name, info.discovery_seconds, theme)
        rule(sheet, box, 0, theme.line)
        control.line(box, info.budgets, _points(info.permuted_regret))
        lines.line(box, info.budgets, _points(info.regret), _tell(info))
        if number % columns == 0:
            ends = {0.0, *(round(end, 1) for end in box.y_range if abs(end) > 0.25 * max(map(abs, box.y_range)))}
            tick_left(sheet, box, {end: minus(f"{end:+g}") for end in ends}, theme)
        if number + columns >= len(boxes):
            tick_below(sheet, box, {budget: f"{budget:g}" for budget in (budgets[0], budgets[-1])}, theme)
    control.draw(sheet, line={"color": theme.colours["grey"], "width": 1, "dash": "dot"})
    lines.draw(sheet, mode="lines+markers", name="regret", line={"color": theme.better, "width": 1.5}, marker={"size": 6})
    sheet.x_axis(range=[-0.1, max(box.across[1] for box in boxes) + 0.05], visible=False)
    sheet.y_axis(range=[min(box.up[0] for box in boxes) - 0.02, 0.02], visible=False)
    foot = "budget in models to the right, regret upwards, points of score<br>line at 0: the oracle; dotted: tasks permuted"
    sheet.note(foot, 0, 0, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-20, xshift=-24)
    title = _title(trial, judged)
    summary = "; ".join(f"{shorten(info.method)} {', '.join(map(signed_points, info.regret))}" for info in shown)
    rows = len({box.up for box in boxes})
    height = int(rows * _PANEL + (rows - 1) * (head + 0.22 * _PANEL)) + head + 70
    alt = f"Regret by budget, {counted(len(shown), 'method')}, in points. {title}. {summary}."
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=head, bottom=70, left=44)


def _title(trial: TrialInfo, judged: Sequence[MethodInfo]) -> str:
    """The method with the smallest mean regret over budgets, to a tenth of a point, unless that is undecided or shared."""
    if not trial.can_compare:
        return "Regret does not separate the methods: the seeds agree too little"
    complete = [info for info in judged if None not in info.regret]
    means = {info.method: round(100 * sum(loss or 0.0 for loss in info.regret) / len(info.regret), 1) for info in complete}
    least = min(means.values(), default=0.0)
    best = [method for method, mean in means.items() if mean == least]
    if least < 0:
        return "Regret does not separate the methods: the best choice on one half of the seeds is not the best on the other"
    if not best:
        return "No method could choose at every budget"
    if len(best) > 1:
        return f"No single best method: {listing(best)} have the same regret"
    return f"{shorten(best[0])} has the smallest regret: {least:.1f} points against the exhaustive oracle, mean over budgets"


def _head(sheet: Sheet, box: Box, name: str, seconds: float | None, theme: Theme) -> None:
    cost = "" if seconds is None else f"compute {duration(float(f'{seconds:.2g}'))}"
    text = f"<b>{name}</b><br><span style='color:{theme.muted}'>{cost or ' '}</span>"
    sheet.note(text, box.across[0], box.up[1], theme.ink, xanchor="left", yanchor="bottom", yshift=6)


def _points(losses: Sequence[float | None]) -> list[float | None]:
    return [None if loss is None else 100 * loss for loss in losses]


def _tell(info: MethodInfo) -> list[str]:
    return [
        f"<b>{escape(shorten(info.method))}</b>, {budget:g} models<br>regret {signed_points(loss, 2)}, "
        f"with tasks permuted {signed_points(permuted, 2)}"
        for budget, loss, permuted in zip(info.budgets, info.regret, info.permuted_regret, strict=True)
    ]
