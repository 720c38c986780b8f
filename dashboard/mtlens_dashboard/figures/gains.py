"""Predicted gains against measured ones."""

from collections.abc import Sequence

import plotly.graph_objects as go

from mtlens_dashboard.figures.boxes import Box, Strokes, columns_for, grid, name_length, rule, tick_below, tick_left
from mtlens_dashboard.figures.forest import difference_ticks
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.partitions import ADVICE
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.groupings import GroupScoreInfo, TrialInfo
from mtlens_dashboard.wording.formatting import MISSING, counted, escape, label, listing, minus, shorten, signed_points, wrap

_PANEL = 150  # pixels high
_HEAD = 36
_LINE_HEIGHT = 14


def predicted_measured(trial: TrialInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """Gain that a method predicted against the gain that was measured, in points, with y = x, a panel per method; what was not
    measured is hollow and lies on the line of its prediction.
    """
    known = [gain for gain in trial.scores if gain.predicted is not None]
    if not known:
        return empty(theme, "No gains have been predicted yet", ADVICE)
    methods = list(dict.fromkeys(gain.method for gain in known))
    values = [abs(100 * value) for gain in known for value in (gain.predicted, gain.measured) if value is not None]
    reach = 1.08 * max(*values, 0.1)
    columns = columns_for(len(methods))
    names = {method: wrap(shorten(method, 32), name_length(columns)) for method in methods}
    head = _HEAD + _LINE_HEIGHT * max(name.count("<br>") for name in names.values())
    boxes = grid(len(methods), columns, x_range=(-reach, reach), y_range=(-reach, reach), gap=(0.22, head / _PANEL + 0.22))
    ticks = difference_ticks(reach)
    ends: dict[float, str] = {
        ticks["tickvals"][place]: ticks["ticktext"][place] for place in (0, len(ticks["tickvals"]) // 2, -1)
    }
    sheet = Sheet()
    whiskers, measured, hollow = Strokes(), Strokes(), Strokes()
    for number, (box, method) in enumerate(zip(boxes, methods, strict=True)):
        _frame_panel(sheet, box, names[method], trial.correlation(method), theme)
        for gain in known:
            if gain.method == method:
                _collect(gain, box, whiskers, hollow if gain.measured is None else measured)
        if number % columns == 0:
            tick_left(sheet, box, ends, theme)
        if number + columns >= len(boxes):
            tick_below(sheet, box, ends, theme)
    whiskers.draw(sheet, line={"color": theme.better, "width": 1}, opacity=0.35)
    for strokes, fill in ((measured, theme.better), (hollow, theme.paper)):
        strokes.draw(sheet, mode="markers", marker={"size": 6, "color": fill, "line": {"color": theme.better, "width": 1.2}})
    sheet.x_axis(range=[-0.1, max(box.across[1] for box in boxes) + 0.05], visible=False)
    sheet.y_axis(range=[min(box.up[0] for box in boxes) - 0.02, 0.02], visible=False)
    foot = "predicted gain to the right, measured gain upwards, points<br>diagonal: as predicted; hollow: not measured"
    sheet.note(foot, 0, 0, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-20, xshift=-24)
    title = _best_ranks(trial, methods)
    alt = f"Predicted against measured gains, {counted(len(methods), 'method')}, {counted(len(known), 'gain')}. {title}."
    rows = len({box.up for box in boxes})
    height = int(rows * _PANEL + (rows - 1) * (head + 0.22 * _PANEL)) + head + 70
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, top=head, bottom=70, left=44)


def _frame_panel(sheet: Sheet, box: Box, name: str, correlation: float | None, theme: Theme) -> None:
    rule(sheet, box, 0, theme.faint)
    sheet.line((box.x(0), box.x(0)), box.up, theme.faint)
    sheet.line(box.across, box.up, theme.line)
    text = MISSING if correlation is None else minus(f"{correlation:+.2f}")
    text = f"<b>{name}</b><br><span style='color:{theme.muted}'>rank {text}</span>"
    sheet.note(text, box.across[0], box.up[1], theme.ink, xanchor="left", yanchor="bottom", yshift=4)


def _collect(gain: GroupScoreInfo, box: Box, whiskers: Strokes, dots: Strokes) -> None:
    """A gain as a dot, and its intervals where they are known."""
    x = 100 * (gain.predicted or 0.0)
    y = x if gain.measured is None else 100 * gain.measured
    dots.line(box, [x], [y], [_tell_gain(gain)])
    if gain.predicted_low is not None and gain.predicted_high is not None:
        whiskers.line(box, [100 * gain.predicted_low, 100 * gain.predicted_high], [y, y])
    if gain.measured is not None and gain.measured_low is not None and gain.measured_high is not None:
        whiskers.line(box, [x, x], [100 * gain.measured_low, 100 * gain.measured_high])


def _best_ranks(trial: TrialInfo, methods: Sequence[str]) -> str:
    """The method that ranks the groups best, and the ceiling of its rank correlation."""
    known = [(info.correlation, info) for info in trial.methods if info.correlation is not None and info.method in methods]
    if not known:
        return f"Gains predicted by {counted(len(methods), 'method')}; judged once all groups are trained"
    reached = "undefined" if trial.ceiling is None else minus(f"{trial.ceiling:+.2f}")
    if not trial.can_compare:
        return f"The seeds agree too little to compare methods: rank correlation of their own gains {reached}"
    correlation, best = max(known, key=lambda pair: pair[0])
    text = minus(f"{correlation:+.2f}")
    return f"{shorten(best.method)} ranks the gains best: rank correlation {text} (ceiling {reached})"


def _tell_gain(gain: GroupScoreInfo) -> str:
    return (
        f"<b>{label(gain.task)}</b> in {escape(listing(gain.tasks))}<br>{escape(shorten(gain.method))}: "
        f"predicted {signed_points(gain.predicted)}, measured {signed_points(gain.measured)}"
    )
