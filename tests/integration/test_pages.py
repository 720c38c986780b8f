"""Every page on every kind of store: drawn without an exception, with its conclusion, and with stored names as they are."""

import os
import shlex
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from mtlens.cli import main
from mtlens.store.database import reader
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from mtlens_dashboard.widgets import shown_workspace
from tests.support import fake_runs, fake_stores
from tests.support.pages import charts, draw, said

PAGES = ["answer", "single-multi", "cka", "gradients", "groupings", "claim", "examples", "runs", "compare", "sql", "report"]
OLDEST = [
    "comparison", "event", "example", "experiment", "experiment_run", "matching", "metric", "prediction", "quarantine", "run",
    "runs", "store_info", "task",
]  # fmt: skip
NEWER = """
    SELECT 'VIEW', view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main' AND view_name NOT IN $known
    UNION ALL
    SELECT 'TABLE', table_name FROM duckdb_tables() WHERE schema_name = 'main' AND table_name NOT IN $known
"""
STORES = ["empty", "partial", "without_evidence", "full", "hostile", "many_tasks"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", STORES)
def test_every_page_shows_every_store(stores, visit, name: str, page: str) -> None:
    app = visit(stores[name], page)
    assert len(app.title) == 1
    assert app.title[0].value.strip()
    assert not app.error
    for chart in charts(app):  # an empty figure says in a note what is missing
        assert chart["data"] or [note["text"].strip() for note in chart["layout"]["annotations"]]
    for element in app.get("plotly_chart"):
        assert element.proto.alt.strip()


@pytest.mark.parametrize("page", PAGES)
def test_before_anything_is_stored_a_page_says_what_to_type(visit, tmp_path: Path, page: str) -> None:
    app = visit(Workspace(tmp_path / "results"), page)
    assert app.title[0].value == "No results here yet"
    assert f"mtlens run experiment.yaml -w {tmp_path / 'results'}" in app.code[0].value


def test_a_store_without_experiments_answers_sql(stores, visit) -> None:
    assert visit(stores["empty"], "answer").title[0].value == "No results here yet"
    assert visit(stores["empty"], "sql").title[0].value == "Ask the results in SQL"


def test_a_damaged_store_is_named(visit, tmp_path: Path) -> None:
    workspace = fake_stores.empty(tmp_path)
    (workspace.root / workspace.pointer.readlink()).write_bytes(b"no database" * 1000)
    app = visit(workspace)
    assert "not a valid DuckDB database file" in app.error[0].value


def test_a_store_of_an_older_version_names_the_command_that_brings_it_up_to_date(visit, tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    for database in (reader.snapshot_path(workspace), workspace.master):
        with duckdb.connect(str(database)) as connection:
            newer = connection.execute(NEWER, {"known": OLDEST}).fetchall()
            assert ("VIEW", "verdicts") in newer
            for kind, name in newer:
                connection.execute(f"DROP {kind} {name}")
            connection.execute("UPDATE store_info SET schema_version = 1")
    errors = {page: [error.value for error in visit(workspace, page).error] for page in PAGES}
    assert errors["answer"], errors
    assert all("mtlens ingest" in error for of_page in errors.values() for error in of_page), errors
    assert ingest(workspace, force=True).rebuilt
    assert not any(visit(workspace, page).error for page in PAGES)


def test_what_was_shown_last_stays_when_the_store_cannot_be_read(visit, tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    app = visit(workspace)
    before = said(app)
    snapshot = workspace.root / workspace.pointer.readlink()
    snapshot.unlink()
    workspace.pointer.unlink()
    draw(app)
    assert not app.error
    assert before.split("Data as of")[0] == said(app).split("Data as of")[0].split("Cannot be read")[0]


@pytest.mark.parametrize("page", PAGES)
def test_stored_names_are_no_markup(stores, visit, page: str) -> None:
    """Outside of escapes no Markdown, HTML, formula or directive of a hostile name is left."""
    app = visit(stores["hostile"], page)
    for text in [element.value for kind in ("title", "markdown", "caption", "error") for element in app.get(kind)]:
        assert "<script>" not in text
        assert "<b>" not in text
        assert " $x$" not in text


def test_the_shown_command_writes_the_shown_report(visit, tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "my results")
    for number, name in enumerate(("first", "second"), start=1):
        fake_runs.save(workspace, fake_runs.fake_experiment(name), created=f"2030-01-0{number}T00:00:00+00:00")
    ingest(workspace)
    for known in queries.experiments(workspace):
        program, command, file, *options = shlex.split(visit(workspace, "report", experiment=known.experiment_id).code[0].value)
        assert (program, file) == ("mtlens", f"mtlens-{known.experiment_id}.html")
        CliRunner().invoke(main.app, [command, str(tmp_path / file), *options], catch_exceptions=False)
        assert f"{known.name} ({known.experiment_id})" in (tmp_path / file).read_text(encoding="utf-8")


def test_only_the_workspace_is_read(stores, visit) -> None:
    assert os.environ.get(shown_workspace.VARIABLE) is None
    visit(stores["full"])
    assert os.environ[shown_workspace.VARIABLE] == str(stores["full"].root)
