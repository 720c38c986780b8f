"""The dashboard in a real browser: what people see, click and link to, while results arrive."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from importlib.resources import files
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.figures.theme import DARK, LIGHT
from tests.support import dashboard_servers, fake_runs, fake_stores

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGES = ["", "single-multi", "cka", "gradients", "groupings", "examples", "runs", "compare", "sql", "report", "try-it"]
DRAWN = "[...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => chart.querySelector('.main-svg'))"
INK = {"light": LIGHT.ink, "dark": DARK.ink}
INKED = "[...document.querySelectorAll('.js-plotly-plot')].every(plot => plot.layout.template.layout.font.color === ink)"
SECONDS = 60_000
FOREST = ".st-key-forest .js-plotly-plot"
RANGE = "plot => plot._fullLayout.xaxis.range"
expect.set_options(timeout=SECONDS)  # machines that do other work too take long to load the first chart

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: nothing was looked at in a browser"),
]


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serve() -> Generator[Callable[[Workspace], str]]:
    """Starts a server on a workspace; returns its address."""
    processes: list[subprocess.Popen[str]] = []

    def serve(workspace: Workspace) -> str:
        processes.append(dashboard_servers.start(workspace.root, dashboard_servers.free_port()))
        return dashboard_servers.url_of(processes[-1])

    yield serve
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def full(serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a dashboard on a full store."""
    return serve(fake_stores.full(tmp_path_factory.mktemp("full")))


class Complaints(list[str]):
    """What a page complains of: errors in the console, requests that fail, requests to other machines."""

    def __init__(self, page: Page, url: str) -> None:
        page.on("pageerror", lambda error: self.append(f"exception: {error}"))
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("response", lambda response: self._answer(response.status, response.url))
        page.on("request", lambda request: self._ask(request.url, url))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith("Failed to load resource"):  # which ones, `response` tells
            self.append(f"console: {text}")

    def _answer(self, status: int, url: str) -> None:
        if status >= 400:
            self.append(f"{status}: {url}")

    def _ask(self, url: str, own: str) -> None:
        if not url.startswith((own, own.replace("http", "ws"), "data:", "blob:")):
            self.append(f"asked outside: {url}")


def visit(browser: Browser, url: str, *, width: int = 1440, scheme: str = "light") -> tuple[Page, Complaints]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    complaints = Complaints(page, url.split("/", 3)[0] + "//" + url.split("/", 3)[2])
    page.goto(url)
    settle(page)
    return page, complaints


def settle(page: Page) -> None:
    """Until the page is drawn and nothing runs."""
    page.wait_for_selector("h1")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_function("!document.querySelector('[data-stale=true]')")


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


