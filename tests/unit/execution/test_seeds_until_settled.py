"""Seeds until settled: which looks are held, what each trains, when they end, and that a restart goes on with them."""

from dataclasses import dataclass

import numpy as np
import pytest
from pydantic import ValidationError

from mtlens.cli.output import out
from mtlens.cli.plan_output import print_plan
from mtlens.cli.results import LOOKS
from mtlens.config.experiment import Experiment
from mtlens.execution import local
from mtlens.execution.experiment import run_experiment
from mtlens.execution.overview import Overview
from mtlens.execution.plan import Plan, make_plan
from mtlens.store.database.reader import query
from mtlens.store.ingest import rebuild
from mtlens.store.workspace.manifest import read_manifest
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.export.report import write_report
from tests.support.fake_training import fake_training

TASKS = ("even", "noisy", "worse")


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "results")


@pytest.fixture(scope="module")
def plan(tmp_path_factory, tiny_encoder):
    """Makes a plan over three tasks of 600 texts, of which 300 test."""
    folder = tmp_path_factory.mktemp("settled")
    labels = np.random.default_rng(0).integers(0, 2, (600, len(TASKS)))
    rows = [f"text {i}," + ",".join("xy"[label] for label in row) for i, row in enumerate(labels)]
    (folder / "notes.csv").write_text("\n".join(["note," + ",".join(TASKS), *rows]) + "\n")

    def make(**changes):
        content = {
            "name": "settled",
            "data": {"tables": [{"path": "notes.csv", "text": "note"}], "splits": {"test": 0.5}},
            "tasks": [{"name": name, "column": name, "classes": ["x", "y"]} for name in TASKS],
            "encoder": {"name": str(tiny_encoder)},
            "training": {"epochs": 1, "precision": "float32"},
            "margin": 0.1,
            "seeds": {"at_least": 3, "at_most": 12, "until": "settled"},
            **changes,
        }
        return make_plan(Experiment.model_validate(content), [folder])

    return make


def right(run, task):
    """Equally good on `even`, on `noisy` but for its seeds, and the multi-task model far worse on `worse`."""
    together = len(run.tasks) > 1
    seed_effect = 0.09 * (-1) ** run.seed if together else 0.0
    return {"even": 0.9, "noisy": 0.8 + seed_effect, "worse": 0.5 if together else 0.9}[task]


@dataclass(frozen=True)
class Whole:
    """An experiment that nothing disturbed: its plan, its workspace, and tasks and seed of each training."""

    plan: Plan
    workspace: Workspace
    trained: list[tuple[str, int]]


@pytest.fixture(scope="module")
def whole(plan, tmp_path_factory):
    made, workspace = plan(), Workspace.open(tmp_path_factory.mktemp("whole") / "results")
    with pytest.MonkeyPatch.context() as patch:
        return Whole(made, workspace, run(made, workspace, patch))


def run(made, workspace, monkeypatch, right=right, fails=lambda run: False):
    """Runs an experiment without evidence; returns tasks and seed of each training."""
    perform, trained = fake_training(made, right), []

    def watched(run, *arguments, **settings):
        if fails(run):
            raise KeyboardInterrupt
        trained.append((", ".join(task.name for task in run.tasks), run.seed))
        return perform(run, *arguments, **settings)

    monkeypatch.setattr(local, "perform", watched)
    run_experiment(made, workspace, explain=False, local=True, address=None, show=lambda _: None)
    return trained


def manifest(made, workspace):
    return read_manifest(workspace.experiments / f"{made.experiment.experiment_id}.json")


def looks(workspace):
    return query(workspace, "SELECT look, seeds, task, verdict FROM look ORDER BY look, task NULLS LAST").rows


def test_tasks_that_are_settled_are_trained_no_further(whole, monkeypatch):
    made, workspace, trained = whole.plan, whole.workspace, whole.trained
    first, *later = looks(workspace)[:4], *looks(workspace)[4:]
    assert first == [
        (1, 3, "even", "matches"),
        (1, 3, "noisy", "inconclusive"),
        (1, 3, "worse", "worse"),
        (1, 3, None, "worse"),
    ]
    assert {row[2] for row in later} == {"noisy"}
    assert [row[3] for row in later][-1] == "matches"
    seeds = later[-1][1]
    assert sorted(trained) == sorted(
        [(task, seed) for task in ("even", "worse") for seed in range(3)]
        + [(task, seed) for task in ("noisy", ", ".join(TASKS)) for seed in range(seeds)]
    )
    assert manifest(made, workspace).ended == f"every verdict is settled after {seeds} seeds"
    assert run(made, workspace, monkeypatch) == []


