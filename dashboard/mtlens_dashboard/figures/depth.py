"""Evidence by depth, a small panel per pair of models: CKA between its floor and ceiling, and gradient cosine by layer."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import plotly.graph_objects as go

from mtlens.statistics.cka_effect import MIN_SEEDS
from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.panels import MOST, Numbers, Panel, area, columns_for, foot, name_length, panels
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, STATEMENTS, Theme
from mtlens_dashboard.queries.cka import ProfileInfo, SimilarityInfo
from mtlens_dashboard.queries.gradients import AlignmentInfo
from mtlens_dashboard.wording import evidence_titles
from mtlens_dashboard.wording.formatting import escape, label, minus, plain

_PANEL, _HEAD, _FOOT, _LEFT = 116, 40, 84, 36  # pixels
_SECOND = {"multi": "multi-task model", "pretrained": "pretrained encoder"}
_FEW = "Fewer than three seeds: no curves yet"


def similarity_by_depth(profiles: Sequence[ProfileInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """CKA of equal layers with its 95 % interval, the band from floor to ceiling, and each layer's statement as a mark."""
    if not any(profile.layers for profile in profiles):
        return empty(
            theme, evidence_titles.similarity(()), "They are compared after training, layer by layer, on held-out examples."
        )
    known = [profile for profile in profiles if profile.has_seeds]
    if not known:
        return empty(theme, _FEW, "A mean of one or two seeds has no interval; the table has their values.")
    shown = known[:MOST]
    names = [(profile.task_a, profile.task_b or _SECOND[profile.kind]) for profile in shown]
    sheet, depth = Sheet(), max(layer.layer for profile in shown for layer in profile.layers)
    drawn, height = _panels(sheet, names, depth, {"range": [-0.04, 1.04], "tickvals": [0, 1]}, theme)
    for panel, profile in zip(drawn, shown, strict=True):
        layers = [layer.layer for layer in profile.layers]
        ceilings = [layer.ceiling for layer in profile.layers]
        area(sheet, panel, layers, [layer.floor for layer in profile.layers], ceilings, theme.muted, 0.14)
        _line(sheet, panel, layers, ceilings, theme.muted, dash="dot")
        bounds = [layer.low for layer in profile.layers], [layer.high for layer in profile.layers]
        _curve(sheet, panel, layers, [layer.similarity for layer in profile.layers], bounds, theme)
        hover = [_tell_layer(profile, layer) for layer in profile.layers]
        values = [layer.similarity for layer in profile.layers]
        _marks(sheet, panel, layers, values, [layer.statement for layer in profile.layers], hover, theme)
    foot(
        sheet,
        f"{_part(len(shown), len(profiles))}across: layer<br>line: CKA with 95 % interval; band: floor to ceiling<br>"
        "● similar  ▼ different  ○ inconclusive  ■ uninformative",
        theme,
        _LEFT,
    )
    summary = "; ".join(
        f"{evidence_titles.pair_name(profile)}: {_words([layer.statement for layer in profile.layers])}"
        for profile in shown[:12]
    )
    alt = f"CKA by layer, {counted(len(profiles), 'pair')} of models. {summary}."
    return _framed(sheet, height, evidence_titles.similarity(profiles), alt, theme)


