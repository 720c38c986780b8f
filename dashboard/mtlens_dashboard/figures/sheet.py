"""A figure in the making: traces, shapes and notes as plain lists.

Plotly checks a whole layout whenever one note is added, which takes minutes for thirty tasks; here it checks once, at the end.
"""

from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

Options = dict[str, Any]


@dataclass(kw_only=True)
class Sheet:
    """What `mtlens_dashboard.figures.frame.framed` makes a figure of. Options are those of Plotly."""

    traces: list[Options] = field(default_factory=list[Options])
    notes: list[Options] = field(default_factory=list[Options])
    shapes: list[Options] = field(default_factory=list[Options])
    layout: Options = field(default_factory=dict[str, Any])

    def scatter(self, **options: Any) -> None:
        """Points or lines."""
        self.traces.append({"type": "scatter", **options})

    def bar(self, **options: Any) -> None:
        """Bars."""
        self.traces.append({"type": "bar", **options})

    def heatmap(self, **options: Any) -> None:
        """Cells in colours."""
        self.traces.append({"type": "heatmap", **options})

    def note(self, text: str, x: float, y: float, colour: str, *, size: int = 11, **options: Any) -> None:
        """A text at a place on the axes; `text` is escaped by whoever makes it."""
        placed = {"x": x, "y": y, "showarrow": False, "font": {"size": size, "color": colour}, "align": "left", **options}
        self.notes.append({"text": text, **placed})

    def line(
        self, across: tuple[float, float], up: tuple[float, float], colour: str, *, width: float = 1, **options: Any
    ) -> None:
        """A straight line behind the data."""
        ends = {"x0": across[0], "x1": across[1], "y0": up[0], "y1": up[1]}
        self.shapes.append({"type": "line", **ends, "line": {"color": colour, "width": width}, "layer": "below", **options})

    def area(self, across: tuple[float, float], up: tuple[float, float], colour: str, **options: Any) -> None:
        """A rectangle behind the data."""
        ends = {"x0": across[0], "x1": across[1], "y0": up[0], "y1": up[1]}
        self.shapes.append({"type": "rect", **ends, "fillcolor": colour, "line": {"width": 0}, "layer": "below", **options})

    def x_axis(self, **options: Any) -> None:
        """Options of the horizontal axis."""
        self.layout.setdefault("xaxis", {}).update(options)

    def y_axis(self, **options: Any) -> None:
        """Options of the vertical axis."""
        self.layout.setdefault("yaxis", {}).update(options)

    def figure(self, **layout: Any) -> go.Figure:
        """The figure, checked by Plotly."""
        return go.Figure(data=self.traces, layout={**self.layout, **layout, "annotations": self.notes, "shapes": self.shapes})