def barriers(page: Page) -> list[tuple[str, str]]:
    """Serious findings of axe-core (Deque Systems), which checks against WCAG 2."""
    page.evaluate((files(axe_playwright_python) / "axe.min.js").read_text())
    found = page.evaluate("axe.run(document)")["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]


def test_square_cells_leave_no_empty_place_on_a_phone(browser: Browser, full: str) -> None:
    page, _ = visit(browser, f"{full}/cka", width=390)
    chart = page.locator(".st-key-cka-layers")
    expect(chart.locator(".scatterlayer .point").first).to_be_attached()
    page.wait_for_function("!document.querySelector('.st-key-cka-layers .js-plotly-plot')._transitioning")
    cells, whole = (chart.locator(part).first.bounding_box() for part in (".heatmaplayer", ".js-plotly-plot"))
    assert cells
    assert whole
    assert whole["y"] + whole["height"] - cells["y"] - cells["height"] < 60


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
    page, complaints = visit(browser, f"{full}/cka")
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


def test_results_arrive_while_the_page_is_open(browser: Browser, serve, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "results")
    page, complaints = visit(browser, serve(workspace))
    heading = page.locator("h1")
    expect(heading).to_have_text("No results here yet")

    fake = fake_runs.fake_experiment(seeds=(0, 1, 2))
    workspace = Workspace.open(workspace.root)
    fake_runs.save(workspace, fake)
    ingest(workspace, force=True)
    expect(heading).to_contain_text("No verdict yet")

    for run in fake.runs:
        fake_runs.finish(workspace, run)
    ingest(workspace, force=True)
    expect(heading).to_contain_text(re.compile("one model", re.IGNORECASE))

    page.get_by_role("link", name="Runs").click()
    expect(heading).to_contain_text("All 9 runs are done")
    assert complaints == []


EXPERIMENT = """\
name: live
data: {{tables: [{{path: notes.csv, text: note}}]}}
tasks:
  grade: {{classes: [mild, severe]}}
  side: {{classes: [left, right]}}
encoder: {{name: {encoder}}}
training: {{epochs: 2, batch_size: 16, precision: float32}}
evidence: {{examples: 32, microbatches: 4, microbatch_size: 4}}
margin: 0.1
seeds: [0, 1, 2]
"""


def test_a_real_experiment_is_watched_to_its_end(browser: Browser, serve, tiny_encoder: Path, tmp_path: Path) -> None:
    rows = [(("mild", "severe")[i % 2], ("left", "right")[i // 2 % 2]) for i in range(96)]
    (tmp_path / "notes.csv").write_text(
        "".join(["note,grade,side\n", *(f"the disc {i} {a} with {b},{a},{b}\n" for i, (a, b) in enumerate(rows))])
    )
    (tmp_path / "live.yaml").write_text(EXPERIMENT.format(encoder=tiny_encoder))
    url = serve(Workspace(tmp_path / "results"))
    (runs, of_runs), (answer, of_answer) = visit(browser, f"{url}/runs"), visit(browser, url)
    for page in (runs, answer):
        expect(page.locator("h1")).to_have_text("No results here yet")
    command = [sys.executable, "-c", "from mtlens.cli.main import main; main()", "run", "live.yaml", "--local"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(dashboard_servers.ROOT)}, stdout=subprocess.DEVNULL
    ) as process:
        expect(runs.locator("h1")).to_contain_text(re.compile("of 9 runs done|All 9 runs are done"), timeout=2 * SECONDS)
        expect(answer.locator("h1")).to_contain_text(re.compile("one model|no task", re.IGNORECASE), timeout=2 * SECONDS)
        assert process.wait(timeout=2 * SECONDS / 1000) == 0
    expect(runs.locator("h1")).to_have_text("All 9 runs are done")
    expect(runs.get_by_role("heading", name="Evidence")).to_be_visible(timeout=SECONDS)
    said = answer.get_by_role("heading", name=re.compile("The evidence (agrees|disagrees|is )"))
    expect(said).to_be_visible(timeout=SECONDS)
    expect(answer.locator(".st-key-case .js-plotly-plot").first).to_contain_text("grade")  # for print there may be another
    assert [*of_runs, *of_answer] == []


def test_zoom_stays_when_results_arrive(browser: Browser, serve, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "results")
    fake = fake_runs.fake_experiment(seeds=(0, 1, 2))
    fake_runs.finish_all(workspace, fake)
    ingest(workspace, force=True)
    page, _ = visit(browser, f"{serve(workspace)}/single-multi")
    plot = page.locator(FOREST)
    area = plot.locator(".nsewdrag").first
    expect(area).to_be_visible()
    whole = plot.evaluate(RANGE)
    box = area.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 60, steps=5)
    page.mouse.up()
    page.wait_for_function(f"whole => String(({RANGE})(document.querySelector('{FOREST}'))) !== String(whole)", arg=whole)
    page.wait_for_function(f"!document.querySelector('{FOREST}')._transitioning")
    zoomed = plot.evaluate(RANGE)
    before = page.get_by_text("Data as of").inner_text()

    fake_runs.finish_all(workspace, fake_runs.fake_experiment("another", seeds=(0, 1, 2), num_examples=66))
    ingest(workspace, force=True)
    expect(page.get_by_text("Data as of")).not_to_have_text(before)
    page.wait_for_timeout(3000)  # two looks for new results, after which the page has been drawn again
    settle(page)
    assert plot.evaluate(RANGE) == zoomed
