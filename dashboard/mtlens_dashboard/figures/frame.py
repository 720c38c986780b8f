"""Parts of every figure: its conclusion as title, a text alternative, height, and a zoom that survives new data."""

from typing import Any

import plotly.graph_objects as go

from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import Theme
from mtlens_dashboard.wording.formatting import wrap

_LINE = 22  # pixels
_ADVICE_WIDTH = 46  # on a phone
_TITLE_WIDTH = 92  # characters that fit beside each other at 800 pixels
_WARNING_WIDTH = 124
_ABOVE = 14  # pixels over the title
_SIDE = 16
_EMPTY_HEIGHT = 72


def framed(
    sheet: Sheet,
    *,
    theme: Theme,
    title: str,
    alt: str,
    height: int,
    top: int = 8,
    right: int = 16,
    bottom: int = 40,
    left: int = 16,
    square: float | None = None,
    warning: str = "",
) -> go.Figure:
    """The finished figure, for a page that shows the title as text above it. Height and margins in pixels.

    square: height over width of a plot whose cells are square, so that a narrow page can take back the space that is left.
    warning: what a reader should know of the results; a page shows it once, a file of its own under the title.
    """
    return sheet.figure(
        template=theme.template(),
        meta={"title": title, "alt": alt, "square": square, "warning": warning},
        height=height,
        margin={"t": top, "r": right, "b": bottom, "l": left, "autoexpand": False},
        uirevision="keep",
    )


def titled(figure: go.Figure, theme: Theme) -> go.Figure:
    """A copy for a file of its own: its title above it, in as many lines as needed, and the background of the theme."""
    text = wrap(title_of(figure), _TITLE_WIDTH)
    if warning := _meta(figure)["warning"]:
        text += f'<br><span style="font-size:13px;color:{theme.weak}">{wrap(warning, _WARNING_WIDTH)}</span>'
    room = 2 * _ABOVE + _LINE * (text.count("<br>") + 1)
    copy = go.Figure(figure)
    layout: Any = copy.layout
    top, left = layout.margin.t + room, layout.margin.l
    copy.add_annotation(  # Plotly places a title of several lines by its middle; this stays where it should
        text=text, x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="top", xshift=_SIDE - left,
        yshift=top - _ABOVE, align="left", showarrow=False, font={"size": 17, "color": theme.ink},
    )  # fmt: skip
    copy.update_layout(paper_bgcolor=theme.paper, height=layout.height + room, margin_t=top)
    return copy


class Shown(go.Figure):
    """A figure as a page gives it to the browser: its template is resolved and its title left out.

    Streamlit gives each new chart a copy of its figure at once. Plotly then draws it once more, as it takes any template and
    any `meta` for a new one; without them, and by the revision of the data, it sees that nothing has changed.

    clicks: whether clicks on its points count.
    """

    def __init__(self, figure: go.Figure, *, clicks: bool = False):
        super().__init__()
        self._spec: dict[str, Any] = figure.to_dict()
        layout: dict[str, Any] = self._spec["layout"]
        layout.pop("meta")
        style: dict[str, Any] = layout.pop("template")["layout"]
        for axis in {"xaxis", "yaxis", *(key for key in layout if key.startswith(("xaxis", "yaxis")))}:
            layout[axis] = _over(style[axis[:5]], layout.get(axis, {}))
        self._spec["layout"] = _over({key: value for key, value in style.items() if "axis" not in key}, layout)
        if clicks:  # what Streamlit would set, and draw the chart anew for
            self._spec["layout"] |= {"clickmode": "event+select", "hovermode": "closest", "dragmode": "pan"}

    def to_dict(self) -> dict[str, Any]:
        """What Streamlit sends."""
        return self._spec


def _over(style: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The options of a figure over those of its template."""
    both = {key for key in style.keys() & own.keys() if isinstance(style[key], dict) and isinstance(own[key], dict)}
    return {**style, **own, **{key: _over(style[key], own[key]) for key in both}}


def empty(theme: Theme, title: str, advice: str) -> go.Figure:
    """A figure without data: its title is what is missing, its text what adds it."""
    sheet = Sheet()
    sheet.note(
        wrap(advice, _ADVICE_WIDTH), 0, 1, theme.muted, size=14, xref="paper", yref="paper", xanchor="left", yanchor="top"
    )
    sheet.x_axis(visible=False, fixedrange=True)
    sheet.y_axis(visible=False, fixedrange=True)
    return framed(sheet, theme=theme, title=title, alt=f"{title}. {advice}", height=_EMPTY_HEIGHT)


def title_of(figure: go.Figure) -> str:
    """The title as plain text."""
    return _meta(figure)["title"]


def alt_of(figure: go.Figure) -> str:
    """Text alternative of the figure, one or two sentences of plain text."""
    return _meta(figure)["alt"]


def square_of(figure: go.Figure) -> float | None:
    """Height over width of a plot whose cells are square; None for all others."""
    return _meta(figure)["square"]


def height_of(figure: go.Figure) -> int:
    """Height in pixels."""
    layout: Any = figure.layout
    return layout.height


def _meta(figure: go.Figure) -> dict[str, Any]:
    layout: Any = figure.layout
    return layout.meta
