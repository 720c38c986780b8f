"""A figure in the making: traces, shapes and notes as plain lists.

Plotly checks a whole layout whenever one note is added, which takes minutes for thirty tasks; here it checks once, at the end.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

Options = dict[str, Any]
Ends = tuple[float, float]


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

    def points(self, xs: Sequence[Any], ys: Sequence[Any], told: Sequence[Any], marker: Options, **options: Any) -> None:
        """Points, each with what pointing at it shows."""
        told_of = {"customdata": told, "hovertemplate": "%{customdata}<extra></extra>"}
        self.scatter(x=xs, y=ys, mode="markers", marker=marker, **told_of, **options)

    def segments(self, ends: Iterable[tuple[Ends, Ends]], line: Options, **options: Any) -> None:
        """Straight lines as one trace, each from one end to the other across and upwards; of none there is no trace."""
        x: list[float | None] = []
        y: list[float | None] = []
        for across, up in ends:
            x += [*across, None]
            y += [*up, None]
        if x:
            self.scatter(x=x[:-1], y=y[:-1], mode="lines", line=line, hoverinfo="skip", **options)

    def numbers(self, placed: Sequence[tuple[float, float, str, str]], size: int) -> None:
        """Texts on cells: place across and upwards, text and colour of each."""
        x, y, texts, colours = map(list, zip(*placed, strict=True)) if placed else ([], [], [], [])
        self.scatter(x=x, y=y, mode="text", hoverinfo="skip", text=texts, textfont={"size": size, "color": colours})

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

    def head(self, text: str, at: float, colour: str, *, size: int = 13, **options: Any) -> None:
        """A text at the left edge that says what the row at this height is about."""
        self.note(text, 0, at, colour, size=size, **{"xref": "paper", "xanchor": "left", "yanchor": "middle", **options})

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
        """The figure, checked by Plotly.

        datarevision: by it Plotly knows in a browser that a copy of the data holds what it has drawn.
        """
        revision = f"{zlib.crc32(repr(self.traces).encode()):08x}"
        parts = {"annotations": self.notes, "shapes": self.shapes, "datarevision": revision}
        return go.Figure(data=self.traces, layout={**self.layout, **layout, **parts})
