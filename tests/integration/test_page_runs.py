"""The pages Runs and Compare: one run opened, many runs listed, two experiments side by side."""

from pathlib import Path

import pytest

from mtlens.store.ingest import ingest
from mtlens.store.workspace import annotations
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from tests.support import fake_runs, fake_stores
from tests.support.pages import draw, said


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
        (settings,) = [shown.value for shown in app.dataframe if "setting" in shown.value]
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
