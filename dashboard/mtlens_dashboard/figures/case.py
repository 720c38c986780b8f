"""The answer at a glance: the mean of all tasks, and a row per pair of tasks with its match beside its evidence.

Green supports one shared model, vermilion contradicts it; what the seeds leave undecided is hollow and grey. Pairs whose
evidence contradicts the measured outcome come first.
"""

from collections.abc import Sequence
from typing import Any, Literal

import plotly.graph_objects as go

from mtlens.statistics.cka_effect import MIN_SEEDS
from mtlens.statistics.shown import Unit, counted
from mtlens_dashboard.figures.forest import difference_ticks, draw_intervals, shade_margin, span
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import AGREEMENTS, LIGHT, STATEMENTS, VERDICTS, Mark, Theme
from mtlens_dashboard.queries.explanations import CaseInfo, CaseRow
from mtlens_dashboard.queries.gradients import AlignmentInfo
from mtlens_dashboard.queries.matching import MatchInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import (
    bounds,
    crossed,
    difference,
    escape,
    label,
    listing,
    plain,
    wrap,
)

_ROW, _HEAD, _FOOT = 40, 48, 64  # pixels
_MEAN = 1.4  # rows that the mean takes
_NAME = -0.33  # rows from the middle of a row to its name
_MARKS = (-0.06, 0.22)  # to the marks of its tasks
_ALONE, _SIZE = 0.12, 10  # rows down to a single mark, and its pixels
_COLUMNS = ((0.0, 0.44), (0.49, 0.71), (0.77, 1.0))  # of the width
_HEADS = ("multi-task minus<br>task-specific, {}", "CKA by layer:<br>floor to ceiling", "gradient<br>cosine")
_FEET = ("thick: 90 % interval; thin: 95 %", "layer; green: similar,<br>orange: different, white: undecided", "95 % interval")
_TWO_MARKS = "<br>upper: first task; lower: second"
_LONGEST = 15  # characters of a task's name
_EDGE = 1.1  # of the scale of cosines; intervals that go beyond it are cut off there


