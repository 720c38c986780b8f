"""How fast the dashboard is on a large store: python -m experiments.benchmarks.dashboard [--only PART] [--quick]

Generates, seeded, a store of 2,002 runs, 12 tasks, 13 layers and 5 million predictions of models that were not trained. Then
measures and prints as JSON, medians in seconds (`--only` views or browser; `--quick`: a tenth of the runs, once):

- views: each query of the pages, not from the cache (a page keeps the answer until the next snapshot)
- first_visit: page Report, which is nearly empty, in a Chromium that has never seen the dashboard: what Streamlit itself takes
- told: until the title sentence of each page is painted in a new tab of that browser, on a server that knows no answer yet
- new_tab: the same, until all charts are drawn and the page is at rest
- walk: each page opened by its link in the sidebar of the page before, again of a new snapshot and until it is at rest
- bare: in between, a page of another server that holds one chart of three points, made with Streamlit and Plotly alone
- interaction: choosing one seed in the sidebar of an open page on which seeds count, until it has run and is at rest
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from mtlens.store.database import snapshots
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from mtlens_dashboard.app import USED
from tests.support import dashboard_servers, fake_evidence, fake_stores

TASKS = tuple(f"task {number:02d}" for number in range(12))
SEEDS, FEW_SEEDS = tuple(range(154)), tuple(range(15))  # 12 task-specific models and a multi-task one each: 2,002 runs, or 195
EXAMPLES = 1353  # test examples per task: 5.0 million predictions
PAGES = {
    "": "Answer",
    "single-multi": "Single vs multi",
    "cka": "CKA",
    "gradients": "Gradients",
    "groupings": "Groupings",
    "claim": "The claim",
    "examples": "Examples",
    "runs": "Runs",
    "compare": "Compare",
    "sql": "SQL",
    "report": "Report",
    "try-it": "Try it",
}
TIMES = 3
BARE = """
import plotly.graph_objects as go
import streamlit as st

st.title("bare")
st.plotly_chart(go.Figure(go.Scatter(y=[1, 3, 2])), theme=None)
"""
_AT_EASE = 3.0  # seconds after which a server has started and nobody has asked it yet
_DRAWN = "[...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => chart.querySelector('.main-svg'))"
_TELLS = """
    new MutationObserver((_, observer) => {
        if (!document.querySelector('h1')) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.told = performance.now() / 1000; }));
    }).observe(document, {childList: true, subtree: true});
"""
_LOOKS = """
    window.ran = false;
    const app = document.querySelector('[data-testid=stApp]');
    new MutationObserver((_, observer) => {
        if (app.dataset.testScriptState !== 'running') return;
        observer.disconnect();
        window.ran = true;
    }).observe(app, {attributes: true});
"""
_PREDICTIONS = f"""
    INSERT INTO prediction (run_id, split, task, example_id, label, predicted, probabilities)
    SELECT run_id, 'test', unnest(tasks), 'x' || number, hash(number) % 3,
        hash(number + if(hash(run_id, number) % 8 = 0, 1, 0)) % 3, [0.5, 0.3, 0.2]
    FROM run CROSS JOIN range({EXAMPLES}) AS numbers(number)
"""
_CELLS = """
    INSERT INTO cka
    SELECT 'p', 'single', a.task, seed, i, 'single', b.task, seed, j, 'mean', 'hidden', 'debiased',
        0.98 - 0.04 * abs(i - j), 0.1, 0.99, 512, NULL
    FROM task AS a JOIN task AS b ON a.task < b.task, range(5) AS seeds(seed), range(13) AS firsts(i), range(13) AS seconds(j)
