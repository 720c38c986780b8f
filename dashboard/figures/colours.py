"""Colour bars: flat, over the cells that they explain."""

from collections.abc import Sequence
from typing import Any

from dashboard.theme import Scale, Theme

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
