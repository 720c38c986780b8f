"""Small panels inside one pair of axes: curves and ribbons of many panels go into a few traces, so that thirty tasks are
drawn as fast as three.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import Theme

Numbers = Sequence[float | None]
Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Box:
    """A panel: where it lies on the axes of the figure, and which range of data fills it. Data outside is cut off."""

    across: Range
    up: Range  # where the lower and the upper end of the data lie
    x_range: Range
    y_range: Range

    def x(self, value: float) -> float:
        """Place of a value on the horizontal axis."""
        return _place(value, self.x_range, self.across)

    def y(self, value: float) -> float:
        """Place of a value on the vertical axis."""
        return _place(value, self.y_range, self.up)


def _place(value: float, of: Range, onto: Range) -> float:
    share = (value - of[0]) / (of[1] - of[0]) if of[1] > of[0] else 0.5
    return onto[0] + min(max(share, 0.0), 1.0) * (onto[1] - onto[0])


def grid(number: int, columns: int, *, x_range: Range, y_range: Range, gap: tuple[float, float]) -> list[Box]:
    """Boxes of size 1 x 1 row by row, the first at the upper left; gap: space between them in the same unit."""
    places = [(place % columns * (1 + gap[0]), -(place // columns) * (1 + gap[1])) for place in range(number)]
    return [Box(across=(x, x + 1), up=(y - 1, y), x_range=x_range, y_range=y_range) for x, y in places]


@dataclass(kw_only=True)
class Strokes:
    """What is drawn in one style, collected over all panels."""

    x: list[float | None] = field(default_factory=list[float | None])
    y: list[float | None] = field(default_factory=list[float | None])
    hover: list[str] = field(default_factory=list[str])

    def line(self, box: Box, xs: Sequence[float], ys: Numbers, hover: Sequence[str] = ()) -> None:
        """A curve; it breaks where a value is None. hover: escaped text per point."""
        for number, (x, y) in enumerate(zip(xs, ys, strict=True)):
            self.x.append(None if y is None else box.x(x))
            self.y.append(None if y is None else box.y(y))
            self.hover.append(hover[number] if hover else "")
        self._lift()

    def ribbon(self, box: Box, xs: Sequence[float], lows: Numbers, highs: Numbers) -> None:
        """The area between two curves; it breaks where either is None."""
        run: list[tuple[float, float, float]] = []
        for x, low, high in [*zip(xs, lows, highs, strict=True), (0.0, None, None)]:
            if low is not None and high is not None:
                run.append((x, low, high))
                continue
            if len(run) > 1:
                edge = [(x, high) for x, _, high in run] + [(x, low) for x, low, _ in reversed(run)]
                self.x += [box.x(x) for x, _ in [*edge, edge[0]]]
                self.y += [box.y(y) for _, y in [*edge, edge[0]]]
                self.hover += [""] * (len(edge) + 1)
                self._lift()
            run = []

    def draw(self, sheet: Sheet, **style: Any) -> None:
        """One trace for all of them; nothing where nothing was collected."""
        if any(x is not None for x in self.x):
            hover = {"customdata": self.hover, "hovertemplate": "%{customdata}<extra></extra>"} if any(self.hover) else {}
            common = {"hoverinfo": "skip", "mode": "lines", "cliponaxis": False}
            sheet.scatter(x=self.x, y=self.y, **{**common, **hover, **style})

    def draw_area(self, sheet: Sheet, colour: str, opacity: float, **axes: str) -> None:
        """The ribbons, filled."""
        self.draw(sheet, fill="toself", fillcolor=colour, opacity=opacity, line={"width": 0}, **axes)

    def _lift(self) -> None:
        self.x.append(None)
        self.y.append(None)
        self.hover.append("")


def tick_left(sheet: Sheet, box: Box, ticks: dict[float, str], theme: Theme, **axes: Any) -> None:
    """Labels of the vertical scale, left of a box."""
    for value, text in ticks.items():
        sheet.note(text, box.across[0], box.y(value), theme.muted, xanchor="right", xshift=-7, yanchor="middle", **axes)


def tick_below(sheet: Sheet, box: Box, ticks: dict[float, str], theme: Theme, **axes: Any) -> None:
    """Labels of the horizontal scale, below a box."""
    for value, text in ticks.items():
        sheet.note(text, box.x(value), box.up[0], theme.muted, yanchor="top", yshift=-2, **axes)


def rule(sheet: Sheet, box: Box, value: float, colour: str, **axes: Any) -> None:
    """A horizontal line across a box, behind the data."""
    sheet.line(box.across, (box.y(value), box.y(value)), colour, **axes)


def columns_for(number: int) -> int:
    """How many panels stand side by side: few enough to be read on a phone."""
    return number if number <= 2 else 2 if number == 4 else 3 if number <= 12 else 4


def name_length(columns: int) -> int:
    """Characters of a name that fit over a panel on a phone."""
    return {1: 32, 2: 20, 3: 12}.get(columns, 9)
