"""Groupings of tasks: which tasks share a model, and how good that is."""

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase

import plotly.graph_objects as go

from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.groupings import GroupingInfo, RecommendationInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import counted, escape, label, listing, points, shorten

_NONE = "No groupings have been searched yet"
ADVICE = "A search proposes which tasks to train together."
_ROW = 30  # pixels
_MOST_ROWS = 30
# Paul Tol, "Colour Schemes" (2021), light scheme: dark text stands on all of them.
_GROUPS = ("#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00", "#dddddd")
_ON_GROUP = "#1c2230"


def partitions(
    groupings: Sequence[GroupingInfo], recommended: RecommendationInfo | None = None, *, theme: Theme = LIGHT
) -> go.Figure:
    """Rows are groupings, the best first; tasks with one letter and colour share a model; dots are scores, not from 0 up.

    A task that several models of a grouping serve has a letter for each of them. Groups whose recommendation is undecided are
    marked too.
    """
    if not groupings:
        return empty(theme, _NONE, ADVICE)
    distinct = _distinct(groupings)
    shown = sorted(distinct, key=_goodness)[:_MOST_ROWS]
    tasks = sorted({task for grouping in groupings for group in grouping.groups for task in group})
    sheet = Sheet()
    _draw_groups(sheet, shown, tasks)
    for column, task in enumerate(tasks):
        sheet.note(label(task, 12), column + 0.5, -0.6, theme.ink, textangle=-40, xanchor="left", yanchor="bottom")
    perhaps = recommended.groups if recommended and recommended.verdict == "inconclusive" else ()
    _scores(sheet, shown, _same(perhaps), theme)
    sheet.x_axis(range=[0, len(tasks)], visible=False, domain=[0, 0.58])
    sheet.y_axis(range=[len(shown) - 0.4, -0.6], visible=False)
    low, high = _score_range(shown)
    sheet.layout["xaxis2"] = {"domain": [0.64, 1], "range": [low, high], "anchor": "y", "visible": False}
    title = titles.groupings(groupings, recommended)
    if len(distinct) > len(shown):
        title += f" (the best {len(shown)} of {len(distinct)})"
    best = shown[0]
    alt = f"Matrix of {counted(len(shown), 'grouping')} and {counted(len(tasks), 'task')}. Best: {_group_words(best)}. {title}."
    longest = max(len(shorten(task, 12)) for task in tasks)
    return framed(
        sheet, theme=theme, title=title, alt=alt, height=_ROW * len(shown) + 74 + 5 * longest, top=26 + 5 * longest, bottom=48
    )


def _draw_groups(sheet: Sheet, shown: Sequence[GroupingInfo], tasks: Sequence[str]) -> None:
    """A cell per task, shared by the groups that the task is in: two where models overlap."""
    xs: list[float] = []
    ys: list[int] = []
    letters: list[str] = []
    for row, grouping in enumerate(shown):
        numbered = list(enumerate(sorted(grouping.groups, key=lambda group: min(group, default=""))))
        for column, task in enumerate(tasks):
            own = [number for number, group in numbered if task in group]
            edges = [column + 0.04 + 0.92 * part / len(own) for part in range(len(own) + 1)] if own else []
            for number, left, right in zip(own, edges, edges[1:], strict=False):
                colour = _GROUPS[min(number, len(_GROUPS) - 1)]
                sheet.area((left, right), (row - 0.42, row + 0.42), colour)
                xs.append((left + right) / 2)
                ys.append(row)
                letters.append(ascii_uppercase[number] if number < len(ascii_uppercase) else "+")
    font = {"size": 13 if len(tasks) <= 12 else 10, "color": _ON_GROUP}
    sheet.scatter(x=xs, y=ys, mode="text", hoverinfo="skip", text=letters, textfont=font)


def _distinct(groupings: Sequence[GroupingInfo]) -> list[GroupingInfo]:
    """A row for each way to divide the tasks, with the names of all methods that would choose it."""
    methods: dict[tuple[tuple[str, ...], ...], list[GroupingInfo]] = {}
    for grouping in groupings:
        methods.setdefault(grouping.groups, []).append(grouping)
    return [
        replace(min(same, key=_goodness), method=", ".join(dict.fromkeys(grouping.method for grouping in same)))
        for same in methods.values()
    ]


