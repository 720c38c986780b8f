"""Predicted gains against measured ones."""

from collections.abc import Sequence

import plotly.graph_objects as go

from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.families import ADVICE
from mtlens_dashboard.figures.forest import difference_ticks
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.panels import MOST, Panel, columns_for, foot, name_length, panels
from mtlens_dashboard.figures.sheet import Ends, Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.groupings import GroupScoreInfo, TrialInfo
from mtlens_dashboard.wording.formatting import MISSING, escape, label, listing, minus, shorten, signed_points, wrap

_PANEL, _HEAD, _FOOT, _LEFT, _LINE_HEIGHT = 150, 36, 72, 44, 14  # pixels


def predicted_measured(trial: TrialInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """Gain that a method predicted against the gain that was measured, in points, with y = x, a panel per method; what was not
    measured is hollow and lies on the line of its prediction.
    """
    known = [gain for gain in trial.scores if gain.predicted is not None]
    if not known:
        return empty(theme, "No gains have been predicted yet", ADVICE)
    methods = list(dict.fromkeys(gain.method for gain in known))[:MOST]
    values = [abs(100 * value) for gain in known for value in (gain.predicted, gain.measured) if value is not None]
    reach = 1.08 * max(*values, 0.1)
    names = [_name(method, trial.correlation(method), name_length(columns_for(len(methods))), theme) for method in methods]
    head = _HEAD + _LINE_HEIGHT * max(name.count("<br>") - 1 for name in names)
    sheet, scale = Sheet(), {"range": [-reach, reach], "zeroline": True, **difference_ticks(reach, 3)}
    drawn, height = panels(sheet, names, theme, height=_PANEL, head=head, x=scale, y=scale)
    for panel, method in zip(drawn, methods, strict=True):
        sheet.line((-reach, reach), (-reach, reach), theme.line, **panel.of_shape)
        of_method = [gain for gain in known if gain.method == method]
        _draw_whiskers(sheet, panel, of_method, theme)
        for is_known, fill in ((True, theme.better), (False, theme.paper)):
            dots = [gain for gain in of_method if (gain.measured is not None) == is_known]
            if dots:
                sheet.points(
                    [100 * (gain.predicted or 0.0) for gain in dots],
                    [100 * _upwards(gain) for gain in dots],
                    list(map(_tell_gain, dots)),
                    {"size": 6, "color": fill, "line": {"color": theme.better, "width": 1.2}},
                    name="measured" if is_known else "not measured",
                    **panel.of_trace,
                )
    text = "predicted gain to the right, measured gain upwards, points<br>diagonal: as predicted; hollow: not measured"
    foot(sheet, text, theme, _LEFT)
    title = _best_ranks(trial, methods)
    alt = f"Predicted against measured gains, {counted(len(methods), 'method')}, {counted(len(known), 'gain')}. {title}."
    height += head + _FOOT
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=head, bottom=_FOOT, left=_LEFT)


def _name(method: str, correlation: float | None, length: int, theme: Theme) -> str:
    rank = MISSING if correlation is None else minus(f"{correlation:+.2f}")
    return f"<b>{wrap(shorten(method, 32), length)}</b><br><span style='color:{theme.muted}'>rank {rank}</span>"


def _upwards(gain: GroupScoreInfo) -> float:
    """The measured gain, or the predicted one where there is none: it then lies on the diagonal."""
    return (gain.predicted or 0.0) if gain.measured is None else gain.measured


def _draw_whiskers(sheet: Sheet, panel: Panel, gains: Sequence[GroupScoreInfo], theme: Theme) -> None:
    ends: list[tuple[Ends, Ends]] = []
    for gain in gains:
        across, up = 100 * (gain.predicted or 0.0), 100 * _upwards(gain)
        if gain.predicted_low is not None and gain.predicted_high is not None:
            ends.append(((100 * gain.predicted_low, 100 * gain.predicted_high), (up, up)))
        if gain.measured is not None and gain.measured_low is not None and gain.measured_high is not None:
            ends.append(((across, across), (100 * gain.measured_low, 100 * gain.measured_high)))
    sheet.segments(ends, {"color": theme.better, "width": 1}, opacity=0.35, **panel.of_trace)


def _best_ranks(trial: TrialInfo, methods: Sequence[str]) -> str:
    """The method that ranks the groups best, and the ceiling of its rank correlation."""
    known = [(info.correlation, info) for info in trial.methods if info.correlation is not None and info.method in methods]
    if not known:
        return f"Gains predicted by {counted(len(methods), 'method')}; judged once all groups are trained"
    reached = "undefined" if trial.ceiling is None else minus(f"{trial.ceiling:+.2f}")
    if not trial.can_compare:
        return f"The seeds agree too little to compare methods: their own rank correlation is {reached}"
    correlation, best = max(known, key=lambda pair: pair[0])
    text = minus(f"{correlation:+.2f}")
    return f"{shorten(best.method)} ranks the gains best: rank correlation {text} (ceiling {reached})"


def _tell_gain(gain: GroupScoreInfo) -> str:
    return (
        f"<b>{label(gain.task)}</b> in {escape(listing(gain.tasks))}<br>{escape(shorten(gain.method))}: "
        f"predicted {signed_points(gain.predicted)}, measured {signed_points(gain.measured)}"
    )
