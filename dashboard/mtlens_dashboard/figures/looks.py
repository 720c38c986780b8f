"""How each task came to its verdict: its interval at every look, against the margin."""

import plotly.graph_objects as go

from mtlens.statistics.shown import Unit, counted
from mtlens_dashboard.figures.forest import difference_axis, draw_interval, reach_of, shade_margin
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, VERDICTS, Theme
from mtlens_dashboard.queries.looks import LookInfo, LooksInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import POOLED, bounds, difference, label, shorten

_ROW = 24  # pixels
_LONGEST = 22  # characters of a task's name
_AXIS = "difference, {}<br>90 % intervals that hold at all looks together"


def looks(info: LooksInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """A block of rows per task, a row per look: interval, difference, and on the right the seeds."""
    if not info.rows:
        return empty(theme, titles.looks(info), "Looks appear where an experiment trains seeds until its verdicts are settled.")
    sheet, place = Sheet(), 0.0
    reach = reach_of(info.rows, info.margin, info.unit)
    for scope in dict.fromkeys(row.task for row in info.rows):
        rows = [row for row in info.rows if row.task == scope]
        _head(sheet, rows[-1], place, theme)
        for row in rows:
            place += 1
            draw_interval(sheet, row, place, reach, info.unit, theme, _told(row, info.unit), counted(row.seeds, "seed"))
        place += 1.4
    shade_margin(sheet, info.unit.scale * info.margin, (-0.6, place - 0.6), theme)
    difference_axis(sheet, reach, _AXIS.format(info.unit.name), theme)
    sheet.y_axis(range=[place - 0.6, -0.6], visible=False)
    title = titles.looks(info)
    summary = "; ".join(_told(row, info.unit) for row in info.rows)
    height = int(_ROW * place) + 100
    return framed(sheet, theme=theme, title=title, alt=f"{title}. {summary}.", height=height, top=16, bottom=70, right=70)


def _head(sheet: Sheet, last: LookInfo, place: float, theme: Theme) -> None:
    mark = VERDICTS[last.verdict]
    text = f'<b>{label(last.task, _LONGEST)}</b>   <span style="color:{theme.of(mark)}">{mark.symbol} {last.verdict}</span>'
    sheet.head(text, place, theme.ink)


def _told(row: LookInfo, unit: Unit) -> str:
    name = POOLED if row.task is None else shorten(row.task)
    chance = "" if row.chance is None else f", chance of a later verdict {row.chance:.0%}"
    found = f"{difference(row.difference, unit)}, 90 % {bounds(row.low90, row.high90, unit)}"
    return f"{name} after {counted(row.seeds, 'seed')}: {row.verdict}, {found}{chance}"
