"""For each task its match, beside the similarity of its representations and the alignment of its gradients with those of the
other tasks.

A task has a pair with each other task. The thick line, with its interval, is the weakest pair among those with the statement of
the task, because it decides; the others are thin. Green supports one shared model, vermilion contradicts it, grey is undecided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import plotly.graph_objects as go

from mtlens.statistics.shown import Unit
from mtlens_dashboard.figures.boxes import Box, Numbers, Strokes, rule, tick_left
from mtlens_dashboard.figures.forest import difference_ticks, draw_intervals, head_row, row_places, shade_margin, span
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import AGREEMENTS, LIGHT, STATEMENTS, Mark, Theme
from mtlens_dashboard.queries.explanations import CaseInfo, ExplanationInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import POOLED, label, plain, shorten

_ROW = 112  # pixels
_NAME = 0.43  # rows from the middle of a row up to its name
_STATEMENT = 0.24  # up to the statements of its evidence
_BOX = (0.42, -0.15)  # lower and upper end of its panels, downwards
_COLUMNS = ((0.0, 0.40), (0.475, 0.71), (0.785, 1.0))  # of the width
_HEADS = ("multi-task less<br>task-specific, {}", "CKA<br>by layer", "gradient<br>cosine")
_FEET = (
    "thick: 90 % interval<br>thin: 95 %; dots: seeds",
    "layer; band: floor<br>to ceiling",
    "layer; dotted:<br>split-half ceiling",
)
_EVIDENCE = {
    "agrees": "agrees",
    "disagrees": "disagrees",
    "mixed": "is mixed",
    "inconclusive": "is inconclusive",
    "not measured": "not measured",
}


@dataclass(frozen=True, kw_only=True)
class _Curve:
    """One pair of tasks by layer. bounds: what the values are judged by, (lower, upper) per layer."""

    name: str
    statement: str  # on the pair, from all of its layers
    strength: float  # the smallest is drawn thick
    layers: Sequence[float]
    values: Numbers
    low: Numbers
    high: Numbers
    floor: Numbers
    ceiling: Numbers


def case(case: CaseInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """One row per task and, last, all of them; forest plot, CKA by depth and gradient cosine by layer share the rows."""
    matching = case.matching
    if not matching.rows:
        return empty(theme, titles.NO_VERDICT, "It appears once both kinds of models have finished the same seeds.")
    sheet = Sheet()
    places = row_places(matching, 0.15)
    bottom = places[-1] + 0.5
    low, high = span(matching)
    unit = matching.unit
    shade_margin(sheet, unit.scale * matching.margin, (-0.5, bottom), theme)
    draw_intervals(sheet, matching.drawn, places, unit, theme, clip=(low, high))
    for match, place in zip(matching.drawn, places, strict=True):
        head_row(sheet, match, place, unit, theme, above=_NAME)
        _write_agreement(sheet, case.explanation(match.task), place, theme)
    tasks = [match.task for match in matching.rows]
    explanations = [case.explanation(task) for task in tasks]
    similarities = [_similarities(case, task) for task in tasks]
    statements = [line.cka if line else None for line in explanations]
    _panels(sheet, 2, places, similarities, statements, (0.0, 1.0), theme)
    cosines = [_cosines(case, task) for task in tasks]
    statements = [line.gradients if line else None for line in explanations]
    _panels(sheet, 3, places, cosines, statements, _cosine_range(cosines), theme)
    _axes(sheet, (low, high), (_depth(similarities), _depth(cosines)), bottom, unit, theme)
    return framed(
        sheet,
        theme=theme,
        title=titles.answer(matching, case.explanations),
        alt=_alt(case),
        height=int(_ROW * (bottom + 0.5)) + 118,
        top=44,
        bottom=74,
    )


def _write_agreement(sheet: Sheet, explanation: ExplanationInfo | None, place: float, theme: Theme) -> None:
    if explanation is not None and explanation.agreement in AGREEMENTS:
        mark = AGREEMENTS[explanation.agreement]
        text = f"{mark.symbol} evidence {_EVIDENCE[explanation.agreement]}"
        sheet.note(text, 0, place - _STATEMENT, theme.of(mark), xref="paper", xanchor="left", yanchor="middle")


def _similarities(case: CaseInfo, task: str | None) -> list[_Curve]:
    pairs = case.pairs
    return [
        _Curve(
            name=_partner(profile.task_a, profile.task_b or "", task),
            statement=pair.cka if (pair := pairs.get(frozenset((profile.task_a, profile.task_b)))) else "",
            strength=1.0 if profile.weakest_effect is None else profile.weakest_effect,
            layers=[layer.layer for layer in profile.layers],
            values=[layer.similarity for layer in profile.layers],
            low=[layer.low for layer in profile.layers],
            high=[layer.high for layer in profile.layers],
            floor=[layer.floor for layer in profile.layers],
            ceiling=[layer.ceiling for layer in profile.layers],
        )
        for profile in case.profiles
        if task is None or task in (profile.task_a, profile.task_b)
    ]


def _cosines(case: CaseInfo, task: str | None) -> list[_Curve]:
    curves: list[_Curve] = []
    pairs = case.pairs
    for (task_a, task_b), group in groupby(case.alignments, key=lambda alignment: (alignment.task_a, alignment.task_b)):
        rows = list(group)
        layers = [alignment for alignment in rows if alignment.layer is not None]
        if not layers or not (task is None or task in (task_a, task_b)):
            continue
        whole = next((alignment.cosine for alignment in rows if alignment.layer is None), None)
        curves.append(
            _Curve(
                name=_partner(task_a, task_b, task),
                statement=pair.gradients if (pair := pairs.get(frozenset((task_a, task_b)))) else "",
                strength=1.0 if whole is None else whole,
                layers=[alignment.layer or 0 for alignment in layers],
                values=[alignment.cosine for alignment in layers],
                low=[alignment.low for alignment in layers],
                high=[alignment.high for alignment in layers],
                floor=[None] * len(layers),
                ceiling=[alignment.ceiling for alignment in layers],
            )
        )
    return curves


def _partner(task_a: str, task_b: str, task: str | None) -> str:
    return f"{label(task_a)} and {label(task_b)}" if task is None else f"with {label(task_b if task == task_a else task_a)}"


def _depth(curves: Sequence[Sequence[_Curve]]) -> float:
    """Last layer; 0 where there is no curve."""
    return max((layer for of_task in curves for curve in of_task for layer in curve.layers), default=0)


def _cosine_range(curves: Sequence[Sequence[_Curve]]) -> tuple[float, float]:
    lows = [low for of_task in curves for curve in of_task for low in (*curve.values, *curve.low) if low is not None]
    return (-1.0 if min(lows, default=0.0) < -0.5 else -0.5), 1.0


def _panels(
    sheet: Sheet,
    column: int,
    places: Sequence[float],
    curves: Sequence[Sequence[_Curve]],
    statements: Sequence[str | None],
    y_range: tuple[float, float],
    theme: Theme,
) -> None:
    """One panel per row: band between floor and ceiling, thin pairs, and the weakest pair of the statement in its colour."""
    axes: dict[str, Any] = {"xref": f"x{column}", "yref": "y"}
    drawn = {"xaxis": f"x{column}", "yaxis": "y"}
    last = _depth(curves)
    band, ceilings, thin = Strokes(), Strokes(), Strokes()
    thick: dict[Mark, Strokes] = {}
    ribbons: dict[Mark, Strokes] = {}
    for place, of_task, statement in zip(places, curves, statements, strict=True):
        box = Box(across=(0, last), up=(place + _BOX[0], place + _BOX[1]), x_range=(0, last), y_range=y_range)
        shown = (statement or "") if of_task else "not measured"
        mark = STATEMENTS.get(shown, STATEMENTS["inconclusive"])
        text = f"{mark.symbol} {shown}" if shown else ""
        sheet.note(text, 0, place - _STATEMENT, theme.of(mark), xanchor="left", yanchor="middle", **axes)
        if not of_task:
            continue
        weakest, *others = sorted(of_task, key=lambda curve: (curve.statement != shown, curve.strength))
        rule(sheet, box, 0, theme.line, **axes)
        rule(sheet, box, 1, theme.faint, **axes)
        tick_left(sheet, box, {0: "0", 1: "1"}, theme, **axes)
        band.ribbon(box, weakest.layers, weakest.floor, weakest.ceiling)
        ceilings.line(box, weakest.layers, weakest.ceiling)
        for curve in others:
            thin.line(box, curve.layers, curve.values, [curve.name] * len(curve.layers))
        thick.setdefault(mark, Strokes()).line(box, weakest.layers, weakest.values, _hover(weakest))
        ribbons.setdefault(mark, Strokes()).ribbon(box, weakest.layers, weakest.low, weakest.high)
    band.draw_area(sheet, theme.muted, 0.13, **drawn)
    thin.draw(sheet, line={"color": theme.line, "width": 1}, **drawn)
    ceilings.draw(sheet, line={"color": theme.muted, "width": 1, "dash": "dot"}, **drawn)
    for mark, strokes in ribbons.items():
        strokes.draw_area(sheet, theme.of(mark), 0.2, **drawn)
    for mark, strokes in thick.items():
        strokes.draw(sheet, mode="lines+markers", line={"color": theme.of(mark), "width": 2.5}, marker={"size": 4}, **drawn)


def _hover(curve: _Curve) -> list[str]:
    columns = (curve.layers, curve.values, curve.low, curve.high, curve.ceiling, curve.floor)
    return [
        f"<b>{curve.name}</b><br>layer {layer:g}: {plain(value)} ({plain(low)} to {plain(high)})<br>ceiling {plain(ceiling)}"
        + (f", floor {plain(floor)}" if floor is not None else "")
        for layer, value, low, high, ceiling, floor in zip(*columns, strict=True)
    ]


def _axes(
    sheet: Sheet, reach: tuple[float, float], depths: tuple[float, float], bottom: float, unit: Unit, theme: Theme
) -> None:
    sheet.y_axis(range=[bottom, -0.5], visible=False, domain=[0, 1])
    ranges = (list(reach), *([-0.03 * (depth or 1), 1.03 * (depth or 1)] for depth in depths))
    for column, (domain, head, foot) in enumerate(zip(_COLUMNS, _HEADS, _FEET, strict=True)):
        sheet.note(
            head.format(unit.points),
            domain[0],
            1,
            theme.muted,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            yshift=6,
        )
        ticks = difference_ticks(reach[1]) if column == 0 else {"nticks": 4, "tickangle": 0}
        style = {
            "showline": True,
            "ticks": "outside",
            "ticklen": 4,
            "tickcolor": theme.line,
            "anchor": "y",
            "title": {"text": foot, "font_size": 11},
        }
        shown = column == 0 or depths[column - 1] > 0
        own = {"domain": list(domain), "range": ranges[column], "visible": shown, **ticks, **style}
        sheet.layout[f"xaxis{column + 1 if column else ''}"] = own


def _alt(case: CaseInfo) -> str:
    lines = [
        f"{shorten(match.task or POOLED)}: {match.verdict}"
        + (f", representations {line.cka}, gradients {line.gradients}" if (line := case.explanation(match.task)) else "")
        for match in case.matching.rows
    ]
    return f"Match beside evidence, a row per task. {'; '.join(lines)}."
