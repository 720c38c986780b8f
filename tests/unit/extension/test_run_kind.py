"""A kind of run that mtlens does not know: one definition carries it from the experiment file to the dashboard."""

from itertools import pairwise

import pytest
from pydantic import ValidationError

from mtlens.cli import output
from mtlens.config.experiment import Experiment
from mtlens.config.run_kinds import RUN_KINDS, RunKind, all_together, register
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import make_plan
from mtlens.store.analysis.model_selection import TrainedRun, pair
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries, tables
from tests.support import fake_runs
from tests.support.pages import open_page

TITLE = "Models of two neighbouring tasks against the task-specific models"


def neighbours(tasks):
    """Each pair of tasks that follow each other in the experiment file."""
    return [together for two in pairwise(tasks) for together in all_together(two)]


@pytest.fixture
def pairs():
    kind = RunKind(
        name="pair", label="pairs", description="two neighbouring tasks", asked_by="pairs", task_sets=neighbours, title=TITLE
    )
    register(kind)
    yield kind
    RUN_KINDS.pop(kind.name, None)


@pytest.fixture
def content(search_plan):
    """An experiment with three tasks: pairs a + b and b + c."""
    made = search_plan(3, seeds=(0, 1, 2)).experiment.model_dump()
    return {**made, "search": None, "runs": ["single", "multi", "pairs"]}


def test_a_new_kind_of_run_reaches_store_command_line_and_dashboard(pairs, content, tmp_path, monkeypatch, capsys):
    workspace = Workspace.open(tmp_path / "results")
    plan = make_plan(Experiment.model_validate(content), [tmp_path])
    experiment_id = plan.experiment.experiment_id
    results = run_experiment(plan, workspace, local=True, address=None, show=lambda _: None)
    assert {result.reason for result in results} == {""}

    runs = query(workspace, "SELECT role, tasks, count(*) FROM runs WHERE state = 'done' GROUP BY ALL ORDER BY ALL").rows
    assert runs == [
        ("multi", "a, b, c", 3), ("pair", "a, b", 3), ("pair", "b, c", 3),
        ("single", "a", 3), ("single", "b", 3), ("single", "c", 3),
    ]  # fmt: skip
    ordered = query(workspace, "SELECT kind, task FROM matching").rows
    assert ordered == [(kind, task) for kind in ("multi", "pair") for task in ("a", "b", "c", None)]
    stored = query(workspace, "SELECT label, asked_by, title, compared, control FROM run_kind WHERE name = 'pair'").rows
    assert stored == [("pairs", "pairs", TITLE, True, False)]
    models = query(workspace, "SELECT DISTINCT role, tasks FROM model_scores WHERE task = 'b' ORDER BY ALL").rows
    assert models == [("multi", ["a", "b", "c"]), ("pair", ["a", "b"]), ("pair", ["b", "c"]), ("single", ["b"])]

    output.print_matching(query(workspace, output.MATCHING, [experiment_id]))
    assert TITLE in " ".join(capsys.readouterr().out.split())

    info = queries.matching(workspace, experiment_id, "pair")
    assert [match.task for match in info.rows] == ["a", "b", "c", None]
    assert "pairs minus task-specific" in figures.forest(info).to_json()
    grid = tables.score_grid(queries.scores(workspace, experiment_id), "macro_f1")
    assert [row[0] for row in grid.rows] == ["task-specific", "multi-task", "pairs: a and b", "pairs: b and c"]
    assert {cost.role: cost.models for cost in queries.costs(workspace, experiment_id)} == {"single": 3, "multi": 1, "pair": 2}
    assert {curve.role for curve in queries.curves(workspace, experiment_id)} == {"single", "multi", "pair"}

    app = open_page(monkeypatch, workspace, "single-multi", kind="pairs")
    assert not app.error
    (choice,) = [group for group in app.get("button_group") if group.key == "kind"]
    assert choice.value == "pair"
    assert app.title[0].value.startswith("Pairs minus task\\-specific")
    (table,) = [one for one in open_page(monkeypatch, workspace, "runs").dataframe if "models" in one.value]
    assert {"pairs: a and b", "pairs: b and c"} < set(table.value["models"])


def test_a_store_takes_a_new_kind_up_at_the_next_ingest(pairs, tmp_path):
    workspace = Workspace.open(tmp_path)
    words = ("single", "pairs")
    fake_runs.finish_all(workspace, fake_runs.fake_experiment(tasks=("bulge", "canal", "stenosis"), runs=words))
    del RUN_KINDS[pairs.name]
    ingest(workspace, force=True)
    assert query(workspace, "SELECT count(*) FROM run_kind WHERE name = 'pair'").rows == [(0,)]
    assert "found 'pairs'" in query(workspace, "SELECT reason FROM quarantine").rows[0][0]

    RUN_KINDS[pairs.name] = pairs
    assert ingest(workspace, force=True).snapshot
    assert query(workspace, "SELECT name FROM run_kind ORDER BY position").rows[-1] == ("pair",)
    assert query(workspace, "SELECT DISTINCT kind FROM matching").rows == [("pair",)]
    assert query(workspace, "SELECT * FROM quarantine").rows == []


def test_a_file_may_name_registered_kinds_only(content):
    with pytest.raises(ValidationError, match="runs should be of single, multi, adapters, controls; found 'pairs'"):
        Experiment.model_validate(content)


def test_a_task_in_several_sets_of_a_kind_is_compared_in_the_first_one():
    def run(role, tasks, run_id, seed):
        return TrainedRun(run_id=run_id, role=role, candidate=0, seed=seed, tasks=tasks, state="done", validation=0.5)

    runs = [run("single", (task,), f"{task}{seed}", seed) for task in "abc" for seed in (0, 1)]
    runs += [run("pair", ("b", "c"), "bc0", 0), run("pair", ("a", "b"), "ab0", 0)]
    runs += [run("pair", ("a", "b"), "ab1", 1), run("pair", ("b", "c"), "bc1", 1)]
    selection = {(one.role, one.run_id): True for one in runs}
    assert pair(runs, selection, "pair")["b"] == {0: ("b0", "ab0"), 1: ("b1", "ab1")}
