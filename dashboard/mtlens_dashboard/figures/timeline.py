"""When each run trained, on which lane, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import plotly.graph_objects as go

from mtlens.config.run_kinds import SINGLE, label_of
from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.runs import RunInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import duration, escape, label

_ROW = 30  # pixels
_NARROW = 1 / 200  # of the width: such bars would be nothing but their frames
_STATES = {"done": "✓ done", "unfinished": "▸ training", "stalled": "‖ stalled", "failed": "✗ failed", "damaged": "✗ damaged"}
_ORDER = tuple(_STATES)


def timeline(runs: Sequence[RunInfo], now: datetime, *, theme: Theme = LIGHT) -> go.Figure:
    """Runs as bars, packed into as few rows as trained side by side. now: UTC, without a time zone."""
    begun = sorted((run for run in runs if run.started is not None), key=lambda run: (run.started or now, run.run_id))
    if not begun:
        return empty(theme, titles.runs(runs, now), "Bars appear when runs start to train.")
    sheet = Sheet()
    lanes = _pack(begun, now)
    bars = _bars(begun, lanes, now)
    for state in _ORDER:
        of_state = [bar for bar in bars if bar.state == state]
        sheet.bar(
            base=[bar.start for bar in of_state],
            x=[1000 * (bar.end - bar.start).total_seconds() for bar in of_state],
            y=[bar.lane for bar in of_state],
            customdata=[bar.hover if bar.runs == 1 else f"{counted(bar.runs, 'run')}: {state}" for bar in of_state],
            hovertemplate="%{customdata}<extra></extra>",
            name=_STATES[state],
            orientation="h",
            width=0.74,
            marker={"color": _colour(state, theme), "line": {"color": theme.paper, "width": 1}},
        )
    present = [state for state in _ORDER if any(_state(run, now) == state for run in begun)]
    legend = "   ".join(f'<span style="color:{_colour(state, theme)}">{_STATES[state]}</span>' for state in present)
    sheet.note(legend, 0, 1, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="bottom", yshift=4, size=12)
    sheet.x_axis(type="date", nticks=5, tickangle=0, title={"text": "UTC"})
    sheet.y_axis(range=[max(lanes) + 0.6, -0.6], visible=False)
    sheet.layout["barmode"] = "overlay"
    title = titles.runs(runs, now)
    alt = f"Timeline of {counted(len(begun), 'run')} on {counted(max(lanes) + 1, 'lane')}. {title}."
    return framed(sheet, theme=theme, title=title, alt=alt, height=_ROW * (max(lanes) + 1) + 90, top=28, bottom=56)


@dataclass(kw_only=True)
class _Bar:
    """One run, or several that follow each other and could not be distinguished. hover: text shown at the pointer."""

    lane: int
    state: str
    start: datetime
    end: datetime
    hover: str
    runs: int = 1


def _bars(runs: Sequence[RunInfo], lanes: Sequence[int], now: datetime) -> list[_Bar]:
    """Bars of runs in the order of their starts; narrow ones of one lane and state that touch are joined."""
    last: dict[int, _Bar] = {}
    bars: list[_Bar] = []
    ends = [_end(run, now) for run in runs]
    narrow = _NARROW * (max(ends) - min(run.started or now for run in runs))
    for run, lane, end in zip(runs, lanes, ends, strict=True):
        bar = _Bar(lane=lane, state=_state(run, now), start=run.started or now, end=end, hover=_tell(run, now))
        before = last.get(lane)
        is_joined = before and before.state == bar.state and bar.start - before.end < narrow and bar.end - bar.start < narrow
        if before and is_joined:
            before.end, before.runs = bar.end, before.runs + 1
        else:
            bars.append(bar)
            last[lane] = bar
    return bars


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
    return {"done": theme.colours["grey"], "unfinished": theme.better, "stalled": theme.weak}.get(state, theme.bad)


def _tell(run: RunInfo, now: datetime) -> str:
    of_whom = label(run.tasks, 60) if run.role == SINGLE.name else label_of(run.role)
    lines = [
        f"<b>{of_whom}</b>, seed {run.seed}",
        f"{run.role}, {_state(run, now)}, epoch {run.epoch or 0} of {run.epochs or 0}",
    ]
    lines.append(f"{duration((_end(run, now) - (run.started or now)).total_seconds())}")
    return "<br>".join([*lines, escape(run.reason[:120])] if run.reason else lines)
