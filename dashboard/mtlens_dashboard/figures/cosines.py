"""Gradients of all pairs of tasks: task x task cosine, one pair over stages and layers, and how often they conflict."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from mtlens.statistics.gradient_cosine import MIN_SEEDS
from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.colours import BAR_HEIGHT, colour_scale, legible, mixed
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, STATEMENTS, Mark, Scale, Theme
from mtlens_dashboard.queries.gradients import AlignmentInfo
from mtlens_dashboard.wording import evidence_titles
from mtlens_dashboard.wording.formatting import fit, label, listing, minus, plain, shorten

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
    """Task x task cosine from -1 to 1 at one layer, or of the whole encoder; undecided cells are pale."""
    chosen = [alignment for alignment in alignments if alignment.layer == layer]
    if not chosen:
        return empty(theme, evidence_titles.alignment(()), _NO_GRADIENTS)
    by_pair = {frozenset((alignment.task_a, alignment.task_b)): alignment for alignment in chosen}
    names = list(dict.fromkeys(task for alignment in chosen for task in (alignment.task_a, alignment.task_b)))
    if order == "clustered":
        names = _side_by_side(names, by_pair)
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


def stage_map(measured: Sequence[AlignmentInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Layer x stage of one pair: how its cosine changes with depth and training."""
    chosen = [alignment for alignment in measured if alignment.layer is not None]
    if not chosen:
        return empty(theme, "No stages of training have been measured for this pair", _NO_GRADIENTS)
    if all(alignment.point is None for alignment in chosen):
        pair = listing([chosen[0].task_a, chosen[0].task_b])
        return empty(
            theme, fit(f"Gradients of {pair}: undecided because of noise"), "More microbatches or seeds may show them."
        )
    stages = list(dict.fromkeys(alignment.when for alignment in chosen))
    layers = sorted({alignment.layer for alignment in chosen if alignment.layer is not None})
    at = {(alignment.layer, alignment.when): alignment for alignment in chosen}
    cells = [[at.get((layer, stage)) for stage in stages] for layer in layers]
    sheet = Sheet()
    _draw_cells(sheet, cells, theme, numbers=False)
    shown = range(0, len(stages), max(1, -(-len(stages) // 8)))
    ticks = {"tickvals": list(shown), "ticktext": [stages[place].replace("epoch ", "") for place in shown]}
    sheet.x_axis(title={"text": "start, epochs, end; pale: undecided, blank: noise"}, tickangle=0, **ticks)
    sheet.y_axis(title={"text": "layer"}, tickvals=list(range(len(layers))), ticktext=[str(layer) for layer in layers])
    pair = listing([chosen[0].task_a, chosen[0].task_b])
    ends = [alignment for alignment in measured if alignment.layer is None] or [
        alignment for alignment in cells[-1] if alignment
    ]
    course = _from_to(ends[0], ends[-1]) if ends else "not measured as a whole"
    title = fit(f"Gradients of {pair}: {course}", f"Gradients of this pair: {course}")
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
    shown = sorted(known, key=lambda alignment: -(alignment.conflict_rate or 0.0))[:most]
    sheet = Sheet()
    sheet.line((50, 50), (-0.7, len(shown) - 0.4), theme.line)
    for place, alignment in enumerate(shown):
        colour = theme.of(_side(alignment))
        if alignment.conflict_low is not None and alignment.conflict_high is not None:
            ends = (100 * alignment.conflict_low, 100 * alignment.conflict_high)
            sheet.line(ends, (place + 0.2, place + 0.2), colour, width=2)
        name = f"{label(alignment.task_a, 16)} and {label(alignment.task_b, 16)}"
        sheet.note(name, 0, place - 0.2, theme.ink, xanchor="left", yanchor="middle")
        text = f"{100 * (alignment.conflict_rate or 0.0):.0f} %"
        sheet.note(text, 1, place - 0.2, theme.muted, xref="paper", xanchor="right", yanchor="middle", size=12)
    marks = [_side(alignment) for alignment in shown]
    sheet.points(
        [100 * (alignment.conflict_rate or 0.0) for alignment in shown],
        [place + 0.2 for place in range(len(shown))],
        list(map(_tell, shown)),
        {"size": 10, "color": [theme.of(mark) for mark in marks], "symbol": [mark.marker for mark in marks]},
        cliponaxis=False,
    )
    text = "microbatches in conflict, %, with 95 % interval<br>unrelated gradients: 50"
    sheet.x_axis(range=[0, 104], title={"text": text}, tickvals=[0, 50, 100])
    sheet.y_axis(range=[len(shown) - 0.4, -0.7], visible=False)
    title = evidence_titles.conflicts(known)
    part = f"the {len(shown)} highest of them; " if len(known) > len(shown) else ""
    most_of_all = listing([shown[0].task_a, shown[0].task_b])
    alt = f"Dot plot of conflict rates. {title}; {part}{most_of_all} conflict most."
    return framed(sheet, theme=theme, title=title, alt=alt, height=40 * len(shown) + 84, bottom=64)


def _side(alignment: AlignmentInfo) -> Mark:
    """Whether the seeds decide that gradients conflict in more, or in fewer, than half of the microbatches."""
    if (alignment.conflict_low or 0.0) > 0.5:
        return STATEMENTS["opposed"]
    settled = alignment.conflict_high is not None and alignment.conflict_high < 0.5
    return STATEMENTS["aligned" if settled else "inconclusive"]


def _draw_cells(
    sheet: Sheet, cells: Sequence[Sequence[AlignmentInfo | None]], theme: Theme, *, above: int = 0, numbers: bool
) -> None:
    """Cosines in colours, with numbers where there is room; what the seeds leave undecided is pale, what noise hides blank."""
    ticks = ((-1.0, minus("-1 apart")), (0.0, "0"), (1.0, "1 together"))
    scales = {True: theme.diverging, False: _pale(theme)}
    some = any(cell is not None and cell.is_settled for row in cells for cell in row)
    for settled, scale in scales.items():
        colours = colour_scale(theme, scale, (-1, 1), above=above, ticks=ticks)
        drawn = [
            [cell if cell and cell.point is not None and cell.is_settled == settled else None for cell in row] for row in cells
        ]
        sheet.heatmap(
            z=[[cell and cell.point for cell in row] for row in drawn],
            hovertext=[["" if cell is None else _tell(cell) for cell in row] for row in drawn],
            hovertemplate="%{hovertext}<extra></extra>",
            hoverongaps=False,
            showscale=settled == some,
            name="settled" if settled else "undecided",
            **colours,
        )
    if numbers:
        placed = [(x, y, cell) for y, row in enumerate(cells) for x, cell in enumerate(row) if cell is not None]
        sheet.numbers([(x, y, _number(cell), _on_cell(cell, theme, scales)) for x, y, cell in placed], 11)


def _pale(theme: Theme) -> Scale:
    """The diverging scale mixed with the background, for what is undecided."""
    return tuple((place, mixed(colour, theme.paper, 0.75)) for place, colour in theme.diverging)


def _number(alignment: AlignmentInfo) -> str:
    """What a cell says: the cosine, or why there is none. Fewer than three identifiable seeds give no cosine."""
    if alignment.point is not None:
        return plain(alignment.point)
    return "few seeds" if 0 < (alignment.seeds or 0) < MIN_SEEDS else "noise"


def _on_cell(alignment: AlignmentInfo, theme: Theme, scales: Mapping[bool, Scale]) -> str:
    """Colour of what is written on a cell."""
    if alignment.point is None:
        return theme.muted
    return legible(alignment.point, theme, scales[alignment.is_settled], (-1, 1))


def _side_by_side(names: list[str], by_pair: Mapping[frozenset[str], AlignmentInfo]) -> list[str]:
    """Tasks in the order of the leaves of average linkage, the most similar side by side.

    Bar-Joseph, Gifford and Jaakkola 2001, "Fast optimal leaf ordering for hierarchical clustering", as in scipy.
    """
    from scipy.cluster import hierarchy  # a tenth of a second that a page without clusters need not wait for
    from scipy.spatial.distance import squareform

    distances = np.ones((len(names), len(names))) - np.eye(len(names))
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            alignment = by_pair.get(frozenset((a, b)))
            if i != j and alignment is not None and alignment.point is not None:
                distances[i, j] = 1 - alignment.point
    if len(names) < 3:
        return names
    condensed = squareform(distances, checks=False)
    return [names[leaf] for leaf in hierarchy.leaves_list(hierarchy.linkage(condensed, "average", optimal_ordering=True))]


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
    if first.point is None and last.point is None:
        return "undecided because of noise"
    if first.point is not None and last.point is not None:
        return f"cosine from {_signed(first)} to {_signed(last)}"
    known, hidden = (first, last) if first.point is not None else (last, first)
    return f"cosine {_signed(known)} {_at(known)}, hidden by noise {_at(hidden)}"


def _signed(alignment: AlignmentInfo) -> str:
    return f"{plain(alignment.cosine)}{' (sign undecided)' if alignment.crosses_zero else ''}"


def _at(alignment: AlignmentInfo) -> str:
    return f"after {alignment.when}" if alignment.stage == "epoch" else f"at the {alignment.when}"


def _title(chosen: Sequence[AlignmentInfo], layer: int | None) -> str:
    counts = evidence_titles.alignment_counts
    return (
        evidence_titles.alignment(chosen)
        if layer is None
        else fit(f"In layer {layer}, {counts(chosen)}", counts(chosen, named=False))
    )


def _extremes(chosen: Sequence[AlignmentInfo]) -> str:
    known = [alignment for alignment in chosen if alignment.point is not None]
    if not known:
        return "No cosine is identifiable."
    most, least = (pick(known, key=lambda alignment: alignment.point or 0.0) for pick in (max, min))
    return (
        f"Highest {plain(most.cosine)} between {listing([most.task_a, most.task_b])}, "
        f"lowest {plain(least.cosine)} between {listing([least.task_a, least.task_b])}."
    )
