"""How everything looks: colours, symbols, fonts and the Plotly template, light and dark, in one place.

Verdict colours are those of Okabe and Ito, "Color Universal Design" (2008), darkened or lightened where contrast with the
background asks for it. One meaning has one colour in every figure: green supports a shared model, vermilion contradicts it,
grey is undecided. Whether the evidence agrees with the outcome has no colour. Each meaning has a symbol and a word beside
its colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import plotly.graph_objects as go

from mtlens.config.run_kinds import RUN_KINDS

FONT = "'Source Sans 3', 'Source Sans Pro', 'Source Sans', 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
_LEFT_OUT = ("select2d", "lasso2d", "toImage")
CONFIG: dict[str, Any] = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": list(_LEFT_OUT)}
"""Options of the Plotly viewer, for pages and reports. Its own image would have neither title nor background: below each chart
of the dashboard, and by `mtlens figure`, there is one that has both."""

Scale = tuple[tuple[float, str], ...]


_DASH, _CROSS = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"


class Mark(NamedTuple):
    """How one statement is shown: colour role of the theme, symbol in text, marker in a plot."""

    role: Literal["good", "better", "bad", "weak", "open", "ink"]
    symbol: str
    marker: str


VERDICTS = {
    "matches": Mark("good", "●", "circle"),
    "better": Mark("better", "▲", "triangle-up"),
    "worse": Mark("bad", "▼", "triangle-down"),
    "inconclusive": Mark("open", "○", "circle-open"),
    "not learnt": Mark("open", _CROSS, "x"),
}
STATEMENTS = {
    "similar": Mark("good", "●", "circle"),
    "different": Mark("bad", "▼", "triangle-down"),
    "aligned": Mark("good", "●", "circle"),
    "opposed": Mark("bad", "▼", "triangle-down"),
    "unrelated": Mark("weak", "◇", "diamond-open"),
    "inconclusive": Mark("open", "○", "circle-open"),
    "uninformative": Mark("open", "■", "square"),
    "undefined": Mark("open", _CROSS, "x-thin-open"),
    "not identifiable": Mark("open", _CROSS, "x-thin-open"),
    "not measured": Mark("open", _DASH, "line-ew-open"),
}
CLAIMS = {
    "supported": Mark("good", "✓", "circle"),
    "not supported": Mark("bad", "✗", "x"),
    "undecided": Mark("open", "○", "circle-open"),
}
AGREEMENTS = {
    "agrees": Mark("ink", "✓", "circle"),
    "contradicts": Mark("ink", "✗", "x"),
    "mixed": Mark("ink", "◆", "diamond"),
    "inconclusive": Mark("open", "○", "circle-open"),
    "not measured": Mark("open", _DASH, "line-ew-open"),
}


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours of one mode. Text has a contrast of at least 4.5 to the background, marks of at least 3."""

    name: Literal["light", "dark"]
    paper: str
    ink: str
    muted: str
    line: str  # axes, frames, zero lines
    faint: str  # grids and bands
    good: str
    better: str
    bad: str
    weak: str
    open: str
    colours: Mapping[str, str] = field(hash=False)  # of kinds of models, by the names that the registry of run kinds gives
    sequential: Scale  # 0 near the background, 1 far from it
    diverging: Scale  # against at the lower end, for at the upper

    def of(self, mark: Mark) -> str:
        """Colour of a statement."""
        return getattr(self, mark.role)

    def markers(self, marks: Sequence[Mark], size: int, width: float = 2) -> dict[str, Any]:
        """Plotly's options of a marker per statement; an undecided one is filled with the background, which hides lines."""
        return {
            "symbol": [mark.marker.removesuffix("-open") for mark in marks],
            "size": size,
            "color": [self.paper if mark.marker.endswith("open") else self.of(mark) for mark in marks],
            "line": {"width": width, "color": [self.of(mark) for mark in marks]},
        }

    def of_role(self, role: str) -> str:
        """Colour of a kind of model; muted where it has none of its own."""
        return self.colours.get(RUN_KINDS[role].colour, self.muted) if role in RUN_KINDS else self.muted

    def template(self) -> go.layout.Template:
        """Plotly template: white space instead of boxes, no grid unless a figure asks for it."""
        axis = {
            "showgrid": False, "zeroline": False, "showline": False, "ticks": "", "color": self.muted, "gridcolor": self.faint,
            "linecolor": self.line, "zerolinecolor": self.line, "tickfont": {"size": 12, "color": self.muted},
            "title": {"font": {"size": 12, "color": self.muted}, "standoff": 8}, "automargin": False,
        }  # fmt: skip
        return go.layout.Template(
            layout={
                "font": {"family": FONT, "size": 13, "color": self.ink}, "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)", "xaxis": axis, "yaxis": axis, "showlegend": False, "dragmode": "zoom",
                "hoverlabel": {"bgcolor": self.paper, "bordercolor": self.line, "align": "left",
                               "font": {"family": FONT, "size": 13, "color": self.ink}},
                "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": self.muted, "activecolor": self.ink},
            }
        )  # fmt: skip


def _scale(*colours: str) -> Scale:
    return tuple((number / (len(colours) - 1), colour) for number, colour in enumerate(colours))


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#11151f",  # Streamlit writes captions at 60 % of it, which is still WCAG's 4.5:1 on paper and sidebar
    muted="#5b6370",
    line="#aab0ba",
    faint="#eceef2",
    good="#00805d",
    better="#0072b2",
    bad="#c4520a",
    weak="#8f6a00",
    open="#6b7280",
    colours={"grey": "#777f8c", "purple": "#7b3fa0", "amber": "#8f6a00", "pale": "#aab0ba"},
    sequential=_scale("#f4f6f9", "#d5e3ee", "#a6c8de", "#6ea7c9", "#3a83ad", "#1a5c85", "#0b3a5b", "#041f33"),
    diverging=_scale("#8c3a05", "#c4520a", "#e08a4e", "#f0c3a1", "#f7f7f5", "#b5d3e7", "#6aa8d2", "#0072b2", "#00446e"),
)
DARK = Theme(
    name="dark",
    paper="#0e1117",
    ink="#eceef2",
    muted="#a3abb8",
    line="#5b6370",
    faint="#222833",
    good="#3cc79a",
    better="#56b4e9",
    bad="#f28c4b",
    weak="#e0b33c",
    open="#9aa2af",
    colours={"grey": "#9aa2af", "purple": "#c792ea", "amber": "#e0b33c", "pale": "#5b6370"},
    sequential=_scale("#171d27", "#183247", "#1b4b69", "#24688e", "#3f89b1", "#72acce", "#aacfe4", "#e3f2fa"),
    diverging=_scale("#ffc9a3", "#f28c4b", "#b35a1e", "#5f3416", "#1d222b", "#173f5c", "#2274a8", "#56b4e9", "#b9e0fa"),
)
