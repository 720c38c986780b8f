"""Colour bars: flat, over the cells that they explain; and the colour of the numbers on such cells."""

from collections.abc import Sequence
from typing import Any

from mtlens_dashboard.figures.theme import Scale, Theme

BAR_HEIGHT = 44
"""Pixels that a colour bar takes above the plot, with space below it."""


def colour_scale(
    theme: Theme, scale: Scale, limits: tuple[float, float], *, above: int = 0, ticks: Sequence[tuple[float, str]] = ()
) -> dict[str, Any]:
    """Options of a heatmap; `above`: pixels between the plot and the bar."""
    shown = {"tickvals": [value for value, _ in ticks], "ticktext": [text for _, text in ticks]} if ticks else {"nticks": 5}
    bar = {
        "orientation": "h",
        "thickness": 9,
        "len": 0.4,
        "x": 0,
        "xanchor": "left",
        "xpad": 0,
        "y": 1,
        "yanchor": "bottom",
        "ypad": above + 18,
        "outlinewidth": 0,
        "tickfont": {"size": 11, "color": theme.muted},
        **shown,
    }
    return {"zmin": limits[0], "zmax": limits[1], "colorscale": list(scale), "colorbar": bar, "xgap": 1, "ygap": 1}


def legible(value: float, theme: Theme, scale: Scale, limits: tuple[float, float]) -> str:
    """Colour of a text on a cell: paper or ink, whichever has the higher contrast to it (ratio of WCAG 2.2)."""
    share = min(max((value - limits[0]) / (limits[1] - limits[0]), 0.0), 1.0) * (len(scale) - 1)
    place = min(int(share), len(scale) - 2)
    ends = zip(_rgb(scale[place][1]), _rgb(scale[place + 1][1]), strict=True)
    cell = _luminance([low + (share - place) * (high - low) for low, high in ends])
    return max((theme.paper, theme.ink), key=lambda text: _contrast(_luminance(_rgb(text)), cell))


def mixed(colour: str, other: str, share: float) -> str:
    """A colour with `share` of another one in it."""
    parts = zip(_rgb(colour), _rgb(other), strict=True)
    return "#" + "".join(f"{round(255 * ((1 - share) * part + share * into)):02x}" for part, into in parts)


def _contrast(first: float, second: float) -> float:
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


def _luminance(rgb: Sequence[float]) -> float:
    """Relative luminance, 0 black to 1 white, of a colour in sRGB."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _rgb(colour: str) -> list[float]:
    return [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
