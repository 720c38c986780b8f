"""Each page in a browser, wide and narrow, light and dark: nothing is too wide, missing or hard to read."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mtlens_dashboard.figures.theme import DARK, LIGHT
from tests.support.browser_pages import MARKS, barriers, settle, visit

pytestmark = MARKS

OPENED = ["single-multi?learning=true&predictions=true", "cka?matrices=true", "gradients?course=true"]  # with all sections
PAGES = ["", *OPENED, "groupings", "claim", "examples", "runs", "compare", "sql", "report", "try-it"]
DRAWN = "[...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => chart.querySelector('.main-svg'))"
INK = {"light": LIGHT.ink, "dark": DARK.ink}
INKED = "[...document.querySelectorAll('.js-plotly-plot')].every(plot => plot.layout.font?.color === ink)"
LOOKS = [(1440, "light"), (1440, "dark"), (390, "dark"), (390, "light")]  # in an order that changes one thing at a time


@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_right_and_can_be_read(browser: Browser, full: str, tmp_path: Path, name: str) -> None:
    """One page load; the open page then changes its width and its colour scheme, as a user's browser does."""
    page, complaints = visit(browser, f"{full}/{name}")
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === '{scheme}'")
        settle(page)
        page.wait_for_function(f"ink => {DRAWN} && {INKED}", arg=INK[scheme])
        page.screenshot(path=tmp_path / f"{name or 'answer'}-{width}-{scheme}.png")  # to be looked at
        assert complaints == []
        widths = page.get_by_test_id("stMain").evaluate("main => [main.scrollWidth, main.clientWidth]")
        assert widths[0] <= widths[1], f"{name} is wider than {width} pixels"
        for unwanted in ("stAppDeployButton", "stMainMenu", "stException"):
            assert page.get_by_test_id(unwanted).count() == 0
        assert barriers(page) == [], (name, width, scheme)
    page.context.close()


def test_square_cells_leave_no_empty_place_on_a_phone(browser: Browser, full: str) -> None:
    page, _ = visit(browser, f"{full}/cka?matrices=true", width=390)
    chart = page.locator(".st-key-cka-layers")
    expect(chart.locator(".scatterlayer .point").first).to_be_attached()
    page.wait_for_function("!document.querySelector('.st-key-cka-layers .js-plotly-plot')._transitioning")
    cells, whole = (chart.locator(part).first.bounding_box() for part in (".heatmaplayer", ".js-plotly-plot"))
    assert cells
    assert whole
    assert whole["y"] + whole["height"] - cells["y"] - cells["height"] < 60