def test_a_task_that_was_not_learnt_is_trained_no_further(plan, workspace, monkeypatch):
    def unlearnt(run, task):
        seed_effect = 0.19 * (-1) ** run.seed if len(run.tasks) > 1 else 0.0
        return {"even": 0.9, "noisy": 0.8 + seed_effect, "worse": 0.5}[task]

    made = plan()
    trained = run(made, workspace, monkeypatch, right=unlearnt)
    assert [row[0] for row in looks(workspace) if row[3] == "not learnt"] == [1]
    later = {(row[2], row[0]) for row in looks(workspace) if row[0] > 1}
    assert (None, 2) in later
    assert "worse" not in {task for task, _ in later}
    assert sorted(seed for task, seed in trained if task == "worse") == [0, 1, 2]
    assert {seed for task, seed in trained if task == "even"} > {0, 1, 2}
    compared = dict(query(workspace, "SELECT coalesce(task, 'mean'), not_learnt FROM comparison").rows)
    assert (compared["mean"], compared["even"]) == ("without worse: not learnt", "")
    assert manifest(made, workspace).ended


def test_an_experiment_that_learnt_nothing_ends(plan, workspace, monkeypatch):
    made = plan()
    assert len(run(made, workspace, monkeypatch, right=lambda run, task: 0.5)) == 12
    assert {row[3] for row in looks(workspace)} == {"not learnt"}
    assert manifest(made, workspace).ended == "every verdict is settled after 3 seeds"


def test_comparisons_are_those_of_the_last_look_of_each_task(whole):
    workspace = whole.workspace
    compared = query(workspace, "SELECT task, len(seeds), difference, low90, high90, verdict FROM comparison ORDER BY ALL").rows
    last = "SELECT DISTINCT ON (task) task, seeds, difference, low90, high90, verdict FROM look ORDER BY task, look DESC"
    assert compared == sorted(query(workspace, last).rows, key=lambda row: (row[0] is None, row[0]))
    margin = 0.1
    for task, _, _, low, high, verdict in compared:
        if verdict == "matches":
            assert -margin < low < high < margin, task
        if verdict == "worse":
            assert high < 0, task


@pytest.mark.parametrize("after", [5, 13, 15])
def test_a_run_that_was_killed_goes_on_with_the_same_looks(whole, workspace, monkeypatch, after):
    made, other = whole.plan, whole.workspace
    started = []

    def fails(run):
        started.append(run)
        return len(started) > after

    with pytest.raises(KeyboardInterrupt):
        run(made, workspace, monkeypatch, fails=fails)
    rest = run(made, workspace, monkeypatch)
    assert len(rest) == len(whole.trained) - after
    everything = "SELECT * FROM look ORDER BY ALL"
    assert query(workspace, everything).rows == query(other, everything).rows
    assert manifest(made, workspace).looks == manifest(made, other).looks


def test_a_rebuilt_database_holds_the_same_looks(whole):
    workspace = whole.workspace
    tables = [query(workspace, f"FROM {name} ORDER BY ALL").rows for name in ("look", "comparison", "looks")]
    rebuild(workspace)
    assert [query(workspace, f"FROM {name} ORDER BY ALL").rows for name in ("look", "comparison", "looks")] == tables
    assert all(tables)


def test_no_look_begins_that_would_exceed_the_budget(plan, workspace, monkeypatch):
    hours = 12 / 60  # a training takes a minute, and the first look trains twelve
    made = plan(budget={"gpu_hours": hours + 3 / 60})
    assert len(run(made, workspace, monkeypatch)) == 12
    assert "the budget does not reach for 5 seeds" in manifest(made, workspace).ended
    more = plan(budget={"gpu_hours": hours + 4 / 60})
    assert more.experiment.experiment_id == made.experiment.experiment_id
    assert len(run(more, workspace, monkeypatch)) in (0, 4)
    assert len(run(plan(), workspace, monkeypatch)) > 0
    assert looks(workspace)[-1][3] == "matches"


def test_what_no_seeds_can_settle_ends_the_experiment(plan, workspace, monkeypatch):
    at_the_margin = lambda run, task: 0.85 if len(run.tasks) > 1 else 0.95  # noqa: E731
    made = plan(seeds={"at_least": 3, "at_most": 8, "until": "settled"})
    run(made, workspace, monkeypatch, right=at_the_margin)
    assert {row[3] for row in looks(workspace)} <= {"inconclusive", "worse"}
    assert manifest(made, workspace).ended


