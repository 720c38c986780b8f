"""Gradients of all pairs of tasks: task x task cosine, one pair over stages and layers, and how often they conflict."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from mtlens.statistics.gradient_cosine import MIN_SEEDS
from mtlens_dashboard.figures.colours import BAR_HEIGHT, colour_scale, legible
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, STATEMENTS, Theme
from mtlens_dashboard.queries.gradients import AlignmentInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import counted, label, listing, minus, plain, shorten

_NO_GRADIENTS = "They are measured in the multi-task model while it trains."
_MOST_PAIRS = 40
_MOST_NUMBERS = 12  # tasks; with more of them a cell is too small for a number


def task_cosines(
    alignments: Sequence[AlignmentInfo],
    layer: int | None = None,
    order: Literal["fixed", "clustered"] = "fixed",
    *,
    theme: Theme = LIGHT,
) -> go.Figure:
    """Task x task cosine from -1 to 1 at one layer, or of the whole encoder; a ring marks cells whose sign is undecided."""
    chosen = [alignment for alignment in alignments if alignment.layer == layer]
    if not chosen:
        return empty(theme, titles.alignment(()), _NO_GRADIENTS)
    by_pair = {frozenset((alignment.task_a, alignment.task_b)): alignment for alignment in chosen}
    names = sorted({task for alignment in chosen for task in (alignment.task_a, alignment.task_b)})
    if order == "clustered":
        names = _by_similarity(names, by_pair)
    cells = [[by_pair.get(frozenset((a, b))) if a != b else None for b in names] for a in names]
    is_small = len(names) <= _MOST_NUMBERS
    length = 16 if is_small else 12
    longest = int(6.6 * max(len(shorten(name, length)) for name in names))
    sheet = Sheet()
    _draw_cells(sheet, cells, theme, above=longest, numbers=is_small)
    for place, name in enumerate(names):
        sheet.note(label(name, length), -0.55, place, theme.ink, xanchor="right", xshift=-4, yanchor="middle")
        turned = {"textangle": -90, "xanchor": "center", "yanchor": "bottom", "yshift": 4}
        sheet.note(label(name, length), place, -0.55, theme.ink, size=11 if is_small else 8, **turned)
    last = len(names) - 0.45
    square = {"scaleanchor": "x", "constrain": "domain", "constraintoward": "top"} if is_small else {}
    sheet.x_axis(range=[-0.55, last], visible=False, constrain="domain", constraintoward="left")
    sheet.y_axis(range=[last, -0.55], visible=False, **square)
    where = "whole encoder" if layer is None else f"layer {layer}"
    top = BAR_HEIGHT + longest
    return framed(
        sheet,
        theme=theme,
        title=_title(chosen, layer),
        height=(56 if is_small else 24) * len(names) + top + 40,
        alt=f"Heatmap of gradient cosines between {counted(len(names), 'task')}, {where}, from -1 to 1. {_extremes(chosen)}",
        top=top,
        bottom=32,
        left=28 + longest,
        square=1.0 if is_small else None,
    )


def stage_map(course: Sequence[AlignmentInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Layer x stage of one pair: how its cosine changes with depth and training."""
    chosen = [alignment for alignment in course if alignment.layer is not None]
    if not chosen:
        return empty(theme, "No stages of training have been measured for this pair", _NO_GRADIENTS)
    stages = list(dict.fromkeys(alignment.when for alignment in chosen))
    layers = sorted({alignment.layer for alignment in chosen if alignment.layer is not None})
    at = {(alignment.layer, alignment.when): alignment for alignment in chosen}
    cells = [[at.get((layer, stage)) for stage in stages] for layer in layers]
    sheet = Sheet()
    _draw_cells(sheet, cells, theme, numbers=False)
    shown = range(0, len(stages), max(1, -(-len(stages) // 8)))
    ticks = {"tickvals": list(shown), "ticktext": [stages[place].replace("epoch ", "") for place in shown]}
    sheet.x_axis(title={"text": "start, epochs, end; ring: sign open, blank: noise"}, tickangle=0, **ticks)
    sheet.y_axis(title={"text": "layer"}, tickvals=list(range(len(layers))), ticktext=[str(layer) for layer in layers])
    pair = listing([chosen[0].task_a, chosen[0].task_b])
    ends = [alignment for alignment in course if alignment.layer is None] or [alignment for alignment in cells[-1] if alignment]
    title = f"Gradients of {pair}: {_from_to(ends[0], ends[-1])}" if ends else f"Gradients of {pair}"
    height = 22 * len(layers) + BAR_HEIGHT + 56
    alt = f"Heatmap of gradient cosine by layer and stage, from -1 to 1. {title} over the course of training."
    return framed(sheet, theme=theme, title=title, alt=alt, height=height, left=64, bottom=56, top=BAR_HEIGHT)


def conflict_rates(
    alignments: Sequence[AlignmentInfo], layer: int | None = None, most: int = _MOST_PAIRS, *, theme: Theme = LIGHT
) -> go.Figure:
    """Share of microbatches on which the gradients of a pair are opposed, the highest first, `most` of them."""
    known = [alignment for alignment in alignments if alignment.layer == layer and alignment.conflict_rate is not None]
    if not known:
        return empty(theme, "No conflicts have been counted yet", _NO_GRADIENTS)
    known.sort(key=lambda alignment: -(alignment.conflict_rate or 0.0))
    shown = known[:most]
    sheet = Sheet()
    sheet.line((50, 50), (-0.7, len(shown) - 0.4), theme.line)
    for place, alignment in enumerate(shown):
        colour = theme.of(STATEMENTS.get(alignment.statement, STATEMENTS["undefined"]))
        rate = 100 * (alignment.conflict_rate or 0.0)
        sheet.line((0, rate), (place + 0.2, place + 0.2), colour, width=2)
        name = f"{label(alignment.task_a, 16)} and {label(alignment.task_b, 16)}"
        sheet.note(name, 0, place - 0.2, theme.ink, xanchor="left", yanchor="middle")
    marks = [STATEMENTS.get(alignment.statement, STATEMENTS["undefined"]) for alignment in shown]
    sheet.scatter(
        x=[100 * (alignment.conflict_rate or 0.0) for alignment in shown],
        y=[place + 0.2 for place in range(len(shown))],
        mode="markers+text",
        text=[f"{100 * (alignment.conflict_rate or 0.0):.0f} %" for alignment in shown],
        textposition="middle right",
        textfont={"size": 12, "color": theme.muted},
        customdata=[_tell(alignment) for alignment in shown],
        hovertemplate="%{customdata}<extra></extra>",
        cliponaxis=False,
        marker={"size": 10, "color": [theme.of(mark) for mark in marks], "symbol": [mark.marker for mark in marks]},
    )
    sheet.x_axis(range=[0, 108], title={"text": "microbatches in conflict, %; unrelated gradients: 50"}, tickvals=[0, 50, 100])
    sheet.y_axis(range=[len(shown) - 0.4, -0.7], visible=False)
    often = sum((alignment.conflict_rate or 0.0) > 0.5 for alignment in known)
    title = f"{often} of {counted(len(known), 'pair')} of tasks conflict in most microbatches"
    if len(known) > len(shown):
        title += f"; the {len(shown)} highest of them"
    alt = f"Dot plot of conflict rates. {title}. {listing([shown[0].task_a, shown[0].task_b])} conflict most."
    return framed(sheet, theme=theme, title=title, alt=alt, height=38 * len(shown) + 76, bottom=56)


def _draw_cells(
    sheet: Sheet, cells: Sequence[Sequence[AlignmentInfo | None]], theme: Theme, *, above: int = 0, numbers: bool
) -> None:
    """Cosines in colours, with numbers where there is room, and a ring where the interval contains 0: the sign is undecided.

    What noise hides has no colour, as its value, beyond -1 to 1, would have the strongest.
    """
    ticks = ((-1.0, minus("-1 apart")), (0.0, "0"), (1.0, "1 together"))
    sheet.heatmap(
        z=[
            [alignment.cosine if alignment is not None and alignment.is_identified else None for alignment in row]
            for row in cells
        ],
        hovertext=[["" if alignment is None else _tell(alignment) for alignment in row] for row in cells],
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
        **colour_scale(theme, theme.diverging, (-1, 1), above=above, ticks=ticks),
    )
    placed = [(x, y, alignment) for y, row in enumerate(cells) for x, alignment in enumerate(row) if alignment is not None]
    numbered = placed if numbers else []
    sheet.scatter(
        x=[x for x, _, _ in numbered],
        y=[y for _, y, _ in numbered],
        mode="text",
        hoverinfo="skip",
        text=[_number(alignment) for _, _, alignment in numbered],
        textfont={"size": 11, "color": [_on_cell(alignment, theme) for _, _, alignment in numbered]},
    )
    rings = [(x, y, alignment) for x, y, alignment in placed if alignment.crosses_zero]
    aside = 0.34 if numbers else 0.0
    sheet.scatter(
        x=[x + aside for x, _, _ in rings],
        y=[y - aside for _, y, _ in rings],
        mode="markers",
        hoverinfo="skip",
        name="sign is undecided",
        marker={
            "symbol": "circle-open",
            "size": 6,
            "line": {"width": 1.5},
            "color": [_on_cell(alignment, theme) for _, _, alignment in rings],
        },
    )


def _number(alignment: AlignmentInfo) -> str:
    """What a cell says: the cosine, or why there is none. Fewer than three identifiable seeds give no cosine."""
    if alignment.is_identified:
        return plain(alignment.cosine)
    return "few seeds" if 0 < (alignment.seeds or 0) < MIN_SEEDS else "noise"


def _on_cell(alignment: AlignmentInfo, theme: Theme) -> str:
    """Colour of what is written on a cell."""
    if alignment.cosine is None or not alignment.is_identified:
        return theme.muted
    return legible(alignment.cosine, theme, theme.diverging, (-1, 1))


def _by_similarity(names: list[str], by_pair: dict[frozenset[str], AlignmentInfo]) -> list[str]:
    """Tasks in the order of the Fiedler vector of their cosines, which puts similar tasks side by side.

    Atkins, Boman and Hendrickson 1998, "A spectral algorithm for seriation".
    """
    weights = np.zeros((len(names), len(names)))
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            alignment = by_pair.get(frozenset((a, b)))
            weights[i, j] = 1 + alignment.cosine if i != j and alignment is not None and alignment.cosine is not None else 0.0
    laplacian = np.diag(weights.sum(axis=1)) - weights
    vector = np.linalg.eigh(laplacian)[1][:, min(1, len(names) - 1)]
    return [names[place] for place in np.argsort(np.round(vector * np.sign(vector[0] or 1.0), 9), kind="stable")]


def _tell(alignment: AlignmentInfo) -> str:
    where = "whole encoder" if alignment.layer is None else f"layer {alignment.layer}"
    conflict = (
        "" if alignment.conflict_rate is None else f"<br>in conflict in {100 * alignment.conflict_rate:.0f} % of microbatches"
    )
    return (
        f"<b>{label(alignment.task_a)} and {label(alignment.task_b)}</b>: {alignment.statement}<br>"
        f"{alignment.when}, {where}<br>cosine {plain(alignment.cosine)} ({plain(alignment.low)} to {plain(alignment.high)})<br>"
        f"naive {plain(alignment.naive)}{conflict}"
    )


def _from_to(first: AlignmentInfo, last: AlignmentInfo) -> str:
    """A cosine cannot be beyond 1, but an estimate can, and means nothing then."""
    if not (first.is_identified or last.is_identified):
        return "undecided because of noise"
    if first.is_identified and last.is_identified:
        return f"cosine from {_signed(first)} to {_signed(last)}"
    known, hidden = (first, last) if first.is_identified else (last, first)
    return f"cosine {_signed(known)} {_at(known)}, hidden by noise {_at(hidden)}"


def _signed(alignment: AlignmentInfo) -> str:
    return f"{plain(alignment.cosine)}{' (sign undecided)' if alignment.crosses_zero else ''}"


def _at(alignment: AlignmentInfo) -> str:
    return f"after {alignment.when}" if alignment.stage == "epoch" else f"at the {alignment.when}"


def _title(chosen: Sequence[AlignmentInfo], layer: int | None) -> str:
    return titles.alignment(chosen) if layer is None else f"In layer {layer}, {titles.alignment_counts(chosen)}"


def _extremes(chosen: Sequence[AlignmentInfo]) -> str:
    known = [alignment for alignment in chosen if alignment.is_identified]
    if not known:
        return "No cosine is identifiable."
    most, least = (pick(known, key=lambda alignment: alignment.cosine or 0.0) for pick in (max, min))
    return (
        f"Highest {plain(most.cosine)} between {listing([most.task_a, most.task_b])}, "
        f"lowest {plain(least.cosine)} between {listing([least.task_a, least.task_b])}."
    )
