"""Colours of figures: contrast as WCAG asks for, no meaning that colour alone carries, and how they come into the browser."""

from typing import Any

import numpy as np
import pytest

from mtlens.config.run_kinds import RUN_KINDS
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.colours import legible
from mtlens_dashboard.figures.theme import AGREEMENTS, DARK, LIGHT, STATEMENTS, VERDICTS, Theme
from tests.support.fake_evidence import EXPERIMENT


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    rgb = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def contrast(colour: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((luminance(colour), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_contrast(theme: Theme) -> None:
    for role in ("ink", "muted", "good", "better", "bad", "weak", "open"):
        assert contrast(getattr(theme, role), theme.paper) >= 4.5, role
    for kind in RUN_KINDS.values():
        if not kind.control:
            assert contrast(theme.of_role(kind.name), theme.paper) >= 3, kind.name


@pytest.mark.parametrize("marks", [VERDICTS, STATEMENTS, AGREEMENTS])
def test_colour_is_never_alone(marks: dict[str, Any]) -> None:
    """Whatever shares a symbol shares its colour, so that the symbol alone says as much."""
    colours: dict[str, set[str]] = {}
    for mark in marks.values():
        colours.setdefault(mark.symbol, set()).add(mark.role)
    assert all(len(roles) == 1 for roles in colours.values())


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_numbers_on_cells_stand_out_from_them(theme: Theme) -> None:
    for scale in (theme.sequential, theme.diverging):
        for place, colour in scale:
            text = legible(place, theme, scale, (0, 1))
            assert contrast(colour, text) >= 4


def test_a_figure_on_a_page_has_the_options_of_its_template_under_its_own(full: Workspace) -> None:
    figure = figures.case(queries.case(full, EXPERIMENT), theme=DARK)
    layout, style = figures.Shown(figure).to_dict()["layout"], DARK.template().layout.to_plotly_json()
    assert not {"template", "meta"} & layout.keys()
    assert layout["font"] == style["font"]
    for axis in ("xaxis", "xaxis2", "xaxis3", "yaxis"):
        own = figure.layout[axis].to_plotly_json()
        assert {key: layout[axis][key] for key in own if key != "title"} == {key: own[key] for key in own if key != "title"}
        assert layout[axis]["tickfont"] == style["xaxis"]["tickfont"]
    assert layout["xaxis"]["title"]["text"] == figure.layout.xaxis.title.text
    assert layout["xaxis"]["title"]["standoff"] == style["xaxis"]["title"]["standoff"]
    assert figures.Shown(figure, clicks=True).to_dict()["layout"]["clickmode"] == "event+select"


def test_the_revision_of_a_figure_changes_with_its_data_and_colours(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    once, again, dark, some = (
        figures.case(one, theme=theme).layout.datarevision
        for one, theme in ((case, LIGHT), (case, LIGHT), (case, DARK), (case.only(["disc", "canal"]), LIGHT))
    )
    assert once == again
    assert len({once, dark, some}) == 3
