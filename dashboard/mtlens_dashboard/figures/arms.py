"""Which single model matches: the mean difference of each arm against the margin, its verdict, and what its training costs."""

from collections.abc import Sequence

import plotly.graph_objects as go

from mtlens.statistics.shown import counted
from mtlens_dashboard.figures.forest import difference_axis, draw_interval, reach_of, shade_margin
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, VERDICTS, Theme
from mtlens_dashboard.queries.arms import ArmInfo
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import bounds, difference, duration, escape

_ROW = 44  # pixels
_NAME = 0.34  # rows from an interval up to the name of its arm
_AXIS = "{}: difference to the task-specific models, mean over tasks<br>90 % intervals; right: training time of one model"


def arms(arms: Sequence[ArmInfo], *, theme: Theme = LIGHT) -> go.Figure:
    """A row per arm: its name and verdict, the interval of its mean difference, and on the right its training time."""
    known = [arm for arm in arms if arm.difference is not None]
    if len(known) < 2:
        return empty(theme, titles.arms(known), "They appear where `multi:` names arms and their runs have finished.")
    sheet, unit = Sheet(), known[0].unit
    reach = reach_of(known, known[0].margin or 1.0, unit)
    for place, arm in enumerate(known):
        _row(sheet, arm, place, reach, theme)
    bottom = len(known) - 0.4
    shade_margin(sheet, unit.scale * (known[0].margin or 1.0), (-0.75, bottom), theme)
    difference_axis(sheet, reach, _AXIS.format(unit.name), theme)
    sheet.y_axis(range=[bottom, -0.75], visible=False)
    title = titles.arms(known)
    summary = "; ".join(map(_told, known))
    height = int(_ROW * (bottom + 0.75)) + 90
    return framed(sheet, theme=theme, title=title, alt=f"{title}. {summary}.", height=height, top=16, bottom=70, right=70)


def _row(sheet: Sheet, arm: ArmInfo, place: int, reach: float, theme: Theme) -> None:
    mark = VERDICTS[arm.verdict or "inconclusive"]
    colour = theme.of(mark)
    name = f'<b>{escape(arm.label)}</b>   <span style="color:{colour}">{mark.symbol} {arm.verdict}</span>'
    sheet.head(name, place - _NAME, theme.ink)
    draw_interval(sheet, arm, place, reach, arm.unit, theme, _told(arm), duration(arm.seconds))


def _told(arm: ArmInfo) -> str:
    found = f"{difference(arm.difference, arm.unit)}, 90 % {bounds(arm.low90, arm.high90, arm.unit)}"
    matching = f"{arm.matching} of {counted(len(arm.tasks), 'task')} match or are better"
    return f"{arm.label}: {arm.verdict}, {found}; {matching}; {duration(arm.seconds)} of training"
