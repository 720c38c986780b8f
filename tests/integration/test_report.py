"""Reports and exported figures stand alone, show stored strings as text, and say where their numbers come from."""

import base64
import gzip
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.catalog import ENTRIES, find, find_experiment
from mtlens_dashboard.export.image import export
from mtlens_dashboard.export.report import exhibit, write_report
from mtlens_dashboard.figures.theme import DARK
from mtlens_dashboard.wording import claim_titles, titles
from tests.support.fake_evidence import EXPERIMENT
from tests.support.fake_stores import HOSTILE, Stores

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

SHOWN = [name for name in ENTRIES if name not in ("looks", "claim-dose")]
"""Figures of an experiment whose seeds are listed and whose texts have one degree of relatedness."""


@pytest.fixture(scope="module")
def hostile(stores: Stores) -> Workspace:
    return stores["hostile"]


@pytest.fixture(scope="module")
def page(hostile: Workspace, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(hostile, tmp_path_factory.mktemp("report") / "report.html").read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Elements, addresses and texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def bundle_of(page: str) -> tuple[dict[str, Any], str]:
    """What a browser unpacks when it opens the page: the figures with their options, and Plotly."""
    size, packed = re.search(r'<script id="bundle" type="application/gzip" data-bytes="(\d+)">([^<]*)</script>', page).groups()
    content = gzip.decompress(base64.b85decode(packed.translate(str.maketrans("/", "<")))[: int(size)]).decode()
    figures, _, plotly = content.partition("\n")
    return json.loads(figures), plotly


def figures_of(page: str) -> list[dict[str, Any]]:
    return bundle_of(page)[0]["figures"]


def test_report_loads_nothing_and_runs_nothing_that_is_stored(page: str) -> None:
    reader = read(page)
    assert all(address.startswith("#") for address in reader.addresses)
    assert reader.handlers == []
    assert reader.tags.count("script") == 2
    assert "default-src 'none'" in page
    assert bundle_of(page)[1].count("plotly.js v") == 1


def test_contents_lead_to_every_figure(page: str) -> None:
    reader = read(page)
    assert len([address for address in reader.addresses if address.startswith("#figure")]) == len(figures_of(page))
    assert all(f'id="{address[1:]}"' in page for address in reader.addresses)


def test_scores_stand_at_the_head(page: str, hostile: Workspace) -> None:
    head = page.partition("<main>")[0]
    assert head.count("<tr>") == 1 + 5
    for cell in ("task-specific", "90 % interval", "inconclusive"):
        assert cell in head


def test_stored_strings_are_shown_as_text(page: str) -> None:
    reader = read(page)
    assert "b" not in reader.tags  # of a note and of a task's name
    assert "<b>a note</b>" in reader.texts
    assert HOSTILE[0] in reader.texts  # in a table
    assert "<script" not in json.dumps([figure["light"]["data"] for figure in figures_of(page)])


def test_report_has_every_figure_with_its_table(page: str, hostile: Workspace) -> None:
    drawn = figures_of(page)
    assert len(drawn) == len(SHOWN)
    titles = {figure["light"]["layout"]["meta"]["title"] for figure in drawn}
    assert figures.title_of(exhibit(hostile, EXPERIMENT, ENTRIES["cka-depth"]).light) in titles
    reader = read(page)
    assert reader.tags.count("table") == 1 + sum(bool(ENTRIES[name].tabulate(info).rows) for name, info in infos(hostile))
    assert reader.tags.count("h1") == 1


def test_groupings_are_told_as_on_their_page(page: str, hostile: Workspace) -> None:
    told = titles.groupings(queries.groupings(hostile, EXPERIMENT), queries.recommendation(hostile, EXPERIMENT))
    assert told.startswith("Undecided: perhaps 2 models")
    assert told in read(page).texts
    drawn = figures_of(page)[SHOWN.index("groupings")]["light"]["layout"]
    assert told in drawn["meta"]["alt"]
    assert any("perhaps" in note["text"] for note in drawn["annotations"])


def test_the_claim_is_a_chapter_that_begins_with_its_verdict_where_groups_were_trained(stores: Stores, tmp_path: Path) -> None:
    workspace = stores["with_sweep"]
    texts = read(write_report(workspace, tmp_path / "sweep.html", EXPERIMENT).read_text(encoding="utf-8")).texts
    told = claim_titles.sentences(queries.claim(workspace))
    assert told[0].startswith("Supported: ")
    start = texts.index("The claim", texts.index("The claim") + 1)  # after the contents
    assert [text for text in texts[start + 1 :] if text][: len(told)] == list(told)
    assert figures.title_of(exhibit(workspace, EXPERIMENT, ENTRIES["claim-dose"]).light) in texts
    without = stores["without_evidence"]
    assert "The claim" not in read(write_report(without, tmp_path / "without.html").read_text(encoding="utf-8")).texts


def infos(workspace: Workspace) -> list[tuple[str, Any]]:
    return [(name, entry.read(workspace, EXPERIMENT)) for name, entry in ENTRIES.items()]


def test_changes_make_a_light_figure_dark(page: str, hostile: Workspace) -> None:
    both, templates = figures_of(page)[SHOWN.index("forest")], bundle_of(page)[0]["templates"]
    made = both["light"]
    for path, value in both["changes"]:
        place = made
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
    dark = ENTRIES["forest"].draw(ENTRIES["forest"].read(hostile, EXPERIMENT), theme=DARK)
    made["layout"] |= {"template": templates["dark"], "datarevision": dark.layout.datarevision}  # only pages need a revision
    assert made == json.loads(dark.to_json() or "", parse_float=lambda number: float(f"{float(number):.6g}"))


def test_report_says_where_its_numbers_come_from(page: str) -> None:
    texts = " ".join(read(page).texts)
    for fact in (
        f"spine ({EXPERIMENT})",
        "0, 1, 2",
        "2 points of macro-F1",
        "two one-sided tests",
        "mtlens",
        "UTC",
        "arXiv 2205.02979",
    ):
        assert fact in texts


def test_report_of_many_tasks_stays_small(stores: Stores, tmp_path: Path) -> None:
    assert write_report(stores["many_tasks"], tmp_path / "report.html").stat().st_size < 2_000_000


def test_report_of_an_unfinished_experiment(stores: Stores, tmp_path: Path) -> None:
    reader = read(write_report(stores["partial"], tmp_path / "report.html", "spine").read_text(encoding="utf-8"))
    assert "No verdict yet: no task has both a task-specific and a multi-task model" in reader.texts


def test_experiment_by_id_name_or_age(hostile: Workspace) -> None:
    assert find_experiment(hostile).experiment_id == EXPERIMENT
    assert find_experiment(hostile, EXPERIMENT) == find_experiment(hostile, "spine")
    with pytest.raises(WorkspaceError, match="should hold experiment 'spin'; found spine"):
        find_experiment(hostile, "spin")


def test_no_experiment_at_all(stores: Stores, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="should hold an experiment; found none"):
        write_report(stores["empty"], tmp_path / "report.html")


def test_names_of_figures() -> None:
    assert "case" in ENTRIES
    assert find("forest").name == "forest"
    with pytest.raises(WorkspaceError, match=r"one of case, claim, forest, .*; found 'forrest'; did you mean 'forest'\?$"):
        find("forrest")
    with pytest.raises(WorkspaceError, match=r"; found 'xyz'$"):
        find("xyz")


def test_format_by_suffix(hostile: Workspace, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"figure\.gif should end in \.svg, \.png, \.html"):
        export(hostile, "forest", tmp_path / "figure.gif")


def test_one_figure_as_html(hostile: Workspace, tmp_path: Path) -> None:
    page = export(hostile, "forest", tmp_path / "forest.html").read_text(encoding="utf-8")
    assert len(figures_of(page)) == 1
    assert read(page).tags.count("script") == 2


def test_images_need_a_browser(hostile: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-browser"))
    with pytest.raises(WorkspaceError, match=r"no SVG without a browser: install Chrome or Chromium, or write \.html"):
        export(hostile, "forest", tmp_path / "forest.svg")
    assert not (tmp_path / "forest.svg").exists()


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_images(hostile: Workspace, tmp_path: Path) -> None:
    drawing = export(hostile, "forest", tmp_path / "forest.svg").read_text(encoding="utf-8")
    assert drawing.startswith("<svg")
    assert "alert(" in drawing
    assert "<script" not in drawing
    assert export(hostile, "forest", tmp_path / "forest.png", dark=True).read_bytes().startswith(b"\x89PNG")
