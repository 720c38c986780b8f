"""Results that arrive while a page is open."""

import os
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, expect

from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import dashboard_servers, fake_runs
from tests.support.browser_pages import MARKS, SECONDS, settle, visit

pytestmark = MARKS

FOREST = ".st-key-forest .js-plotly-plot"
RANGE = "plot => plot._fullLayout.xaxis.range"


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
    said = answer.get_by_role("heading", name=re.compile("The evidence (agrees|contradicts|is )"))
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
