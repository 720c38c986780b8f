"""Evidence by depth, a small panel per pair of models: CKA between its floor and ceiling, and gradient cosine by layer."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

import plotly.graph_objects as go

from mtlens_dashboard.figures.boxes import Box, Strokes, columns_for, grid, name_length, rule, tick_below, tick_left
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, STATEMENTS, Mark, Theme
from mtlens_dashboard.queries.cka import ProfileInfo, SimilarityInfo
from mtlens_dashboard.queries.gradients import AlignmentInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import counted, escape, label, minus, plain

_PANEL = 116  # pixels high
_HEAD = 40  # pixels for the names over a panel
_MOST_PANELS = 36
Pair = TypeVar("Pair")
_SECOND = {"multi": "multi-task model", "pretrained": "pretrained encoder"}


def similarity_by_depth(profiles: Sequence[ProfileInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """CKA of equal layers with its 95 % interval, the band from floor to ceiling, and each layer's statement as a mark."""
    if not any(profile.layers for profile in profiles):
        return empty(theme, titles.similarity(()), "They are compared after training, layer by layer, on held-out examples.")
    sheet = Sheet()
    shown = _weakest(profiles, [1.0 if profile.weakest_effect is None else profile.weakest_effect for profile in profiles])
    depth = max(layer.layer for profile in shown for layer in profile.layers)
    boxes = _panels(len(shown), depth, (0.0, 1.0))
    band, ceiling, ribbon, line = Strokes(), Strokes(), Strokes(), Strokes()
    marked: dict[Mark, Strokes] = {}
    length = name_length(columns_for(len(boxes)))
    for box, profile in zip(boxes, shown, strict=True):
        layers = [layer.layer for layer in profile.layers]
        floors, ceilings = [layer.floor for layer in profile.layers], [layer.ceiling for layer in profile.layers]
        _head(sheet, box, (profile.task_a, profile.task_b or _SECOND[profile.kind]), length, theme)
        rule(sheet, box, 0, theme.line)
        band.ribbon(box, layers, floors, ceilings)
        ceiling.line(box, layers, ceilings)
        ribbon.ribbon(box, layers, [layer.low for layer in profile.layers], [layer.high for layer in profile.layers])
        line.line(box, layers, [layer.similarity for layer in profile.layers])
        for layer in profile.layers:
            mark = STATEMENTS.get(layer.statement, STATEMENTS["undefined"])
            marked.setdefault(mark, Strokes()).line(box, [layer.layer], [layer.similarity], [_tell_layer(profile, layer)])
    band.draw_area(sheet, theme.muted, 0.14)
    ceiling.draw(sheet, line={"color": theme.muted, "width": 1, "dash": "dot"})
    ribbon.draw_area(sheet, theme.better, 0.22)
    line.draw(sheet, line={"color": theme.better, "width": 2})
    _draw_marks(sheet, marked, theme)
    _scales(sheet, boxes, depth, {0: "0", 1: "1"}, theme)
    summary = "; ".join(
        f"{titles.pair_name(profile)}: {_words([layer.statement for layer in profile.layers])}" for profile in shown[:12]
    )
    return _finish(
        sheet,
        boxes,
        theme,
        title=titles.similarity(profiles) + _rest(len(shown), len(profiles)),
        alt=f"CKA by layer, {counted(len(profiles), 'pair')} of models. {summary}.",
        foot="layer; line: CKA with 95 % interval<br>band: floor to ceiling<br>"
        "● similar  ▼ different  ○ inconclusive  ■ uninformative",
    )


