"""Every page on every kind of store: drawn without an exception, with its conclusion, and with stored names as they are."""

import json
import os
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
from typer.testing import CliRunner

from mtlens.cli import main
from mtlens.store.database import reader
from mtlens.store.ingest import ingest
from mtlens.store.workspace import annotations
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from mtlens_dashboard.pages import sql
from mtlens_dashboard.widgets import shown_workspace
from mtlens_dashboard.widgets.own_table import texts_of_ids
from tests.support import fake_runs, fake_stores
from tests.support.pages import draw, open_page

PAGES = ["answer", "single-multi", "cka", "gradients", "groupings", "examples", "runs", "compare", "sql", "report"]
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


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens a page on a workspace with some query parameters."""

    return partial(open_page, monkeypatch)


def charts(app: AppTest) -> list[dict[str, object]]:
    return [json.loads(element.proto.spec) for element in app.get("plotly_chart")]


def said(app: AppTest) -> str:
    return " ".join(element.value for kind in ("title", "markdown", "caption") for element in app.get(kind))


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


def test_two_thousand_runs_fit(visit, tmp_path: Path) -> None:
    seeds = tuple(range(400))
    workspace = fake_stores.build(tmp_path, fake_stores.Plan(seeds=seeds, evidence=False))
    app = visit(workspace, "runs")
    assert app.title[0].value == "All 2\\,000 runs are done"
    visit(workspace, "single-multi")


def test_runs_are_listed_by_their_last_sign_of_life(stores, visit) -> None:
    app = visit(stores["partial"], "runs")
    last = {run.run_id: run.last_event for run in queries.runs(stores["partial"])}
    told = [last[run] for table in app.dataframe if "device" in table.value for run in table.value["run"]]
    given = [time for time in told if time is not None]
    assert given == sorted(given, reverse=True) != []
    assert told == [*given, *[None] * (len(last) - len(given))]
    assert len(given) < len(last)


class TestFilters:
    def test_a_link_reopens_the_view(self, stores, visit) -> None:
        app = visit(stores["full"], "answer", tasks=["canal", "disc"], seeds=["1"], metric="accuracy", layer="layer 2")
        assert app.multiselect("tasks").value == ["canal", "disc"]
        assert app.multiselect("seeds").value == [1]
        assert app.selectbox("metric").value == "accuracy"
        assert app.selectbox("layer").value == 2

    def test_a_filter_changes_what_is_shown(self, stores, visit) -> None:
        app = visit(stores["full"])
        app.multiselect("tasks").set_value(["cord"])
        draw(app)
        shown = json.dumps(charts(app)[0]["layout"], ensure_ascii=False)
        assert shown.count("cord</b>") + shown.count("<b>cord ") == 3  # its pairs
        assert "disc \N{MULTIPLICATION SIGN} canal" not in shown

    @pytest.mark.parametrize("page", ["answer", "single-multi", "cka", "gradients"])
    def test_titles_speak_of_all_tasks(self, stores, visit, page: str) -> None:
        whole, one = visit(stores["full"], page), visit(stores["full"], page, tasks=["canal"])
        assert one.title[0].value == whole.title[0].value
        if page in ("cka", "gradients"):
            assert "Choose at least two tasks" in said(one)
        else:
            cards = [[part.value for part in app.markdown if part.value.startswith("## :")] for app in (whole, one)]
            assert cards[0] == cards[1]

    def test_filters_stay_from_page_to_page(self, stores, visit) -> None:
        app = visit(stores["full"])
        app.multiselect("tasks").set_value(["cord", "disc"])
        draw(app)
        app._page_hash = calc_hash("cka")
        draw(app)
        assert app.multiselect("tasks").value == ["cord", "disc"]

    def test_the_experiment_always_stands_in_the_url(self, visit, tmp_path: Path) -> None:
        workspace = Workspace.open(tmp_path / "results")
        for name in ("first", "second"):
            fake_runs.save(workspace, fake_runs.fake_experiment(name), created=f"2030-01-0{len(name) - 4}T00:00:00+00:00")
        ingest(workspace)
        app = visit(workspace)
        box = app.selectbox("experiment chosen")
        assert app.query_params["experiment"] == box.value
        assert box.options[box.index].startswith("second ·")
        other = next(option for option in box.options if option.startswith("first ·"))
        box.set_value(app.query_params["experiment"]).select(other)
        draw(app)
        assert app.query_params["experiment"] == app.selectbox("experiment chosen").value
        assert app.selectbox("experiment chosen").value.startswith(other.partition(" · ")[2])

    @pytest.mark.parametrize("wrong", [{"experiment": "gone"}, {"tasks": "gone"}, {"seeds": "x"}, {"layer": "99"}])
    def test_a_stale_link_shows_what_there_is(self, stores, visit, wrong: dict[str, str]) -> None:
        app = visit(stores["full"], "answer", **wrong)
        assert app.selectbox("experiment chosen").value == fake_stores.EXPERIMENT
        assert app.multiselect("tasks").value == []
        told = [warning.value for warning in app.warning]
        assert [f"experiment {wrong.get('experiment')}" in text for text in told] == ([True] if "experiment" in wrong else [])

    def test_a_link_by_name_opens_the_newest_of_it(self, stores, visit) -> None:
        app = visit(stores["full"], "answer", experiment="spine")
        assert (
            app.query_params["experiment"] == [fake_stores.EXPERIMENT]
            or app.query_params["experiment"] == fake_stores.EXPERIMENT
        )
        assert not app.warning

    @pytest.mark.parametrize(("page", "hidden"), [("runs", {"metric", "layer"}), ("gradients", {"seeds", "metric"})])
    def test_filters_that_do_not_count_are_not_shown(self, stores, visit, page: str, hidden: set[str]) -> None:
        app = visit(stores["full"], page)
        styles = " ".join(element.proto.body for element in app.get("html"))
        assert set(re.findall(r"st-key-filter-(\w+)", styles)) == hidden


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


def test_cka_and_gradients_keep_their_own_pairs(stores, visit) -> None:
    app = visit(stores["full"], "cka")
    app.selectbox("square").set_value(2)
    draw(app)
    turn(app, "gradients")
    app.selectbox("pair").set_value(("disc", "cord"))
    draw(app)
    turn(app, "cka")
    assert app.selectbox("square").value == 2
    turn(app, "gradients")
    assert app.selectbox("pair").value == ("disc", "cord")


def turn(app: AppTest, page: str) -> None:
    """Follow a link to another page."""
    app._page_hash = calc_hash(page)
    draw(app)


def test_kinds_of_parameters_that_are_known_by_layer_alone_are_drawn(visit, tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    of_layers = "FROM summary.alignment WHERE layer IS NOT NULL"
    fake_stores.change(workspace, f"INSERT INTO summary.alignment SELECT * REPLACE ('attention' AS parameters) {of_layers}")
    app = visit(workspace, "gradients", parameters="attention")
    assert len(charts(app)) == 4
    assert all(chart["data"] for chart in charts(app))
    assert "whole encoder at this stage; this is layer 6" in said(app)


def test_task_vectors_have_no_microbatches_in_conflict(visit, tmp_path: Path) -> None:
    workspace = fake_stores.full(tmp_path)
    fake_stores.change(workspace, "UPDATE summary.alignment SET setting = 'task_vectors'")
    assert len(charts(visit(workspace, "gradients"))) == 3


def test_a_square_is_the_mean_of_the_seeds_that_are_said_to_be_in_it(stores, visit) -> None:
    (matrix,) = [
        one for one in queries.matrices(stores["full"], fake_stores.EXPERIMENT) if one.task_a == "disc" and one.task_b == "cord"
    ]
    for row, column, pairs in ((3, 3, 9), (2, 5, 3)):
        app = visit(stores["full"], "cka", tasks=["cord", "disc"], layer_a=str(row), layer_b=str(column))
        (table,) = [one.value for one in app.dataframe if "in the square" in one.value]
        inside = table[table["in the square"] == "yes"]
        assert list(inside["seed of the first"]) == list(inside["seed of the second"]) == [0, 1, 2]
        assert inside["similarity"].astype(float).mean() == pytest.approx(matrix.values[row][column], abs=1e-3)
        assert len(table) == pairs


def test_the_pretrained_encoder_has_no_seed_and_all_pairs_with_it_count(stores, visit) -> None:
    app = visit(stores["full"], "cka", models="task-specific and pretrained")
    (table,) = [one.value for one in app.dataframe if "in the square" in one.value]
    assert list(table["in the square"]) == ["yes"] * 3


class TestSql:
    def test_a_link_fills_the_editor_and_runs_nothing(self, stores, visit) -> None:
        app = visit(stores["full"], "sql", sql="SELECT 42 AS answer")
        assert app.text_area("sql").value == "SELECT 42 AS answer"
        assert "answer" not in app.session_state
        assert not app.error

    def test_the_button_runs_it(self, stores, visit) -> None:
        app = visit(stores["full"], "sql", sql="SELECT 42 AS a, 'x' AS a")
        app.button[0].click()
        draw(app)
        assert "a 2" in app.dataframe[0].value.columns
        assert "1 row ·" in said(app)

    def test_decimals_can_be_drawn_and_rows_alike_across_are_not_added_up(self, stores, visit) -> None:
        values = "VALUES (['x'], 1.5), (['x'], NULL), (['y'], -0.5)"
        app = visit(stores["full"], "sql", sql=f"SELECT * FROM ({values}) AS told(kind, points)")
        app.button[0].click()
        draw(app)
        app.session_state["quick-chart"] = True
        draw(app)
        assert app.selectbox("chart_y").options == ["points"]
        assert app.selectbox("chart_kind").value == "dots"
        app.selectbox("chart_kind").set_value("bars")
        draw(app)
        (chart,) = app.get("vega_lite_chart")
        assert json.loads(chart.proto.spec)["encoding"]["y"]["stack"] is False

    def test_the_schema_tells_what_columns_mean(self, stores, visit) -> None:
        app = visit(stores["full"], "sql")
        app.selectbox("table").set_value("matching")
        draw(app)
        meanings = "SELECT comment FROM duckdb_columns() WHERE table_name = 'matching' AND comment IS NOT NULL"
        told = [comment for (comment,) in reader.query(stores["full"], meanings).rows]
        assert len(told) > 3
        assert set(told) <= set(app.dataframe[0].value["meaning"])

    def test_the_schema_can_be_searched(self, stores, visit) -> None:
        app = visit(stores["full"], "sql")
        app.text_input("sought").set_value("conflict")
        draw(app)
        shown = app.dataframe[0].value
        assert {"evidence_gradients", "gradient_alignment"} <= set(shown["table"])
        assert {"conflict_rate", "conflict_low"} <= set(shown["column"])
        app.text_input("sought").set_value("no such thing")
        draw(app)
        assert "Nothing has this in its name" in said(app)

    def test_duckdbs_proposals_and_the_place_of_a_mistake_are_shown(self, stores, visit) -> None:
        app = visit(stores["full"], "sql", sql="SELECT verdikt FROM matching")
        app.button[0].click()
        draw(app)
        assert "verdikt" in app.error[0].value
        assert '"verdict"' in app.code[0].value
        assert "^" in app.code[0].value

    def test_a_mistake_is_one_line(self, stores, visit) -> None:
        app = visit(stores["full"], "sql", sql="DROP TABLE run")
        app.button[0].click()
        draw(app)
        assert len(app.error) == 1
        assert "found DROP" in app.error[0].value

    def test_an_example_fills_the_editor(self, stores, visit) -> None:
        for name, example in sql.EXAMPLES.items():
            app = visit(stores["full"], "sql")
            app.selectbox("example").set_value(name)
            draw(app)
            assert app.text_area("sql").value == example
            app.button[0].click()
            draw(app)
            assert not app.error, (name, app.error[0].value)


class TestRuns:
    def test_a_chosen_run_is_opened(self, stores, visit) -> None:
        app = visit(stores["full"], "runs")
        app.selectbox("run").set_value(f"{0:016x}")
        draw(app)
        assert "Configuration" in said(app)
        tables = [table.value for table in app.dataframe]
        (settings,) = [table for table in tables if "among the runs" in table]
        assert list(settings["among the runs"])[:2] == ["differs", "differs"]
        assert dict(zip(settings["setting"], settings["value"], strict=True))["seed"] == "0"
        assert any("kind" in table and list(table["kind"])[-1] == "start" for table in tables)

    def test_a_failed_run_says_why(self, stores, visit) -> None:
        app = visit(stores["partial"], "runs")
        failed = next(run.run_id for run in queries.runs(stores["partial"]) if run.state == "failed")
        app.selectbox("run").set_value(failed)
        draw(app)
        assert any("the loss became NaN" in error.value for error in app.error)

    def test_a_link_opens_a_run_by_its_id(self, stores, visit) -> None:
        for run_id, is_open in ((f"{9:016x}", True), ("f" * 16, False)):
            assert ("Configuration" in said(visit(stores["partial"], "runs", run=run_id))) == is_open

    def test_the_filters_of_the_sidebar_count(self, stores, visit) -> None:
        app = visit(stores["full"], "runs", tasks=["cord"], seeds=["1"])
        table = next(table.value for table in app.dataframe if "device" in table.value)
        assert len(table) == 2  # of cord alone, and of all tasks
        assert set(table["seed"]) == {1}
        assert app.title[0].value == "All 15 runs are done"


class TestCompare:
    @pytest.fixture
    def two(self, tmp_path: Path) -> Workspace:
        workspace = Workspace.open(tmp_path / "results")
        for name, right in (("first", 0.6), ("second", 0.9)):
            fake = fake_runs.fake_experiment(name, num_examples=60 if name == "first" else 66)
            fake_runs.finish_all(workspace, fake, right)
        ingest(workspace)
        return workspace

    def test_scores_differ_with_their_intervals(self, visit, two: Workspace) -> None:
        app = visit(two, "compare")
        assert "scores differ from" in app.title[0].value.replace("\\", "") or "score" in app.title[0].value
        table = app.dataframe[0].value
        assert list(table["model"]) == ["task-specific"] * 2 + ["multi-task"] * 2
        assert all("to" in text for text in table["95 % interval"])
        (settings,) = [one.value for one in app.dataframe if "setting" in one.value]
        assert "name" in set(settings["setting"])

    def test_tags_notes_and_hidden_experiments(self, visit, two: Workspace) -> None:
        app = visit(two, "compare")
        shown = app.selectbox("experiment chosen")
        assert len(shown.options) == 2
        app.text_input[0].set_value("paper, <b>final</b>")
        app.checkbox[0].set_value(True)
        app.button[0].click()
        draw(app)
        noted = annotations.load(two)[shown.value]
        assert (noted.tags, noted.hidden) == (("paper", "<b>final</b>"), True)
        assert "#paper" in app.selectbox("experiment chosen").options[0]
        fresh = visit(two, "answer")
        assert len(fresh.selectbox("experiment chosen").options) == 1
        linked = visit(two, "answer", experiment=shown.value)
        assert linked.selectbox("experiment chosen").value == shown.value


def test_texts_stand_beside_examples_once_their_table_is_given_and_are_not_stored(stores, visit) -> None:
    app = visit(stores["full"], "examples", of_task="cord")
    (before,) = [one.value for one in app.dataframe if "example" in one.value]
    assert "text" not in before
    app.session_state["own-table"] = True
    draw(app)
    lines = [f'{one},"a secret text, <b>{one}</b>"' for one in before["example"]]
    app.file_uploader("own_table").upload("notes.csv", "\n".join(["id,note", *lines]).encode(), "text/csv")
    draw(app)
    app.selectbox("own_ids").set_value("id")
    draw(app)
    (after,) = [one.value for one in app.dataframe if "example" in one.value]
    assert list(after["text"]) == [f"a secret text, <b>{one}</b>" for one in before["example"]]
    assert not any(b"secret text" in path.read_bytes() for path in stores["full"].root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("ids", "by", "found"),
    [
        (["2", "9"], None, {"2": "second"}),
        (["test:1", "notes:2", "other:1"], None, {"test:1": "first", "notes:2": "second"}),
        (["b"], "id", {"b": "second"}),
    ],
)
def test_rows_are_found_by_their_number_or_a_column(ids: list[str], by: str | None, found: dict[str, str]) -> None:
    rows = [{"id": "a", "note": "first"}, {"id": "b", "note": "second"}]
    assert texts_of_ids(ids, rows, "note", by, "notes") == found


def test_examples_are_those_on_which_the_models_differ(stores, visit) -> None:
    app = visit(stores["full"], "examples", of_task="cord")
    table = next(one.value for one in app.dataframe if "example" in one.value)
    sql = """
        SELECT
            example_id, avg((predicted = label)::INT) FILTER (role = 'multi'),
            avg((predicted = label)::INT) FILTER (role = 'single')
        FROM prediction JOIN experiment_run USING (run_id) WHERE task = 'cord' GROUP BY example_id
    """
    expected = {one: (multi, single) for one, multi, single in reader.query(stores["full"], sql).rows if multi != single}
    assert set(table["example"]) == set(expected)
    assert {row["example"]: (row["multi-task right"], row["task-specific right"]) for _, row in table.iterrows()} == expected


def test_a_click_on_a_row_opens_its_pair(stores, visit) -> None:
    app = visit(stores["full"], "answer", row="canal \N{MULTIPLICATION SIGN} cord")
    assert app.selectbox("row").value == "canal \N{MULTIPLICATION SIGN} cord"
    shown = [json.dumps(chart["layout"], ensure_ascii=False) for chart in charts(app)]
    assert len(shown) == 6  # the answer, CKA, gradients, learning curves, the claim, costs
    (seeds,) = [one.value for one in app.dataframe if any(name.startswith("task-specific") for name in one.value)]
    assert list(seeds["task"]) == ["canal"] * 3 + ["cord"] * 3


def test_only_the_workspace_is_read(stores, visit) -> None:
    assert os.environ.get(shown_workspace.VARIABLE) is None
    visit(stores["full"])
    assert os.environ[shown_workspace.VARIABLE] == str(stores["full"].root)