"""


def build(root: Path, seeds: tuple[int, ...] = SEEDS) -> Workspace:
    """The large store, published."""
    fake_evidence.LAYERS = 13
    workspace = fake_stores.build(root, fake_evidence.Plan(tasks=TASKS, seeds=seeds))
    fake_stores.change(workspace, "DELETE FROM prediction", _PREDICTIONS, _CELLS)
    return workspace


def query_times(workspace: Workspace, times: int = TIMES) -> dict[str, float]:
    """Median time of each view; all of them share the open snapshot, as the pages do."""
    experiment = fake_evidence.EXPERIMENT
    matrix = queries.matrices(workspace, experiment)[0]
    asked: dict[str, Callable[[], Any]] = {
        **{one.__name__: lambda one=one: one(workspace) for one in (queries.snapshot, queries.experiments)},
        **{
            one.__name__: lambda one=one: one(workspace, experiment)
            for one in (
                queries.alignments, queries.case, queries.choices, queries.costs, queries.curves, queries.explanations,
                queries.groupings, queries.matching, queries.matrices, queries.stages, queries.evidence_jobs, queries.profiles,
                queries.recommendation, queries.runs, queries.scores, queries.tasks, queries.trial, queries.arms, queries.looks,
            )
        },
        "confusion": lambda: queries.confusion(workspace, experiment, TASKS[0]),
        "pair_over_stages": lambda: queries.pair_over_stages(workspace, experiment, *TASKS[:2]),
        "differing_experiments": lambda: queries.differing_experiments(workspace, (experiment, experiment)),
        "cell": lambda: queries.cell(workspace, experiment, matrix, 3, 3),
        "examples": lambda: queries.examples(workspace, experiment, TASKS[0], "multi"),
        "run_details": lambda: queries.run_details(workspace, experiment, f"{0:016x}"),
        "changes": lambda: queries.changes(workspace, experiment, experiment, "macro_f1"),
    }  # fmt: skip
    return {name: median(ask, times) for name, ask in asked.items()}


def median(work: Callable[[], object], times: int) -> float:
    """Median wall time of a few calls."""
    taken: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken), 3)


@contextmanager
def server(root: Path) -> Generator[str]:
    """A dashboard in a process of its own; its address."""
    process = dashboard_servers.start(root)
    try:
        yield dashboard_servers.url_of(process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def bare_server(root: Path) -> Generator[str]:
    """Streamlit on `BARE`; its address."""
    script = root / "bare.py"
    script.write_text(BARE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = (
        f"--server.port={port}",
        "--server.address=127.0.0.1",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
    )
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(_AT_EASE)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def in_browser(workspace: Workspace, times: int = TIMES) -> dict[str, dict[str, float]]:
    """Median over fresh servers of the first view of each page, in a tab of its own and by its link, and of an interaction."""
    taken: dict[str, dict[str, list[float]]] = {}

    def note(what: str, name: str, seconds: float) -> None:
        taken.setdefault(what, {}).setdefault(name, []).append(seconds)

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with bare_server(workspace.root) as empty, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(times):
            with server(workspace.root) as url:
                time.sleep(_AT_EASE)
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                page, _, rested = _open(context, f"{url}/report")
                page.close()
                note("first_visit", "report", rested)
                _open(context, empty)[0].close()
                for path, name in PAGES.items():
                    snapshots.publish(workspace, snapshots.new_name())  # so that no answer is known yet
                    page, told, rested = _open(context, f"{url}/{path}")
                    note("told", name, told)
                    note("new_tab", name, rested)
                    if "seeds" in USED.get(path, ()):
                        note("interaction", name, _choose(page))
                    page.close()
                    page, _, rested = _open(context, empty)
                    note("bare", "chart", rested)
                    page.close()
                page = _open(context, f"{url}/report")[0]
                for name in PAGES.values():
                    snapshots.publish(workspace, snapshots.new_name())
                    note("walk", name, _follow(page, name))
                context.close()
        browser.close()
    return {what: {name: round(statistics.median(all_), 3) for name, all_ in of.items()} for what, of in taken.items()}


def _open(context: BrowserContext, url: str) -> tuple[Page, float, float]:
    """A new tab, and how long it took until its title was painted, and until it was at rest."""
    page = context.new_page()
    page.add_init_script(_TELLS)
    started = time.perf_counter()
    page.goto(url, wait_until="commit")
    _rest(page)
    return page, page.evaluate("window.told"), time.perf_counter() - started


def _follow(page: Page, name: str) -> float:
    """Time from the click on a page's link until that page is at rest."""
    before = page.locator("h1").inner_text()
    started = time.perf_counter()
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_function("before => (document.querySelector('h1')?.innerText ?? before) !== before", arg=before)
    _rest(page)
    return time.perf_counter() - started


def _choose(page: Page) -> float:
    """Time from choosing a seed until the page is at rest again."""
    page.get_by_role("combobox", name="Seeds").click()
    option = page.get_by_role("option").nth(1)
    option.wait_for()
    _run(page, lambda: None)  # it looks for results every other second: has just done so, and will not during the measurement
    started = time.perf_counter()
    _run(page, option.click)
    return time.perf_counter() - started


def _run(page: Page, act: Callable[[], object]) -> None:
    """Act, and wait until the page has run and is at rest: the browser changes first, its server hears of it later."""
    page.evaluate(f"() => {{{_LOOKS}}}")
    act()
    page.wait_for_function("window.ran")
    _rest(page)


def _rest(page: Page) -> None:
    page.wait_for_selector("h1")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_function("!document.querySelector('[data-stale=true], [data-testid=stSkeleton]')")
    page.wait_for_function(_DRAWN)


def main() -> None:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=("views", "browser"))
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    seeds, times = (FEW_SEEDS, 1) if asked.quick else (SEEDS, TIMES)
    with tempfile.TemporaryDirectory() as folder:
        workspace = build(Path(folder) / "large", seeds)
        answer: dict[str, Any] = {"runs": 13 * len(seeds), "predictions": 24 * len(seeds) * EXAMPLES}
        answer |= {"views": query_times(workspace, times)} if asked.only != "browser" else {}
        answer |= in_browser(workspace, times) if asked.only != "views" else {}
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
