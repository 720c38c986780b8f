"""Whether predicted gains came true, and what the search for groupings was worth."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.frame import empty, framed
from dashboard.figures.partitions import ADVICE, tell_grouping
from dashboard.figures.sheet import Sheet
from dashboard.text import counted, duration, escape, label, listing, plain, points, shorten, signed_points
from dashboard.theme import LIGHT, Theme
from dashboard.views.groupings import GroupingInfo, GroupScoreInfo


def predicted_measured(scores: Sequence[GroupScoreInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Gain that a method predicted against the gain that was measured, in points, with y = x; what was not measured is hollow
    and lies on the line of its prediction.
    """
    known = [one for one in scores if one.predicted is not None]
    if not known:
        return empty(theme, "No gains have been predicted yet", ADVICE)
    sheet = Sheet()
    methods = list(dict.fromkeys(one.method for one in known))
    values = [100 * value for one in known for value in (one.predicted, one.measured) if value is not None]
    reach = 1.12 * max(max(map(abs, values)), 0.1)
    for across, up in (((-reach, reach), (-reach, reach)), ((-reach, reach), (0, 0)), ((0, 0), (-reach, reach))):
        sheet.line(across, up, theme.line)
    palette = _method_colours(methods, theme)
    for method in methods:
        for measured in (True, False):
            chosen = [one for one in known if one.method == method and (one.measured is not None) == measured]
            _draw_gains(sheet, chosen, palette[method], measured, theme)
    sheet.note("predicted = measured", reach, reach, theme.muted, xanchor="right", yanchor="bottom", yshift=2)
    axis = {"range": [-reach, reach], "nticks": 5, "constrain": "domain"}
    sheet.x_axis(title={"text": "predicted gain, points; hollow: not measured"}, constraintoward="left", **axis)
    sheet.y_axis(title={"text": "measured gain, points"}, scaleanchor="x", **axis)
    told = [f"{method} {plain(rank_correlation(known, method))}" for method in methods]
    title = f"Rank correlation of predicted and measured gain: {listing(told)}"
    legend = "   ".join(f'<span style="color:{palette[method]}">● {escape(shorten(method))}</span>' for method in methods)
    sheet.note(legend, 0, 1, theme.ink, xref="paper", yref="paper", xanchor="left", yanchor="bottom", yshift=6, size=12)
    alt = f"Scatter of {counted(len(known), 'gain')}, predicted against measured. {title}."
    return framed(sheet, theme=theme, title=title, alt=alt, height=460, left=64, bottom=56, top=30)


def regret(groupings: Sequence[GroupingInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """What each method's choice loses against the best at the same cost, against the compute it needed to choose."""
    known = [one for one in groupings if one.regret is not None and one.discovery_seconds is not None and one.rank == 1]
    if not known:
        return empty(theme, "No regret is known yet", "It needs measured groupings to compare the choices with.")
    sheet = Sheet()
    methods = list(dict.fromkeys(one.method for one in known))
    palette = _method_colours(methods, theme)
    sheet.scatter(
        x=[one.discovery_seconds for one in known],
        y=[100 * (one.regret or 0.0) for one in known],
        mode="markers+text",
        text=[escape(shorten(one.method, 18)) for one in known],
        textposition="top center",
        cliponaxis=False,
        textfont={"size": 12, "color": [palette[one.method] for one in known]},
        marker={"size": 11, "color": [palette[one.method] for one in known]},
        customdata=[tell_grouping(one) for one in known],
        hovertemplate="%{customdata}<extra></extra>",
    )
    longest = max(one.discovery_seconds or 0.0 for one in known) or 1.0
    worst = max(100 * (one.regret or 0.0) for one in known) or 0.1
    sheet.x_axis(title={"text": "compute to choose, seconds"}, range=[-0.12 * longest, 1.12 * longest], nticks=5)
    sheet.y_axis(title={"text": "regret, points"}, range=[-0.08 * worst, 1.3 * worst], nticks=5)
    best = min(known, key=lambda one: (one.regret or 0.0, one.discovery_seconds or 0.0))
    title = f"{shorten(best.method)} loses least: {points(best.regret)} points, found in {duration(best.discovery_seconds)}"
    alt = f"Scatter of {counted(len(known), 'method')}, regret against compute. {title}."
    return framed(sheet, theme=theme, title=title, alt=alt, height=320, left=60, bottom=56, top=16, right=32)


def _draw_gains(sheet: Sheet, chosen: Sequence[GroupScoreInfo], colour: str, measured: bool, theme: Theme) -> None:
    def spread(value: float | None, low: float | None, high: float | None) -> tuple[float, float]:
        if value is None or low is None or high is None:
            return 0.0, 0.0
        return 100 * (high - value), 100 * (value - low)

    x = [spread(one.predicted, one.predicted_low, one.predicted_high) for one in chosen]
    y = [spread(one.measured, one.measured_low, one.measured_high) for one in chosen]
    bars = {"type": "data", "symmetric": False, "thickness": 1, "width": 0, "color": colour}
    sheet.scatter(
        x=[100 * (one.predicted or 0.0) for one in chosen],
        y=[100 * ((one.measured if measured else one.predicted) or 0.0) for one in chosen],
        error_x={**bars, "array": [up for up, _ in x], "arrayminus": [down for _, down in x]},
        error_y={**bars, "array": [up for up, _ in y], "arrayminus": [down for _, down in y], "visible": measured},
        mode="markers",
        opacity=0.85,
        customdata=[_tell_gain(one) for one in chosen],
        hovertemplate="%{customdata}<extra></extra>",
        marker={"size": 8, "color": colour if measured else theme.paper, "line": {"color": colour, "width": 1.5}},
    )


def rank_correlation(scores: Sequence[GroupScoreInfo], method: str) -> float | None:
    """Spearman's rank correlation, ties sharing their mean rank; None for fewer than three pairs or a constant."""
    pairs = [(one.predicted, one.measured) for one in scores if one.method == method]
    known = np.array([(a, b) for a, b in pairs if a is not None and b is not None], dtype=float).reshape(-1, 2)
    if len(known) < 3 or (np.ptp(known, axis=0) == 0).any():
        return None
    ranks = [(np.searchsorted(np.sort(v), v) + np.searchsorted(np.sort(v), v, side="right")) / 2 for v in known.T]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _method_colours(methods: Sequence[str], theme: Theme) -> dict[str, str]:
    palette = (theme.better, theme.bad, theme.multi, theme.good, theme.weak, theme.single)
    return {method: palette[number % len(palette)] for number, method in enumerate(methods)}


def _tell_gain(one: GroupScoreInfo) -> str:
    return (
        f"<b>{label(one.task)}</b> in {escape(listing(one.tasks))}<br>{escape(shorten(one.method))}: "
        f"predicted {signed_points(one.predicted)}, measured {signed_points(one.measured)}"
    )
