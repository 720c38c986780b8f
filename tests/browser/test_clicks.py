"""What people click, type and link to in a browser."""

import contextlib
import re

from playwright.sync_api import Browser, expect

from tests.support import fake_stores
from tests.support.browser_pages import MARKS, SECONDS, barriers, settle, visit

pytestmark = MARKS


def test_a_link_reopens_the_view(browser: Browser, full: str) -> None:
    page, _ = visit(browser, full)
    page.get_by_role("combobox", name="Tasks").click()
    page.get_by_role("option", name="canal").click()
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile("tasks=canal"))
    page.get_by_role("link", name="Gradients").click()
    page.wait_for_url(re.compile(r"/gradients\?"))
    settle(page)
    link = page.url
    assert f"experiment={fake_stores.EXPERIMENT}" in link
    again, _ = visit(browser, link)
    assert "tasks=canal" in again.url
    expect(again.get_by_test_id("stSidebar").get_by_text("canal")).to_be_visible()
    assert again.locator("h1").inner_text() == page.locator("h1").inner_text()


def test_the_first_page_can_be_typed_by_its_name(browser: Browser, full: str) -> None:
    page, complaints = visit(browser, f"{full}/answer?tasks=canal")
    expect(page.locator(".st-key-case .main-svg").first).to_be_visible()
    assert "tasks=canal" in page.url
    assert page.get_by_role("link", name="Answer").count() == 1
    assert page.get_by_text("Page not found").count() == 0
    assert complaints == []


def test_a_square_can_be_clicked(browser: Browser, full: str) -> None:
    page, complaints = visit(browser, f"{full}/cka?matrices=true")
    first = page.get_by_role("combobox", name="Layer of the first")
    before = first.input_value()
    chart = page.locator(".st-key-cka-layers")
    chart.scroll_into_view_if_needed()
    squares = chart.locator(".scatterlayer .point")
    expect(squares.first).to_be_attached()
    clicks = 0
    for _ in range(3):  # the second click takes the mark away, and names the square all the same
        while first.input_value() == before:
            assert clicks < 4, "a click should count, but for one at most that meets the page while it is drawn anew"
            squares.nth(squares.count() // 2 + 10).hover(force=True)
            expect(chart.locator(".hoverlayer .hovertext")).to_be_visible()  # Plotly clicks on what it finds under the pointer
            page.mouse.down()
            page.mouse.up()
            clicks += 1
            with contextlib.suppress(AssertionError):
                expect(first).not_to_have_value(before, timeout=SECONDS / 6)
            page.mouse.move(0, 0)
        settle(page)
        first.click()
        page.keyboard.type(before)
        page.keyboard.press("Enter")
        expect(first).to_have_value(before)
        settle(page)
    assert complaints == []


def test_a_row_of_the_answer_can_be_clicked(browser: Browser, full: str) -> None:
    page, complaints = visit(browser, full)
    expect(page.get_by_role("heading", name="Seed by seed")).to_have_count(0)
    row = page.locator(".st-key-case .barlayer .point").nth(1)
    row.hover(force=True)
    expect(page.locator(".st-key-case .hoverlayer .hovertext")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_role("heading", name="Seed by seed")).to_be_visible(timeout=SECONDS)
    page.wait_for_url(re.compile("row=disc"))
    settle(page)
    assert barriers(page) == []
    assert complaints == []


def test_attacks_end_in_a_sentence(browser: Browser, full: str) -> None:
    for attack, told in (
        ("FROM read_text('/etc/passwd')", "Permission Error"),
        ("DROP TABLE run", "found DROP"),
        ("SELECT '<img src=x onerror=document.title=1>' AS \"<script>\"", "1 row ·"),
    ):
        page, complaints = visit(browser, f"{full}/sql")
        page.get_by_role("textbox", name="Query").fill(attack)
        page.get_by_role("button", name="Run").click()
        expect(page.get_by_test_id("stMain").get_by_text(told)).to_be_visible(timeout=SECONDS)
        assert complaints == []
        assert page.title() != "1"
        page.context.close()