def alignment_by_depth(alignments: Sequence[AlignmentInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Debiased gradient cosine with its 95 % interval; cosine of split halves (thin) below its ceiling (dotted)."""
    pairs = [
        (key, layers)
        for key, group in groupby(alignments, key=lambda alignment: (alignment.task_a, alignment.task_b))
        if (layers := [alignment for alignment in group if alignment.layer is not None])
    ]
    if not pairs:
        return empty(theme, titles.alignment(()), "They are measured by layer in the multi-task model.")
    sheet = Sheet()
    total = len(pairs)
    pairs = _weakest(pairs, [min((alignment.cosine or 0.0 for alignment in layers), default=0.0) for _, layers in pairs])
    depth = max(alignment.layer or 0 for _, layers in pairs for alignment in layers)
    lows = [low for _, layers in pairs for alignment in layers for low in (alignment.cosine, alignment.low) if low is not None]
    bottom = -1.0 if min(lows, default=0.0) < -0.5 else -0.5
    boxes = _panels(len(pairs), depth, (bottom, 1.0))
    ceiling, half, ribbon, line = Strokes(), Strokes(), Strokes(), Strokes()
    marked: dict[Mark, Strokes] = {}
    length = name_length(columns_for(len(boxes)))
    for box, (tasks, rows) in zip(boxes, pairs, strict=True):
        layers = [alignment.layer or 0 for alignment in rows]
        _head(sheet, box, tasks, length, theme)
        rule(sheet, box, 0, theme.line)
        ceiling.line(box, layers, [alignment.ceiling for alignment in rows])
        half.line(box, layers, [alignment.split_half for alignment in rows])
        ribbon.ribbon(box, layers, [alignment.low for alignment in rows], [alignment.high for alignment in rows])
        line.line(box, layers, [alignment.cosine for alignment in rows])
        for alignment in rows:
            mark = STATEMENTS.get(alignment.statement, STATEMENTS["undefined"])
            marked.setdefault(mark, Strokes()).line(box, [alignment.layer or 0], [alignment.cosine], [_tell_cosine(alignment)])
    ceiling.draw(sheet, line={"color": theme.muted, "width": 1, "dash": "dot"})
    half.draw(sheet, line={"color": theme.line, "width": 1})
    ribbon.draw_area(sheet, theme.better, 0.22)
    line.draw(sheet, line={"color": theme.better, "width": 2})
    _draw_marks(sheet, marked, theme)
    _scales(sheet, boxes, depth, {bottom: minus(f"{bottom:g}"), 0: "0", 1: "1"}, theme)
    summary = "; ".join(
        f"{' and '.join(tasks)}: {_words([alignment.statement for alignment in layers])}" for tasks, layers in pairs[:12]
    )
    has_halves = any(alignment.split_half is not None for alignment in alignments)
    halves = "grey: split halves; dotted: their ceiling<br>" if has_halves else ""
    return _finish(
        sheet,
        boxes,
        theme,
        title=titles.alignment(alignments) + _rest(len(pairs), total),
        alt=f"Gradient cosine by layer, {counted(len(pairs), 'pair')} of tasks. {summary}.",
        foot=f"layer; line: cosine with 95 % interval<br>{halves}● aligned  ▼ opposed  ◇ unrelated  ○ inconclusive",
    )


def _weakest(pairs: Sequence[Pair], weakness: Sequence[float]) -> list[Pair]:
    """The pairs that are shown, in their order: all, or those with the smallest `weakness`."""
    order = sorted(range(len(pairs)), key=lambda place: weakness[place])
    return [pairs[place] for place in sorted(order[:_MOST_PANELS])]


def _rest(shown: int, total: int) -> str:
    return f" (the {shown} weakest are shown)" if shown < total else ""


def _panels(number: int, depth: int, y_range: tuple[float, float]) -> list[Box]:
    return grid(number, columns_for(number), x_range=(0, max(depth, 1)), y_range=y_range, gap=(0.22, _HEAD / _PANEL + 0.2))


def _head(sheet: Sheet, box: Box, names: tuple[str, str], length: int, theme: Theme) -> None:
    text = f"<b>{label(names[0], length)}</b><br>{label(names[1], length)}"
    sheet.note(text, box.across[0], box.up[1], theme.ink, xanchor="left", yanchor="bottom", yshift=4)


def _draw_marks(sheet: Sheet, marked: dict[Mark, Strokes], theme: Theme) -> None:
    for mark, strokes in marked.items():
        filled = theme.paper if mark.marker.endswith("open") else theme.of(mark)
        symbol = mark.marker.removesuffix("-open")
        line = {"color": theme.of(mark), "width": 1.5}
        strokes.draw(sheet, mode="markers", marker={"symbol": symbol, "size": 7, "color": filled, "line": line})


def _scales(sheet: Sheet, boxes: Sequence[Box], depth: int, ticks: dict[float, str], theme: Theme) -> None:
    columns = columns_for(len(boxes))
    for number, box in enumerate(boxes):
        if number % columns == 0:
            tick_left(sheet, box, ticks, theme)
        if number + columns >= len(boxes):
            tick_below(sheet, box, {0: "0", depth: str(depth)} if depth else {0: "0"}, theme)


def _finish(sheet: Sheet, boxes: Sequence[Box], theme: Theme, *, title: str, alt: str, foot: str) -> go.Figure:
    right, low = max(box.across[1] for box in boxes), min(box.up[0] for box in boxes)
    rows = len({box.up for box in boxes})
    sheet.x_axis(range=[-0.09, right + 0.03], visible=False)
    sheet.y_axis(range=[low - 0.02, 0.02], visible=False)
    sheet.note(foot, 0, 0, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-20, xshift=-20)
    height = rows * _PANEL + (rows - 1) * (_HEAD + 0.2 * _PANEL)
    return framed(sheet, theme=theme, title=title, alt=alt, height=int(height) + _HEAD + 82, top=_HEAD, bottom=82, left=36)


def _tell_layer(profile: ProfileInfo, layer: SimilarityInfo) -> str:
    reason = f"<br>{escape(layer.reason)}" if layer.reason else ""
    return (
        f"<b>{escape(titles.pair_name(profile))}</b>, layer {layer.layer}: {layer.statement}<br>"
        f"CKA {plain(layer.similarity)} "
        f"({plain(layer.low)} to {plain(layer.high)})<br>ceiling {plain(layer.ceiling)}, floor {plain(layer.floor)}, "
        f"effect {plain(layer.effect)}{reason}"
    )


def _tell_cosine(alignment: AlignmentInfo) -> str:
    reason = f"<br>{escape(alignment.reason)}" if alignment.reason else ""
    return (
        f"<b>{label(alignment.task_a)} and {label(alignment.task_b)}</b>, layer {alignment.layer}: {alignment.statement}<br>"
        f"cosine {plain(alignment.cosine)} ({plain(alignment.low)} to {plain(alignment.high)})<br>"
        f"split halves {plain(alignment.split_half)}, ceiling {plain(alignment.ceiling)}{reason}"
    )


def _words(statements: Sequence[str]) -> str:
    counts = Counter(statements)
    return ", ".join(f"{word} in {number} of {len(statements)} layers" for word, number in counts.items())