def case(case: CaseInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """Three columns on shared rows: forest plot, CKA effect by layer, gradient cosine. A click on a row gives its number."""
    matching, rows = case.matching, case.rows
    if not matching.rows:
        return empty(theme, titles.NO_VERDICT, "It appears once both kinds of models have finished the same seeds.")
    sheet = Sheet()
    first = _MEAN if matching.pooled else 0.0
    places = [first + number for number in range(len(rows))]
    bottom = first + len(rows) - 0.4
    reach = span(matching)[1]
    depth = max((layer.layer for row in rows if row.profile for layer in row.profile.layers), default=0)
    unit = matching.unit
    shade_margin(sheet, unit.scale * matching.margin, (-0.6, bottom), theme)
    if matching.pooled:
        _mean(sheet, matching.in_unit(matching.pooled), len(matching.learnt), reach, unit, theme)
    marks = [(matching.in_unit(match), at) for row, place in zip(rows, places, strict=True) for match, at in _tasks(row, place)]
    draw_intervals(
        sheet,
        [match for match, _ in marks],
        [at for _, at in marks],
        unit,
        theme,
        clip=(-reach, reach),
        seeds=False,
        size=_SIZE,
    )
    for row, place in zip(rows, places, strict=True):
        sheet.head(_name(row, theme), place + _NAME, theme.ink)
    evidence = bool(case.explanations)
    _cells(sheet, rows, places, theme, measured=evidence)
    seeds = max((len(match.seeds) for match in matching.rows), default=0)
    _cosines(sheet, rows, places, seeds, theme, measured=evidence)
    _targets(sheet, rows, places, reach, depth, theme)
    foot = _FEET[0] + (_TWO_MARKS if any(len(row.tasks) > 1 for row in rows) else "")
    _axes(sheet, reach, depth, bottom, unit, theme, foot, evidence=evidence)
    return framed(
        sheet,
        theme=theme,
        title=titles.answer(matching),
        warning=titles.still_improving(matching),
        alt=_alt(case),
        height=int(_ROW * (bottom + 0.6)) + _HEAD + _FOOT,
        top=_HEAD,
        bottom=_FOOT,
    )


def _mean(sheet: Sheet, pooled: MatchInfo, tasks: int, reach: float, unit: Unit, theme: Theme) -> None:
    mark = VERDICTS[pooled.verdict]
    told = f"{mark.symbol} {pooled.verdict} {difference(pooled.difference, unit)}"
    text = f'<b>mean of {tasks} tasks</b>   <span style="color:{theme.of(mark)}"><b>{told}</b></span>'
    sheet.head(text, _NAME, theme.ink, size=15)
    draw_intervals(sheet, [pooled], [_ALONE], unit, theme, clip=(-reach, reach), seeds=False, size=17)


def _tasks(row: CaseRow, place: float) -> list[tuple[MatchInfo, float]]:
    """The tasks of a row, each with the place of its mark."""
    below = _MARKS if len(row.matches) > 1 else (_ALONE,)
    return [(match, place + down) for match, down in zip(row.matches, below, strict=True)]


def _name(row: CaseRow, theme: Theme) -> str:
    name = f"<b>{crossed(row.tasks, _LONGEST if len(row.tasks) > 1 else 24)}</b>"
    if row.explanation is None or row.explanation.agreement == "not measured":
        mark, told = VERDICTS[row.matches[0].verdict], row.matches[0].verdict
    else:
        mark = AGREEMENTS[row.explanation.agreement]
        told = titles.outcome(row.explanation)
    return f'{name}   <span style="font-size:11px;color:{theme.of(mark)}">{mark.symbol} {told}</span>'


def _cells(sheet: Sheet, rows: Sequence[CaseRow], places: Sequence[float], theme: Theme, *, measured: bool) -> None:
    """A box per layer, filled up to its effect where its statement is settled. measured: whether there is evidence at all."""
    frames: tuple[list[float | None], list[float | None]] = ([], [])
    fills: dict[str, tuple[list[float | None], list[float | None]]] = {}
    for row, place in zip(rows, places, strict=True):
        if row.profile is None and measured:
            _without(sheet, "not measured", "x2", place, theme)
        for layer in row.profile.layers if row.profile else ():
            _box(frames, layer.layer, place + _ALONE, 1.0)
            colour = theme.of(STATEMENTS.get(layer.statement, STATEMENTS["undefined"]))
            if layer.statement in ("similar", "different"):
                level = 1.0 if layer.effect is None else min(max(layer.effect, 0.12), 1.0)
                _box(fills.setdefault(colour, ([], [])), layer.layer, place + _ALONE, level)
    axes = {"xaxis": "x2", "yaxis": "y", "mode": "lines", "hoverinfo": "skip"}
    for colour, (x, y) in fills.items():
        sheet.scatter(x=x, y=y, fill="toself", fillcolor=colour, line={"width": 0}, name="settled", **axes)
    sheet.scatter(x=frames[0], y=frames[1], line={"color": theme.line, "width": 1}, name="layers", **axes)


def _box(outline: tuple[list[float | None], list[float | None]], layer: int, place: float, level: float) -> None:
    left, right, foot = layer - 0.38, layer + 0.38, place + 0.24
    top = foot - 0.48 * level
    outline[0].extend([left, right, right, left, left, None])
    outline[1].extend([foot, foot, top, top, foot, None])


def _noise(identifiable: int, seeds: int) -> str:
    """Why there is no cosine, by the number of seeds in which gradients are distinguishable from noise."""
    if identifiable < seeds:
        return f"noise: {identifiable} of {counted(seeds, 'seed')}"
    return f"only {counted(seeds, 'seed')}" if seeds < MIN_SEEDS else "noise"


def _without(sheet: Sheet, why: str, axis: Literal["x2", "x3"], place: float, theme: Theme) -> None:
    """Why a row has nothing in this column, in its middle."""
    middle: dict[str, Any] = {"xref": f"{axis} domain", "xanchor": "center", "yanchor": "middle", "bgcolor": theme.paper}
    sheet.note(why, 0.5, place + _ALONE, theme.muted, **middle)


def _cosines(
    sheet: Sheet, rows: Sequence[CaseRow], places: Sequence[float], seeds: int, theme: Theme, *, measured: bool
) -> None:
    """A dot with its interval; where too few seeds have a cosine, because of noise or because few were measured, how many."""
    axes = {"xaxis": "x3", "yaxis": "y", "hoverinfo": "skip"}
    known: list[tuple[AlignmentInfo, float, Mark]] = []
    for row, place in zip(rows, places, strict=True):
        alignment = row.alignment
        if alignment is not None and alignment.point is not None:
            known.append((alignment, place + _ALONE, STATEMENTS.get(alignment.statement, STATEMENTS["undefined"])))
        elif alignment is not None:
            _without(sheet, _noise(alignment.seeds or 0, seeds), "x3", place, theme)
        elif measured:
            _without(sheet, "not measured", "x3", place, theme)
    for colour in dict.fromkeys(theme.of(mark) for _, _, mark in known):
        ends = [
            ((max(cosine.low, -_EDGE), min(cosine.high, _EDGE)), (at, at))
            for cosine, at, mark in known
            if theme.of(mark) == colour and cosine.low is not None and cosine.high is not None
        ]
        sheet.segments(ends, {"color": colour, "width": 2}, xaxis="x3", yaxis="y")
    marker = theme.markers([mark for _, _, mark in known], _SIZE)
    if known:
        sheet.scatter(
            x=[cosine.point for cosine, _, _ in known], y=[at for _, at, _ in known], mode="markers", marker=marker, **axes
        )


def _targets(sheet: Sheet, rows: Sequence[CaseRow], places: Sequence[float], reach: float, depth: int, theme: Theme) -> None:
    """An invisible bar over each row and column: it says what is there, and can be clicked."""
    spans = (("x", -reach, reach, _tell_match), ("x2", -0.5, depth + 0.5, _tell_cka), ("x3", -_EDGE, _EDGE, _tell_cosine))
    for axis, low, high, tell in spans:
        sheet.bar(
            orientation="h",
            base=[low] * len(rows),
            x=[high - low] * len(rows),
            y=[place + _ALONE for place in places],
            width=0.8,
            marker={"color": theme.ink, "opacity": 0},
            customdata=list(range(len(rows))),
            hovertext=[f"<b>{crossed(row.tasks)}</b><br>{tell(row)}" for row in rows],
            hovertemplate="%{hovertext}<extra></extra>",
            hoverlabel={"align": "left"},
            xaxis=axis,
            yaxis="y",
        )


def _tell_match(row: CaseRow) -> str:
    return "<br>".join(
        f"{label(match.task)}: {match.verdict}, {difference(match.difference, Unit(match.metric))} {Unit(match.metric).points} "
        f"(90 % interval {bounds(match.low90, match.high90, Unit(match.metric))})"
        for match in row.matches
    )


def _tell_cka(row: CaseRow) -> str:
    if row.profile is None or row.explanation is None:
        return "CKA was not measured"
    pair = "" if len(row.tasks) > 1 else f"with {label(next(iter(_others(row))))}, the weakest: "
    effects = ", ".join(f"{layer.layer}: {plain(layer.effect)}" for layer in row.profile.layers if layer.effect is not None)
    return f"{pair}{escape(row.explanation.cka)}<br>effect by layer: {effects or 'none'}"


def _others(row: CaseRow) -> list[str]:
    pair = (row.profile.task_a, row.profile.task_b or "") if row.profile else ("",)
    return [task for task in pair if task not in row.tasks] or [""]


def _tell_cosine(row: CaseRow) -> str:
    alignment = row.alignment
    if alignment is None:
        return "gradients were not measured"
    value = f"cosine {plain(alignment.cosine)} ({plain(alignment.low)} to {plain(alignment.high)})"
    reason = f"<br>{wrap(alignment.reason, 70)}" if alignment.reason and alignment.point is None else ""
    names = listing([alignment.task_a, alignment.task_b])
    return f"{escape(names)}: {alignment.statement}<br>{value}{reason}"


def _axes(
    sheet: Sheet, reach: float, depth: int, bottom: float, unit: Unit, theme: Theme, first: str, *, evidence: bool
) -> None:
    """first: what stands below the first column."""
    sheet.y_axis(range=[bottom, -0.6], visible=False, domain=[0, 1], fixedrange=True)
    cosine = {"tickvals": [-1, 0, 1], "ticktext": ["\N{MINUS SIGN}1", "0", "1"], "zeroline": True}
    scales: tuple[dict[str, Any], ...] = (
        {"range": [-reach, reach], **difference_ticks(reach)},
        {"range": [-0.6, depth + 0.6], "tickvals": [0, depth]},
        {"range": [-_EDGE, _EDGE], **cosine},
    )
    for number, (domain, head, foot, scale) in enumerate(zip(_COLUMNS, _HEADS, (first, *_FEET[1:]), scales, strict=True)):
        shown = number == 0 or evidence
        if shown:
            above: dict[str, Any] = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 6}
            sheet.note(head.format(unit.points), domain[0], 1, theme.muted, **above)
        style = {"showline": True, "ticks": "outside", "ticklen": 4, "tickcolor": theme.line, "anchor": "y"}
        title = {"text": foot, "font_size": 11}
        sheet.layout[f"xaxis{number + 1 if number else ''}"] = {
            "domain": list(domain), "visible": shown, "title": title, "tickangle": 0, "fixedrange": True, **style, **scale,
        }  # fmt: skip


def _alt(case: CaseInfo) -> str:
    lines = [
        f"{listing(row.tasks)}: {titles.outcome(row.explanation) if row.explanation else row.matches[0].verdict}"
        for row in case.rows
    ]
    pooled, unit = case.matching.pooled, case.matching.unit
    mean = f"mean {difference(pooled.difference, unit)} {unit.points}, {pooled.verdict}; " if pooled else ""
    return f"Match beside evidence, the strongest contradiction first: {mean}{'; '.join(lines)}."