def test_a_grid_is_searched_at_the_first_look_alone(plan, workspace, monkeypatch):
    made = plan(grid={"learning_rate": [1e-4, 1e-3]})
    better = lambda one, task: right(one, task) - 0.05 * (one.training.learning_rate == 1e-4)  # noqa: E731
    run(made, workspace, monkeypatch, right=better)
    trained = query(workspace, "SELECT seed, learning_rate, selected FROM runs WHERE seed >= 3 AND state = 'done'").rows
    assert trained
    assert {row[1:] for row in trained} == {(1e-3, True)}


def test_listed_seeds_have_no_looks(plan, workspace, monkeypatch):
    made = plan(seeds=[0, 1, 2])
    assert len(run(made, workspace, monkeypatch)) == 12
    assert looks(workspace) == []
    assert manifest(made, workspace).looks == ()
    assert query(workspace, "SELECT count(*) FROM comparison").rows == [(4,)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": {"at_least": 2, "until": "settled"}}, "greater than or equal to 3"),
        ({"seeds": {"at_least": 9, "at_most": 5, "until": "settled"}}, "at_least should be at most at_most"),
        ({"seeds": {"at_least": 3}}, "Field required"),
        ({"seeds": [0, 1, 2], "budget": {"minutes": 3}}, "a budget should go with seeds until settled"),
        ({"budget": {}}, "a budget should limit minutes or gpu_hours"),
        ({"search": {}}, "an experiment with a search should list its seeds"),
    ],
)
def test_what_cannot_be_meant_is_refused(plan, changes, message):
    with pytest.raises(ValidationError, match=message):
        plan(**changes)


def test_everybody_who_asks_sees_the_looks(whole, tmp_path, mtlens):
    made, workspace = whole.plan, whole.workspace
    experiment_id = made.experiment.experiment_id
    info = queries.looks(workspace, experiment_id)
    assert (info.schedule, info.ended) == ((3, 5, 8, 12), manifest(made, workspace).ended)
    assert [row[:4] for row in looks(workspace)] == [(row.look, row.seeds, row.task, row.verdict) for row in info.rows]
    figure = figures.looks(info)
    assert figures.title_of(figure) == f"Every verdict is settled after {info.rows[-1].seeds} seeds"
    assert "noisy after 3 seeds: inconclusive" in figures.alt_of(figure)
    assert [row[0] for row in tables.of_looks(info).rows] == [row.look for row in info.rows]
    page = write_report(workspace, tmp_path / "report.html").read_text()
    assert figures.title_of(figure) in page
    code, printed, _ = mtlens("status", "-w", workspace.root)
    assert code == 0
    assert "ended" in printed
    table = query(workspace, LOOKS)
    assert table.rows[0][2:4] == ("1 of 4", 3)
    assert table.rows[0][4] == "even: matches, worse: worse, mean: worse"
    assert table.rows[0][5].startswith("noisy (")
    assert [row[6] for row in table.rows] == [""] * (len(table.rows) - 1) + [info.ended]


def test_a_plan_tells_what_each_look_costs(plan, workspace):
    overview = Overview.of(plan(budget={"minutes": 30}), workspace.root)
    assert [(look.seeds, look.runs) for look in overview.looks] == [(3, 12), (5, 20), (8, 32), (12, 48)]
    assert overview.looks[1].minutes == pytest.approx(overview.looks[0].minutes * 20 / 12)
    assert len(overview.missing) == 12
    with out.capture() as captured:
        print_plan(overview)
    assert "12 runs (3 multi, 9 single) over 3 seeds" in captured.get()
    assert "No look begins that would exceed the budget of 30 minutes." in captured.get()


def test_what_a_merged_model_is_made_of_is_trained_before_it(plan, workspace, monkeypatch):
    """The merged model needs the task-specific models of all tasks, also of those that are settled."""
    made = plan(multi=["joint", "average"])
    planned = {planned.run.run_id: planned for planned in made.runs}
    order = []
    perform = fake_training(made, right)

    def watched(run, *arguments, **settings):
        order.append(run.run_id)
        return perform(run, *arguments, **settings)

    monkeypatch.setattr(local, "perform", watched)
    run_experiment(made, workspace, explain=False, local=True, address=None, show=lambda _: None)
    merged = [run_id for run_id in order if planned[run_id].role == "average"]
    assert len(merged) > 3
    for run_id in merged:
        sources = planned[run_id].run.derivation.sources
        assert {planned[source].role for source in sources} == {"single"}
        assert all(order.index(source) < order.index(run_id) for source in sources)
    listed = {listed.run_id for listed in manifest(made, workspace).runs}
    assert set(order) <= listed
