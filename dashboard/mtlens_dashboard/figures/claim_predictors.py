"""Which evidence predicts gains: rank correlation of each kind with its interval, baselines marked, and the noise ceiling."""

from typing import Any

import plotly.graph_objects as go

from mtlens_dashboard.figures.claim import GAINS_ADVICE
from mtlens_dashboard.figures.frame import empty, framed
from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import LIGHT, Theme
from mtlens_dashboard.queries.claim import SCOPES, ClaimInfo, PredictorInfo
from mtlens_dashboard.wording import claim_titles
from mtlens_dashboard.wording.formatting import escape, minus, plain, shorten, wrap

_ROW = 44  # pixels
_NAME, _UNDER = 0.34, 0.14  # rows from an interval up to its name, and from there down to what is written under it
_AXIS = "rank correlation with the gains, {}<br>line: 95 %; upright: ceiling set by noise; right: area under ROC"
_LONGEST, _REASON = 44, 50  # characters of a name beside the mark of a baseline, and of a line of a reason, on a phone


def claim_predictors(info: ClaimInfo, *, theme: Theme = LIGHT) -> go.Figure:
    """A row per kind of evidence, the best first: name, interval, ceiling, and the area under ROC on the right."""
    rows = claim_titles.ranked(info.predictors)
    if not rows:
        return empty(theme, claim_titles.NO_GAINS, GAINS_ADVICE)
    sheet = Sheet()
    for place, predictor in enumerate(rows):
        _row(sheet, predictor, place, theme)
    bottom = len(rows) - 0.4
    sheet.line((0, 0), (-0.75, bottom), theme.line)
    ticks = [-1, -0.5, 0, 0.5, 1]
    scale = {"tickvals": ticks, "ticktext": [minus(f"{tick:+g}") for tick in ticks], "ticks": "outside", "ticklen": 4}
    text = _AXIS.format(SCOPES[info.scope])
    sheet.x_axis(range=[-1.04, 1.04], title={"text": text}, showline=True, tickcolor=theme.line, **scale)
    sheet.y_axis(range=[bottom, -0.75], visible=False)
    title = claim_titles.predictors(info)
    summary = "; ".join(map(_told, rows))
    height = int(_ROW * (bottom + 0.75)) + 90
    return framed(sheet, theme=theme, title=title, alt=f"{title}. {summary}.", height=height, top=16, bottom=74, right=60)


def _row(sheet: Sheet, predictor: PredictorInfo, place: int, theme: Theme) -> None:
    """Colour tells the sign where it is settled; a baseline is hollow."""
    colour = theme.open if not claim_titles.is_settled(predictor) else theme.better if (predictor.low or 0.0) > 0 else theme.bad
    mark = f'   <span style="color:{theme.muted}">baseline</span>' if predictor.baseline else ""
    name = f"<b>{escape(shorten(predictor.label, _LONGEST))}</b>{mark}"
    over: dict[str, Any] = {"bgcolor": theme.paper, "borderpad": 0}
    sheet.head(name, place - _NAME, theme.ink, **over)
    if predictor.rank_correlation is None:
        reason = f"undefined: {predictor.reason}" if predictor.reason else "undefined"
        told, below = wrap(reason, _REASON, 2), place - _NAME + _UNDER
        sheet.head(told, below, theme.muted, size=11, yanchor="top", **over)
        return
    if predictor.low is not None and predictor.high is not None:
        sheet.segments([((predictor.low, predictor.high), (place, place))], {"color": colour, "width": 3}, name="interval")
    fill = theme.paper if predictor.baseline else colour
    dot = {"size": 9, "color": fill, "line": {"color": colour, "width": 2}}
    sheet.points([predictor.rank_correlation], [place], [_hover(predictor)], dot, name="correlation")
    if predictor.ceiling is not None:
        sheet.line((predictor.ceiling, predictor.ceiling), (place - 0.18, place + 0.18), theme.ink, width=2)
    sheet.note(plain(predictor.auc), 1, place, theme.muted, xref="paper", xanchor="left", yanchor="middle", xshift=6)


def _told(predictor: PredictorInfo) -> str:
    kind = " (baseline)" if predictor.baseline else ""
    if predictor.rank_correlation is None:
        return f"{predictor.label}{kind}: undefined"
    return f"{predictor.label}{kind}: {claim_titles.correlation(predictor)}, ceiling {claim_titles.plain(predictor.ceiling)}"


def _hover(predictor: PredictorInfo) -> str:
    area = claim_titles.with_bounds(predictor.auc, predictor.auc_low, predictor.auc_high, signs=False)
    told = (
        f"<b>{escape(predictor.label)}</b><br>rank correlation {claim_titles.correlation(predictor)}<br>"
        f"corrected for noise {claim_titles.plain(predictor.corrected)}, ceiling {claim_titles.plain(predictor.ceiling)}<br>"
        f"area under ROC {area}<br>{predictor.points} gains, {predictor.groups} groups, {predictor.experiments} experiments"
    )
    return f"{told}<br>{wrap(predictor.reason, 60)}" if predictor.reason else told
