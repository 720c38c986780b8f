"""When each run trained, on which lane, and how it ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

import plotly.graph_objects as go

from dashboard import sentences
from dashboard.figures.frame import empty, framed
from dashboard.figures.sheet import Sheet
from dashboard.text import counted, duration, escape, label
from dashboard.theme import LIGHT, ROLES, Theme
from dashboard.views.runs import RunInfo

_ROW = 30  # pixels
_WIDTH = 0.74  # rows
_NARROW = 1 / 200  # of the width: bars would be nothing but their frames, and slow to draw where there are many
_STATES = {"done": "✓ done", "unfinished": "▸ training", "stalled": "‖ stalled", "failed": "✗ failed", "damaged": "✗ damaged"}
_ORDER = tuple(_STATES)


def timeline(runs: Sequence[RunInfo], now: datetime, *, theme: Theme = LIGHT) -> go.Figure:
    """Runs as bars, packed into as few rows as trained side by side. now: UTC, without a time zone."""
    begun = sorted((run for run in runs if run.started is not None), key=lambda run: (run.started or now, run.run_id))
    if not begun:
        return empty(theme, sentences.runs(runs, now), "Bars appear when runs start to train.")
    sheet = Sheet()
    lanes = _pack(begun, now)
    for state in _ORDER:
        chosen = [(run, lane) for run, lane in zip(begun, lanes, strict=True) if _state(run, now) == state]
        if chosen:
            (_draw_strokes if _is_narrow(begun, now) else _draw_bars)(sheet, chosen, state, now, theme)
    present = [state for state in _ORDER if any(_state(run, now) == state for run in begun)]
    legend = "   ".join(f'<span style="color:{_colour(state, theme)}">{_STATES[state]}</span>' for state in present)
    sheet.note(legend, 0, 1, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="bottom", yshift=4, size=12)
    sheet.x_axis(type="date", nticks=5, tickangle=0, title={"text": "UTC"})
    sheet.y_axis(range=[max(lanes) + 0.6, -0.6], visible=False)
    sheet.layout["barmode"] = "overlay"
    title = sentences.runs(runs, now)
    alt = f"Timeline of {counted(len(begun), 'run')} on {counted(max(lanes) + 1, 'lane')}. {title}."
    return framed(sheet, theme=theme, title=title, alt=alt, height=_ROW * (max(lanes) + 1) + 90, top=28, bottom=56)


def _is_narrow(runs: Sequence[RunInfo], now: datetime) -> bool:
    starts, ends = [run.started or now for run in runs], [_end(run, now) for run in runs]
    typical = median((end - start).total_seconds() for start, end in zip(starts, ends, strict=True))
    return typical < _NARROW * (max(ends) - min(starts)).total_seconds()


def _draw_bars(sheet: Sheet, runs: Sequence[tuple[RunInfo, int]], state: str, now: datetime, theme: Theme) -> None:
    sheet.bar(
        base=[run.started for run, _ in runs],
        x=[1000 * (_end(run, now) - (run.started or now)).total_seconds() for run, _ in runs],
        y=[lane for _, lane in runs],
        customdata=[_tell(run, now) for run, _ in runs],
        hovertemplate="%{customdata}<extra></extra>",
        name=_STATES[state],
        orientation="h",
        width=_WIDTH,
        marker={"color": _colour(state, theme), "line": {"color": theme.paper, "width": 1}},
    )


def _draw_strokes(sheet: Sheet, runs: Sequence[tuple[RunInfo, int]], state: str, now: datetime, theme: Theme) -> None:
    """As bars, but one path for all of them; a run is told where it starts and ends."""
    sheet.scatter(
        x=[time for run, _ in runs for time in (run.started, _end(run, now), None)],
        y=[place for _, lane in runs for place in (lane, lane, None)],
        customdata=[told for run, _ in runs for told in (*[_tell(run, now)] * 2, "")],
        hovertemplate="%{customdata}<extra></extra>",
        name=_STATES[state],
        mode="lines",
        line={"color": _colour(state, theme), "width": _WIDTH * _ROW},
    )


def _pack(runs: Sequence[RunInfo], now: datetime) -> list[int]:
    """Lane of each run: the first that is free when it starts."""
    free: list[datetime] = []
    lanes: list[int] = []
    for run in runs:
        start = run.started or now
        lane = next((number for number, until in enumerate(free) if until <= start), len(free))
        if lane == len(free):
            free.append(start)
        free[lane] = _end(run, now)
        lanes.append(lane)
    return lanes


def _end(run: RunInfo, now: datetime) -> datetime:
    start = run.started or now
    until = run.finished or (now if _state(run, now) == "unfinished" else run.last_event) or start
    return max(until, start + timedelta(seconds=1))


def _state(run: RunInfo, now: datetime) -> str:
    return "stalled" if run.is_stalled(now) else run.state


def _colour(state: str, theme: Theme) -> str:
    return {"done": theme.single, "unfinished": theme.better, "stalled": theme.weak}.get(state, theme.bad)


def _tell(run: RunInfo, now: datetime) -> str:
    of_whom = label(run.tasks, 60) if run.role == "single" else ROLES.get(run.role, run.role)
    lines = [
        f"<b>{of_whom}</b>, seed {run.seed}",
        f"{run.role}, {_state(run, now)}, epoch {run.epoch or 0} of {run.epochs or 0}",
    ]
    lines.append(f"{duration((_end(run, now) - (run.started or now)).total_seconds())}")
    return "<br>".join([*lines, escape(run.reason[:120])] if run.reason else lines)