def alignment_by_depth(alignments: Sequence[AlignmentInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """Debiased gradient cosine with its 95 % interval; cosine of split halves (thin) below its ceiling (dotted)."""
    pairs = [
        (tasks, layers)
        for tasks, group in groupby(alignments, key=lambda alignment: (alignment.task_a, alignment.task_b))
        if (layers := [alignment for alignment in group if alignment.layer is not None])
    ]
    if not pairs:
        return empty(theme, evidence_titles.alignment(()), "They are measured by layer in the multi-task model.")
    shown = pairs[:MOST]
    sheet, depth = Sheet(), max(alignment.layer or 0 for _, layers in shown for alignment in layers)
    bottom = -1.0 if any((alignment.low or 0.0) < -0.5 for _, layers in shown for alignment in layers) else -0.5
    scale: dict[str, Any] = {
        "range": [bottom - 0.04, 1.04],
        "tickvals": [bottom, 0, 1],
        "ticktext": [minus(f"{bottom:g}"), "0", "1"],
    }
    drawn, height = _panels(sheet, [tasks for tasks, _ in shown], depth, scale, theme)
    for panel, (_, rows) in zip(drawn, shown, strict=True):
        layers = [alignment.layer or 0 for alignment in rows]
        _line(sheet, panel, layers, [alignment.ceiling for alignment in rows], theme.muted, dash="dot")
        _line(sheet, panel, layers, [alignment.split_half for alignment in rows], theme.line)
        values = [alignment.point for alignment in rows]
        known = [alignment if alignment.point is not None else None for alignment in rows]
        lows = [None if row is None else row.low for row in known]
        highs = [None if row is None else row.high for row in known]
        _curve(sheet, panel, layers, values, (lows, highs), theme)
        hover = [_tell_cosine(alignment) for alignment in rows]
        _marks(sheet, panel, layers, values, [alignment.statement for alignment in rows], hover, theme)
        if all(value is None for value in values):
            few = all(0 < (alignment.seeds or 0) < MIN_SEEDS for alignment in rows)
            hidden: dict[str, Any] = {"align": "center", "yanchor": "top", "bgcolor": theme.paper, **panel.of_shape}
            sheet.note(
                "too few seeds<br>for cosines" if few else "noise hides<br>the cosines", depth / 2, 1, theme.muted, **hidden
            )
    halves = any(alignment.split_half is not None for alignment in alignments)
    more = "grey: split halves; dotted: their ceiling<br>" if halves else ""
    part = _part(len(shown), len(pairs))
    text = f"{part}across: layer; line: cosine with 95 % interval<br>{more}● aligned  ▼ opposed  ◇ unrelated  ○ inconclusive"
    foot(sheet, text, theme, _LEFT)
    summary = "; ".join(f"{' and '.join(tasks)}: {_words([row.statement for row in rows])}" for tasks, rows in shown[:12])
    alt = f"Gradient cosine by layer, {counted(len(pairs), 'pair')} of tasks. {summary}."
    return _framed(sheet, height, evidence_titles.alignment(alignments), alt, theme)


def _panels(
    sheet: Sheet, names: Sequence[tuple[str, str]], depth: int, scale: dict[str, Any], theme: Theme
) -> tuple[list[Panel], int]:
    length = name_length(columns_for(len(names)))
    texts = [f"<b>{label(first, length)}</b><br>{label(second, length)}" for first, second in names]
    layers = {"range": [-0.04 * max(depth, 1), 1.04 * max(depth, 1)], "tickvals": [0, depth] if depth else [0]}
    zero = {"zeroline": True, "zerolinewidth": 1}
    return panels(sheet, texts, theme, height=_PANEL, head=_HEAD, x=layers, y={**scale, **zero})


def _line(sheet: Sheet, panel: Panel, xs: Sequence[int], ys: Numbers, colour: str, dash: str = "solid") -> None:
    if any(y is not None for y in ys):
        line = {"color": colour, "width": 1, "dash": dash}
        sheet.scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", **panel.of_trace)


def _curve(sheet: Sheet, panel: Panel, xs: Sequence[int], ys: Numbers, bounds: tuple[Numbers, Numbers], theme: Theme) -> None:
    """The estimate and its interval, in a colour without a meaning: the marks on it have one."""
    area(sheet, panel, xs, *bounds, theme.ink, 0.13)
    sheet.scatter(
        x=xs, y=ys, mode="lines", line={"color": theme.muted, "width": 1.5}, hoverinfo="skip", name="estimate", **panel.of_trace
    )


def _marks(
    sheet: Sheet, panel: Panel, xs: Sequence[int], ys: Numbers, statements: Sequence[str], hover: Sequence[str], theme: Theme
) -> None:
    """The statement of each layer; an undecided one is hollow."""
    marks = [STATEMENTS.get(statement, STATEMENTS["undefined"]) for statement in statements]
    sheet.points(xs, ys, hover, theme.markers(marks, 7, 1.5), name="statements", **panel.of_trace)


def _framed(sheet: Sheet, height: int, title: str, alt: str, theme: Theme) -> go.Figure:
    return framed(sheet, theme=theme, title=title, alt=alt, height=height + _HEAD + _FOOT, top=_HEAD, bottom=_FOOT, left=_LEFT)


def _tell_layer(profile: ProfileInfo, layer: SimilarityInfo) -> str:
    reason = f"<br>{escape(layer.reason)}" if layer.reason else ""
    return (
        f"<b>{escape(evidence_titles.pair_name(profile))}</b>, layer {layer.layer}: {layer.statement}<br>"
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


def _part(shown: int, total: int) -> str:
    return f"{shown} of {total} pairs; " if shown < total else ""


def _words(statements: Sequence[str]) -> str:
    counts = Counter(statements)
    return ", ".join(f"{word} in {number} of {len(statements)} layers" for word, number in counts.items())