def _same(groups: Sequence[Sequence[str]]) -> frozenset[frozenset[str]]:
    """Equal for groupings that divide the tasks in the same way, in any order."""
    return frozenset(map(frozenset, groups))


def _scores(sheet: Sheet, shown: Sequence[GroupingInfo], perhaps: frozenset[frozenset[str]], theme: Theme) -> None:
    _whiskers(sheet, shown, theme)
    for row, grouping in enumerate(shown):
        value = _score(grouping)
        if value is None:
            continue
        hollow = grouping.measured is None
        colour = theme.good if grouping.recommended else theme.colours["grey"]
        sheet.scatter(
            x=[100 * value],
            y=[row],
            mode="markers",
            xaxis="x2",
            yaxis="y",
            marker={
                "color": colour,
                "size": 11,
                "symbol": "circle-open" if hollow else "circle",
                "line": {"color": colour, "width": 1.5},
            },
            customdata=[tell_grouping(grouping)],
            hovertemplate="%{customdata}<extra></extra>",
        )
        chosen = " ✓" if grouping.recommended else " ○" if _same(grouping.groups) == perhaps else ""
        text = f"{points(value)}{'?' if hollow else ''}{chosen}"
        sheet.note(
            text, 100 * _end(grouping, value), row, colour, xref="x2", xanchor="left", xshift=11, yanchor="middle", size=12
        )
    head = f"score x 100, 95 % interval over seeds<br>hollow: predicted; {'○ perhaps' if perhaps else '✓ recommended'}"
    sheet.note(head, 0, 0, theme.muted, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-8)


def _whiskers(sheet: Sheet, shown: Sequence[GroupingInfo], theme: Theme) -> None:
    """Intervals of what was measured."""
    known = [(row, *_bounds(grouping)) for row, grouping in enumerate(shown) if _bounds(grouping)]
    x = [end for _, low, high in known for end in (100 * low, 100 * high, None)]
    y = [place for row, _, _ in known for place in (row, row, None)]
    line = {"color": theme.line, "width": 2}
    sheet.scatter(x=x, y=y, mode="lines", name="intervals", xaxis="x2", yaxis="y", hoverinfo="skip", line=line)


def _bounds(grouping: GroupingInfo) -> tuple[float, ...]:
    """Ends of the interval of what was measured; none where there are none."""
    ends = (grouping.measured_low, grouping.measured_high)
    return tuple(end for end in ends if end is not None) if None not in (grouping.measured, *ends) else ()


def _end(grouping: GroupingInfo, value: float) -> float:
    return max(value, *_bounds(grouping)) if _bounds(grouping) else value


def _score_range(shown: Sequence[GroupingInfo]) -> tuple[float, float]:
    values = [
        100 * end for grouping in shown if (value := _score(grouping)) is not None for end in (value, *_bounds(grouping))
    ] or [0.0, 1.0]
    room = max(values) - min(values) or 1.0
    return min(values) - 0.1 * room, max(values) + 0.5 * room


def _score(grouping: GroupingInfo) -> float | None:
    """As measured, else as predicted."""
    return grouping.measured if grouping.measured is not None else grouping.predicted


def _goodness(grouping: GroupingInfo) -> tuple[bool, float]:
    value = _score(grouping)
    return not grouping.recommended, -(value if value is not None else -1.0)


def _group_words(grouping: GroupingInfo) -> str:
    return "; ".join(listing(group) for group in grouping.groups)


def tell_grouping(grouping: GroupingInfo) -> str:
    """What pointing at a grouping shows."""
    return (
        f"<b>{escape(_group_words(grouping))}</b><br>"
        f"{escape(shorten(grouping.method))}, rank {grouping.rank}, cost {grouping.cost:g}<br>"
        f"measured {points(grouping.measured)}, predicted {points(grouping.predicted)}, regret {points(grouping.regret)}"
    )
