"""The forest plot: difference of one multi-task model from the task-specific ones, task by task, against the margin."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from mtlens.config.run_kinds import label_of
from mtlens.statistics.shown import Unit
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, VERDICTS, Theme
from mtlens_dashboard.queries.matching import MatchInfo, MatchingInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import POOLED, bounds, difference, escape, label, minus, shorten

ROW = 48  # pixels
_NAME = 0.30  # rows from the middle of a row up to its name
_LINE = 0.12  # rows from there down to its interval
_TOP = -0.55  # upper end of the first row
_STEPS = [float(f"{digit}e{power}") for power in range(-6, 8) for digit in (1, 2, 5)]
_LONGEST = 22  # characters of a task's name
_AXIS = "{}, {} minus task-specific<br>thick: 90 % interval; thin: 95 %; dots: seeds"
_SEEDS = 0.32  # rows from there down to its seeds
_MOST_DOTS = 40  # of a row; more seeds than that are ticks
_TICK = 0.05  # rows, half of its length


def forest(matching: MatchingInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """One row per task and, set apart, the mean: 95 % whisker, thick 90 %, dots for seeds, the margin shaded."""
    if not matching.rows:
        return empty(theme, titles.NO_VERDICT, "It appears once both kinds of models have finished the same seeds.")
    sheet = Sheet()
    rows, unit = matching.drawn, matching.unit
    places = _row_places(matching)
    low, high = span(matching)
    bottom = places[-1] + 0.55
    limit = unit.scale * matching.margin
    shade_margin(sheet, limit, (_TOP, bottom), theme)
    draw_intervals(sheet, rows, places, unit, theme, clip=(low, high))
    for match, place in zip(rows, places, strict=True):
        _head_row(sheet, match, place, unit, theme)
    difference_axis(sheet, high, _AXIS.format(unit.name, label_of(matching.kind)), theme)
    sheet.y_axis(range=[bottom, _TOP], visible=False)
    sheet.note(f"margin ±{unit.margin(matching.margin)}", limit, 1, theme.good, yref="paper", xanchor="right", yanchor="bottom")
    height = int(ROW * (bottom - _TOP)) + 90
    return framed(
        sheet,
        theme=theme,
        title=titles.comparison(matching),
        warning=titles.still_improving(matching),
        alt=_alt(matching),
        height=height,
        top=20,
        bottom=70,
    )


def _head_row(sheet: Sheet, match: MatchInfo, place: float, unit: Unit, theme: Theme) -> None:
    """Over a row: whose it is and what the verdict is."""
    mark = VERDICTS[match.verdict]
    verdict = f'<span style="color:{theme.of(mark)}">{mark.symbol} {match.verdict} {difference(match.difference, unit)}</span>'
    sheet.head(f"<b>{label(match.task, _LONGEST)}</b>   {verdict}", place - _NAME, theme.ink)


def _row_places(matching: MatchingInfo) -> list[float]:
    """Vertical place of each row; a space sets the mean apart."""
    places = [float(number) for number in range(len(matching.rows))]
    return [*places[:-1], places[-1] + 0.4] if matching.pooled else places


def span(matching: MatchingInfo) -> tuple[float, float]:
    """Range of differences, as they are shown, that holds the margin and nearly everything; what lies farther out is cut off.

    One hopelessly wide interval does not squeeze the others: the range ends at eight margins, or at the farthest
    difference if that lies beyond.
    """
    near = [1.35 * matching.margin, *(abs(row.difference) * 1.15 for row in matching.drawn if row.difference is not None)]
    bounds = [abs(bound) for row in matching.drawn for bound in (row.low95, row.high95) if bound is not None]
    reach = matching.unit.scale * max([*near, *(min(bound * 1.05, 8 * matching.margin) for bound in bounds)])
    return -reach, reach


def difference_ticks(reach: float, most: int = 5) -> dict[str, Any]:
    """At most `most` round ticks from -reach to reach, with signs."""
    step = next(size for size in _STEPS if 2 * int(reach / size) + 1 <= most)
    values = [number * step for number in range(-int(reach / step), int(reach / step) + 1)]
    return {"tickangle": 0, "tickvals": values, "ticktext": [minus(f"{value:+g}") for value in values]}


def difference_axis(sheet: Sheet, reach: float, text: str, theme: Theme) -> None:
    """The horizontal axis of differences, from -reach to reach."""
    ticks = {"ticks": "outside", "ticklen": 4, "tickcolor": theme.line, **difference_ticks(reach)}
    sheet.x_axis(range=[-reach, reach], title={"text": text}, showline=True, **ticks)


def reach_of(rows: Sequence[Any], margin: float, unit: Unit) -> float:
    """Range to each side for rows with `difference`, `low90` and `high90`, as it is shown; what is far wider than the margin is
    cut off.
    """
    bounds = [abs(bound) for row in rows for bound in (row.low90, row.high90) if bound is not None]
    means = [abs(row.difference) * 1.15 for row in rows if row.difference is not None]
    return unit.scale * max([1.35 * margin, *means, *(min(1.05 * bound, 4 * margin) for bound in bounds)])


def draw_interval(sheet: Sheet, row: Any, place: float, reach: float, unit: Unit, theme: Theme, told: str, right: str) -> None:
    """A difference with its 90 % interval in the colour of its verdict, and a word to the right of the plot."""
    colour = theme.of(VERDICTS[row.verdict or "inconclusive"])
    if row.low90 is not None and row.high90 is not None:
        ends = max(unit.scale * row.low90, -reach), min(unit.scale * row.high90, reach)
        sheet.segments([(ends, (place, place))], {"color": colour, "width": 4})
    if row.difference is not None:
        sheet.points([unit.scale * row.difference], [place], [escape(told)], {"size": 9, "color": colour})
    sheet.note(right, 1, place, theme.muted, xref="paper", xanchor="left", yanchor="middle", xshift=6)


def shade_margin(sheet: Sheet, limit: float, rows: tuple[float, float], theme: Theme) -> None:
    """The range of differences that count as a match, and the line of no difference. limit: the margin as it is shown."""
    sheet.area((-limit, limit), rows, theme.good, opacity=0.11)
    sheet.line((0, 0), rows, theme.line)


def draw_intervals(
    sheet: Sheet,
    rows: Sequence[MatchInfo],
    places: Sequence[float],
    unit: Unit,
    theme: Theme,
    clip: tuple[float, float],
    *,
    seeds: bool = True,
    size: int = 12,
) -> None:
    """Whiskers, dots per seed, and the verdict's symbol, of `size` pixels, at the difference. clip: ends of the axis."""
    for verdict, mark in VERDICTS.items():
        chosen = [(row, place) for row, place in zip(rows, places, strict=True) if row.verdict == verdict]
        for width, low, high in ((size / 8, "low95", "high95"), (size / 2.2, "low90", "high90")):
            ends = [(getattr(row, low), getattr(row, high), place + _LINE) for row, place in chosen]
            shown = [
                ((max(unit.scale * first, clip[0]), min(unit.scale * last, clip[1])), (at, at))
                for first, last, at in ends
                if first is not None and last is not None
            ]
            sheet.segments(shown, {"color": theme.of(mark), "width": width})
        known = [(row, place) for row, place in chosen if row.difference is not None]
        if known:
            _draw_differences(sheet, known, unit, theme, verdict, size)
    if seeds:
        _draw_seeds(sheet, rows, places, unit, theme)


