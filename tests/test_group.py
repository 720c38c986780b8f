"""Groupings in the store, from fabricated runs of every group of an experiment that searches."""

from pathlib import Path

import pytest

from backend import console
from backend.spec import Search
from backend.store import read
from backend.store.ingest import ingest, rebuild
from backend.store.read import snapshot_path
from backend.store.workspace import Workspace
from tests import _runs

TASKS = ("canal", "disc", "twin")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "results")


def searched(search: Search | None = None, margin: float = 0.2) -> _runs.FakeExperiment:
    """Every group of three tasks, each under three seeds."""
    fake = _runs.fake_experiment(tasks=TASKS, num_examples=360, margin=margin)
    pairs = [
        _runs.Planned(
            role="group",
            candidate=0,
            run=one.run.model_copy(update={"tasks": kept, "labels": one.run.labels[:2]}),
        )
        for one in fake.planned
        if one.role == "multi"
        for left_out in one.run.tasks
        if (kept := tuple(task for task in one.run.tasks if task != left_out))
    ]
    experiment = fake.experiment.model_copy(update={"search": search or Search()})
    return _runs.FakeExperiment(experiment=experiment, planned=(*fake.planned, *pairs), num_examples=360)


def train(workspace: Workspace, fake: _runs.FakeExperiment, right: dict[frozenset[str], float], default: float = 0.9) -> None:
    _runs.save(workspace, fake)
    for run in fake.runs:
        group = frozenset(task.name for task in run.tasks)
        _runs.finish(workspace, run, right=right.get(group, default), num_examples=fake.num_examples)


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    return read.query(workspace, sql).rows


ALL, APART = frozenset(TASKS), {frozenset(("canal", "disc")): 0.5, frozenset(("disc", "twin")): 0.5, frozenset(TASKS): 0.5}


def test_the_cheapest_family_whose_tasks_all_match_is_recommended(workspace: Workspace) -> None:
    train(workspace, searched(), APART)
    ingest(workspace, force=True)
    ((verdict, groups, models, tasks),) = rows(workspace, "SELECT verdict, groups, models, tasks FROM recommendation")
    assert (verdict, groups, models, tasks) == ("matches", [["canal", "twin"], ["disc"]], 2, 3)
    assert rows(workspace, "SELECT task, verdict FROM comparison WHERE kind = 'family' AND task IS NOT NULL ORDER BY task") == [
        ("canal", "matches"),
        ("twin", "matches"),
    ]
    assert rows(workspace, "SELECT parameters, single_parameters, seconds, single_seconds FROM recommendation") == [
        (2000, 3000, 3.0, 4.5)
    ]
    assert rows(workspace, "SELECT groups FROM groupings WHERE recommended") == [([["canal", "twin"], ["disc"]],)]


def test_tasks_that_only_harm_each_other_are_trained_separately(workspace: Workspace) -> None:
    train(workspace, searched(), {**APART, frozenset(("canal", "twin")): 0.5})
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT verdict, models FROM recommendation") == [("separate", 3)]
    assert rows(workspace, "SELECT * FROM comparison WHERE kind = 'family'") == []


def test_a_margin_too_small_for_the_test_set_is_inconclusive_and_says_what_would_settle_it(workspace: Workspace) -> None:
    train(workspace, searched(margin=0.08), APART)
    ingest(workspace, force=True)
    ((verdict, statement),) = rows(workspace, "SELECT verdict, statement FROM recommendation")
    assert verdict == "inconclusive"
    assert str(statement).startswith(
        "inconclusive: 2 models instead of 3: canal + twin; disc, could do; what would settle it: "
    )
    assert "test examples" in str(statement)
    assert rows(workspace, "SELECT * FROM groupings WHERE recommended") == []


def test_an_exhaustive_search_is_judged_and_a_rebuild_is_equal(workspace: Workspace) -> None:
    fake = searched()
    train(workspace, fake, APART)
    ingest(workspace, force=True)
    methods = [name for (name,) in rows(workspace, "SELECT method FROM grouping_method ORDER BY position")]
    assert methods[0] == "exhaustive oracle"
    assert {"pairs (HOA)", "task means", "ridge regression", "all in one", "all single"} <= set(methods)
    regrets = dict(rows(workspace, "SELECT method, regret FROM grouping_method"))
    assert set(regrets["exhaustive oracle"]) == {0.0}
    assert regrets["all in one"][-1] > 0.2  # half of its predictions are wrong
    live = _runs.dump(snapshot_path(workspace))
    assert ingest(workspace, force=True).snapshot is None
    rebuild(workspace)
    assert _runs.dump(snapshot_path(workspace)) == live


def test_a_search_in_progress_shows_what_is_measured_and_predicts_the_rest(workspace: Workspace) -> None:
    fake = searched()
    _runs.save(workspace, fake)
    for run in (*fake.of_role("single"), *fake.of_role("multi")):
        _runs.finish(workspace, run, right=0.9, num_examples=fake.num_examples)
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT * FROM grouping_method") == []
    assert rows(workspace, "SELECT count(*) FROM groupings WHERE regret IS NOT NULL") == [(0,)]
    means = "FROM group_scores WHERE method = 'task means'"
    assert rows(workspace, f"SELECT count(*) {means} AND len(tasks) = 2 AND predicted IS NOT NULL") == [(6,)]
    assert rows(workspace, f"SELECT count(*) {means} AND len(tasks) = 2 AND measured IS NOT NULL") == [(0,)]
    assert rows(workspace, f"SELECT count(*) {means} AND len(tasks) = 3 AND measured IS NOT NULL") == [(3,)]
    for run in fake.of_role("group"):
        _runs.finish(workspace, run, right=0.9, num_examples=fake.num_examples)
    ingest(workspace, force=True)
    assert rows(workspace, f"SELECT count(*) {means} AND len(tasks) = 2 AND measured IS NOT NULL") == [(6,)]


def test_an_experiment_that_does_not_search_has_no_groupings(workspace: Workspace) -> None:
    _runs.finish_all(workspace, _runs.fake_experiment())
    ingest(workspace, force=True)
    for table in ("affinity", "groupings", "group_scores", "grouping_member", "recommendation"):
        assert rows(workspace, f"SELECT * FROM {table}") == []


def test_the_table_of_methods_and_the_recommendation_are_printed(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = searched()
    train(workspace, fake, APART)
    ingest(workspace, force=True)
    asked = [fake.experiment.experiment_id]
    console.print_methods(read.query(workspace, console.METHODS, asked))
    console.print_recommendation(read.query(workspace, console.RECOMMENDATION, asked))
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 models instead of 3: canal + twin; disc; every task matches its task-specific model" in printed
    assert "2,000 of 3,000 weights (67%)" in printed
    assert "exhaustive oracle 7 0 +0.0" in printed
