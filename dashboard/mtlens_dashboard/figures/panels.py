"""Small panels of one figure: Plotly's subplots on common scales, a name over each, ticks at the left and at the bottom."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from plotly.subplots import make_subplots

from mtlens_dashboard.figures.sheet import Sheet
from mtlens_dashboard.figures.theme import Theme

MOST = 15
"""Panels of one figure; more could not be read."""
Numbers = Sequence[float | None]
_BETWEEN = 22  # pixels below a row of panels, before the names of the next one


class Panel(NamedTuple):
    """The axes of one panel by name."""

    x: str
    y: str

    @property
    def of_trace(self) -> dict[str, str]:
        """As a trace names them."""
        return {"xaxis": self.x, "yaxis": self.y}

    @property
    def of_shape(self) -> dict[str, Any]:
        """As a shape or a note names them."""
        return {"xref": self.x, "yref": self.y}


def panels(
    sheet: Sheet, names: Sequence[str], theme: Theme, *, height: int, head: int, x: dict[str, Any], y: dict[str, Any]
) -> tuple[list[Panel], int]:
    """A panel per name, row by row, and the height of all of them together.

    names: escaped, with line breaks. height and head: pixels of a panel and of the name over it. x and y: options of all axes.
    """
    columns = columns_for(len(names))
    rows = -(-len(names) // columns)
    whole = rows * height + (rows - 1) * (head + _BETWEEN)
    specs = [[{} if row * columns + column < len(names) else None for column in range(columns)] for row in range(rows)]
    grid: Any = make_subplots(
        rows,
        columns,
        specs=specs,
        horizontal_spacing=0.2 / columns if columns > 1 else 0,
        vertical_spacing=(head + _BETWEEN) / whole if rows > 1 else 0,
    ).layout
    made: list[Panel] = []
    for number, name in enumerate(names):
        key = str(number + 1) if number else ""
        across, up = grid[f"xaxis{key}"].domain, grid[f"yaxis{key}"].domain
        is_left, is_lowest = number % columns == 0, number + columns >= len(names)
        sheet.layout[f"xaxis{key}"] = {"domain": across, "anchor": f"y{key}", "showticklabels": is_lowest, **x}
        sheet.layout[f"yaxis{key}"] = {"domain": up, "anchor": f"x{key}", "showticklabels": is_left, **y}
        above: dict[str, Any] = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 4}
        sheet.note(name, across[0], up[1], theme.ink, **above)
        made.append(Panel(f"x{key}", f"y{key}"))
    return made, whole


def foot(sheet: Sheet, text: str, theme: Theme, left: int) -> None:
    """A line or more below the panels: what their scales and lines are. left: pixels of the margin."""
    below: dict[str, Any] = {
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "yshift": -20,
        "xshift": 12 - left,
    }
    sheet.note(text, 0, 0, theme.muted, **below)


def ribbon(xs: Sequence[float], lows: Numbers, highs: Numbers) -> tuple[list[float | None], list[float | None]]:
    """The outline of the area between two curves; it breaks where either is None."""
    x: list[float | None] = []
    y: list[float | None] = []
    for run in _runs(zip(xs, lows, highs, strict=True)):
        edge = [(at, high) for at, _, high in run] + [(at, low) for at, low, _ in reversed(run)]
        x += [*(at for at, _ in edge), edge[0][0], None]
        y += [*(value for _, value in edge), edge[0][1], None]
    return x, y


def area(
    sheet: Sheet, panel: Panel, xs: Sequence[float], lows: Numbers, highs: Numbers, colour: str, opacity: float = 0.2
) -> None:
    """The area between two curves."""
    x, y = ribbon(xs, lows, highs)
    style = {"mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": colour, "opacity": opacity}
    if x:
        sheet.scatter(x=x, y=y, hoverinfo="skip", **style, **panel.of_trace)


def columns_for(number: int) -> int:
    """How many panels stand side by side: few enough to be read on a phone."""
    return number if number <= 2 else 2 if number == 4 else 3


def name_length(columns: int) -> int:
    """Characters of a name that fit over a panel on a phone."""
    return {1: 32, 2: 20}.get(columns, 12)


def _runs(points: Iterable[tuple[float, float | None, float | None]]) -> list[list[tuple[float, float, float]]]:
    """Stretches of at least two points at which both values are known."""
    runs: list[list[tuple[float, float, float]]] = [[]]
    for x, low, high in points:
        if low is None or high is None:
            runs.append([])
        else:
            runs[-1].append((x, low, high))
    return [run for run in runs if len(run) > 1]