def _draw_differences(
    sheet: Sheet, rows: Sequence[tuple[MatchInfo, float]], unit: Unit, theme: Theme, verdict: str, size: int
) -> None:
    sheet.points(
        [unit.scale * (row.difference or 0.0) for row, _ in rows],
        [place + _LINE for _, place in rows],
        [_hover(row, unit) for row, _ in rows],
        theme.markers([VERDICTS[verdict]] * len(rows), size),
        name=verdict,
    )


def _draw_seeds(sheet: Sheet, rows: Sequence[MatchInfo], places: Sequence[float], unit: Unit, theme: Theme) -> None:
    if max(len(row.seeds) for row in rows) > _MOST_DOTS:
        _draw_ticks(sheet, rows, places, unit, theme)
        return
    dots = [
        (unit.scale * own, place + _SEEDS, f"{label(row.task)}, seed {seed}: {difference(own, unit)}")
        for row, place in zip(rows, places, strict=True)
        for seed, own in zip(row.seeds, row.difference_per_seed, strict=True)
        if own is not None
    ]
    xs, ys, told = ([dot[part] for dot in dots] for part in range(3))
    sheet.points(xs, ys, told, {"size": 4, "color": theme.muted, "opacity": 0.75}, name="seeds")


def _draw_ticks(sheet: Sheet, rows: Sequence[MatchInfo], places: Sequence[float], unit: Unit, theme: Theme) -> None:
    """A tick for each seed, all in one line: one element in the browser, where dots would be hundreds."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row, place in zip(rows, places, strict=True):
        bottom, top = place + _SEEDS + _TICK, place + _SEEDS - _TICK
        for difference_of_seed in sorted(unit.scale * own for own in row.difference_per_seed if own is not None):
            x += [difference_of_seed] * 3
            y += [bottom, top, bottom]
        x.append(None)
        y.append(None)
    line = {"color": theme.muted, "width": 1}
    sheet.scatter(x=x, y=y, mode="lines", name="seeds", line=line, opacity=0.75, hoverinfo="skip")


def _hover(match: MatchInfo, unit: Unit) -> str:
    lines = [
        f"<b>{label(match.task, 60)}</b>: {match.verdict}",
        f"difference {difference(match.difference, unit)}",
        f"90 % interval {bounds(match.low90, match.high90, unit)}",
        f"95 % interval {bounds(match.low95, match.high95, unit)}",
        f"{len(match.seeds)} seeds, {match.examples:,} test examples",
    ]
    return "<br>".join([*lines, *(escape(line) for line in (match.not_learnt, match.needed) if line)])


def _alt(matching: MatchingInfo) -> str:
    kind, unit = label_of(matching.kind), matching.unit
    summary = "; ".join(
        f"{shorten(match.task or POOLED)} {difference(match.difference, unit)} ({bounds(match.low90, match.high90, unit)}), "
        f"{match.verdict}"
        for match in matching.drawn
    )
    limit = unit.margin(matching.margin)
    return f"Forest plot, {kind} minus task-specific, {unit.name}, 90 % intervals, margin {limit}: {summary}."
