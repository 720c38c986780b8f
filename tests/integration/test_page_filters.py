"""Filters of the dashboard: they change what is shown, stay from page to page, and stand in the link."""

import json
import re
from pathlib import Path

import pytest

from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs, fake_stores
from tests.support.pages import charts, draw, said, turn


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
        turn(app, "cka")
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

    def test_a_link_to_an_unknown_experiment_is_told_above_the_title(self, stores, visit) -> None:
        app = visit(stores["full"], "runs", experiment="nope")
        assert [warning.value for warning in app.main.get("warning")] == [
            r"The link asks for experiment nope\, which this workspace does not hold\; this is another\."
        ]
        assert app.selectbox("experiment chosen").value == fake_stores.EXPERIMENT
        draw(app)
        assert not app.main.get("warning")
