"""The groups that a search trains: how many, each once, within budgets, after faults, and where it goes on."""

import json

import numpy as np
import pytest

from mtlens.cli import output
from mtlens.config.loading import parse_experiments
from mtlens.config.run import Outcome
from mtlens.errors import ExperimentError
from mtlens.evidence.jobs import Trained, plan_evidence
from mtlens.execution import local
from mtlens.execution.experiment import register, run_experiment
from mtlens.execution.group_search import GroupSearch
from mtlens.execution.job import perform
from mtlens.execution.plan import make_plan
from mtlens.store.analysis.affinities import stored_affinities
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.evidence_folder import LOOKAHEAD, EvidenceFolder
from mtlens.store.workspace.evidence_tables import LookaheadRow, lookahead_table
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.run_tables import to_parquet
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.fake_training import fake_training

NAMES = ("a", "b", "c", "d", "e")


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "results")


def searched(made, workspace, perform=None):
    """What a whole search without evidence did. perform: in place of training, which otherwise is over at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "perform", perform or untrained(made))
        return run_experiment(made, workspace, explain=False, local=True, address=None, show=lambda _: None)


def untrained(made):
    """Finishes a run at once, with predictions that are right four times in five."""
    return fake_training(made, lambda run, task: 0.8)


@pytest.mark.parametrize(("num_tasks", "num_groups"), [(4, 15), (5, 31)])
def test_an_exhaustive_search_trains_each_group_once_per_seed(search_plan, workspace, num_tasks, num_groups):
    ended = searched(search_plan(num_tasks), workspace)
    assert len(ended) == len({result.job.run_id for result in ended}) == num_groups
    assert len(list(workspace.runs.glob("*/journal-*.jsonl"))) == num_groups
    assert {frozenset(task.name for task in result.job.tasks) for result in ended} >= {frozenset(NAMES[:num_tasks])}
    assert searched(search_plan(num_tasks), workspace) == []


def test_every_group_is_seen_in_the_store_and_stays_there(search_plan, workspace):
    made = search_plan(3, seeds=(0, 1))
    searched(made, workspace)
    sql = "SELECT role, count(*), bool_and(state = 'done') FROM runs GROUP BY role ORDER BY role"
    expected = [("group", 6, True), ("multi", 2, True), ("single", 6, True)]
    assert query(workspace, sql).rows == expected
    concluded = query(workspace, "FROM grouping ORDER BY ALL").rows
    without = make_plan(made.experiment.model_copy(update={"search": None}), [workspace.root.parent])
    searched(without, workspace)
    assert query(workspace, sql).rows == expected
    assert query(workspace, "FROM grouping ORDER BY ALL").rows == concluded != []


def test_groups_keep_their_model_and_not_their_epochs(search_plan, workspace):
    made = search_plan(3)
    for result in searched(made, workspace, perform):
        folder = RunFolder(workspace, result.job.run_id).path
        assert (folder / "model.safetensors").exists()
        assert bool(list(folder.glob("epoch-*"))) == (len(result.job.tasks) == 3)


@pytest.mark.parametrize("method", ["guided", "random"])
def test_a_budget_of_runs_is_kept_and_counted_again_after_a_restart(search_plan, workspace, method):
    made = search_plan(5, method=method, runs=6)
    ended = searched(made, workspace)
    assert 0 < sum(1 < len(result.job.tasks) < 5 for result in ended) <= 6
    assert searched(made, workspace) == []
    for state in (workspace.root / "search").glob("*.json"):
        state.write_bytes(state.read_bytes()[:-9])
    assert searched(made, workspace) == []
    for state in (workspace.root / "search").glob("*.json"):
        state.unlink()
    assert searched(made, workspace) == []


def test_all_tasks_together_count_where_nothing_else_asks_for_them(search_plan, workspace):
    made = search_plan(3, runs=3)
    alone = make_plan(made.experiment.model_copy(update={"runs": ("single",)}), [workspace.root.parent])
    assert sum(len(result.job.tasks) > 1 for result in searched(alone, workspace)) == 3
    assert sum(len(result.job.tasks) == 3 for result in searched(made, workspace)) == 1  # asked for by the comparison


def test_a_budget_of_seconds_ends_the_search_once_its_runs_have_taken_them(search_plan, workspace):
    made = search_plan(5, seeds=(0, 1), method="random", gpu_seconds=10)
    search, trained, before = GroupSearch(made, workspace, made.experiment.search, lambda _: None), set(), 0
    while (family := search.propose()) is not None:
        before = len(trained)
        for run in search.missing(family):
            trained |= {run.run_id} if 1 < len(run.tasks) < 5 else set()
            fake_runs.finish(workspace, run)  # which says that it took 1.5 s
        search.tell(family)
    assert 1.5 * before < 10 <= 1.5 * len(trained)


def test_a_budget_of_minutes_ends_the_search_by_the_clock(search_plan, workspace, monkeypatch):
    made, now = search_plan(4, method="random", minutes=2), [0.0]
    monkeypatch.setattr("mtlens.execution.group_search.time.monotonic", lambda: now[0])
    search = GroupSearch(made, workspace, made.experiment.search, lambda _: None)
    now[0] = 119.0
    assert search.propose() is not None
    now[0] = 120.0
    assert search.propose() is None


def test_two_searches_share_groups(search_plan, workspace):
    first = searched(search_plan(4, method="random", runs=4), workspace)
    second = searched(search_plan(4), workspace)
    assert not {one.job.run_id for one in first} & {one.job.run_id for one in second}
    assert len(first) + len(second) == 15


def test_a_failed_group_is_kept_out_named_and_tried_again(search_plan, workspace, capsys):
    made = search_plan(4)
    finish = untrained(made)

    def fails(job, *arguments, **settings):
        if {task.name for task in job.tasks} == {"a", "b"}:
            workspace.runs.joinpath(job.run_id).mkdir(exist_ok=True)
            RunFolder(workspace, job.run_id).fail("no room")
            return Outcome(job_id=job.run_id, reason="no room")
        return finish(job, *arguments, **settings)

    ended = searched(made, workspace, fails)
    assert [result.reason for result in ended if result.reason] == ["no room"]
    assert [result.job.label for result in ended if result.reason] == ["a + b s0"]
    output.print_kept_out(ended, 4)
    printed = " ".join(capsys.readouterr().out.split())
    assert printed == "a + b: kept out of the search, as a run failed (no room); the next start tries it again"
    search = GroupSearch(made, workspace, made.experiment.search, lambda _: None)
    assert 0b0011 not in search.measured().groups
    assert [{task.name for task in result.job.tasks} for result in searched(made, workspace)] == [{"a", "b"}]


def test_a_search_killed_on_the_way_trains_nothing_finished(search_plan, workspace):
    made = search_plan(4)
    finish, calls = untrained(made), []

    def killed(job, *arguments, **settings):
        if len(calls) == 8:
            raise KeyboardInterrupt
        calls.append(job.run_id)
        return finish(job, *arguments, **settings)

    with pytest.raises(KeyboardInterrupt):
        searched(made, workspace, killed)
    again = searched(made, workspace)
    assert len(again) == 7
    assert not {one.job.run_id for one in again} & set(calls)


def know(made, workspace, affinity=None):
    """Finish what is trained before a search, and the look-ahead if its affinities are given."""
    states, others = plan_evidence(made.experiment, [Trained(role=planned.role, run=planned.run) for planned in made.runs])
    register(made, workspace, evidence_jobs=(*states, *others))
    for position, planned in enumerate(made.runs):
        fake_runs.finish(workspace, planned.run, right=0.7 + 0.02 * position, num_examples=360)
    for evidence_job in others if affinity is not None else ():
        if evidence_job.kind == "lookahead":
            folder = EvidenceFolder(workspace, evidence_job.job_id)
            folder.start({"kind": evidence_job.kind}, {}, {}).close()
            found = [
                LookaheadRow(
                    seed=evidence_job.run.seed, epoch=1, task_from=NAMES[i], task_for=NAMES[j], lookahead=float(affinity[i, j]),
                    first_order=float(affinity[i, j]), microbatches=4,
                )
                for i, j in np.argwhere(~np.eye(len(affinity), dtype=bool)).tolist()
            ]  # fmt: skip
            folder.finish({LOOKAHEAD: to_parquet(lookahead_table(found))}, {"seconds": 1.0})
    ingest(workspace, force=True)
    return stored_affinities(workspace, made.experiment)


def proposals(made, workspace, *evidence, most=4):
    search = GroupSearch(made, workspace, made.experiment.search, lambda _: None, *evidence)
    return [search.propose() for _ in range(most)]


def test_under_stored_affinities_of_planted_clusters_the_first_proposal_is_the_clusters(search_plan, workspace):
    made = search_plan(5, seeds=(0, 1), method="guided", runs=20)
    together = np.array([0, 1, 0, 1, 1])
    noise = np.random.default_rng(0).normal(scale=0.1, size=(5, 5))
    evidence = know(made, workspace, np.where(together[:, None] == together, 1.0, -1.0) + noise)
    planted = (0b00101, 0b11010)
    assert proposals(made, workspace, evidence)[0] == planted
    assert planted not in proposals(made, workspace)


def test_without_stored_affinities_proposals_are_as_they_would_be(search_plan, workspace):
    made = search_plan(5, seeds=(0, 1), method="guided", runs=20)
    evidence = know(made, workspace)
    assert [*vars(evidence[0]).values(), *vars(evidence[1]).values()] == [None] * 5
    assert proposals(made, workspace, evidence) == proposals(made, workspace)


TEXT = """\
name: t
data: {{spine: {{region: lumbar, reports: 9}}}}
tasks: {{a: {{classes: [x, y]}}, b: {{classes: [x, y]}}, c: {{classes: [x, y]}}}}
margin: 0.1
search: {search}
"""


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("{models: 1, costs: {2: 1.5, 3: 2}}", "search.models should pay for every task, 2 at least; found 1"),
        ("{models: 0.5}", "search.models should pay for every task, 1 at least; found 0.5"),
        ("{runs: 2}", "search.runs should pay for one group under every seed, 3; found 2"),
        ("{method: guided}", "a guided search should have a budget: runs, gpu_seconds or minutes; found none"),
    ],
)
def test_a_budget_too_small_is_named_before_anything_is_read(search, message):
    with pytest.raises(ExperimentError, match=message):
        parse_experiments(TEXT.format(search=search), "t.yaml")


def test_state_is_json_of_families(search_plan, workspace):
    searched(search_plan(3), workspace)
    (state,) = (workspace.root / "search").glob("*.json")
    assert json.loads(state.read_bytes())["families"] == [
        [[0], [1], [2]],
        [[0], [1, 2]],
        [[0, 1], [2]],
        [[0, 2], [1]],
        [[0, 1, 2]],
    ]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[1]",
        '{"families": 3}',
        '{"families": [[[0], [2]]]}',
        '{"families": [[[0, 1, 2, 3]]]}',
        '{"families": [[["a"]]]}',
    ],
    ids=["empty", "no families", "no object", "number", "a task in no group", "other tasks", "no places"],
)
def test_a_state_that_cannot_be_used_changes_nothing(search_plan, workspace, content):
    made = search_plan(3)
    path = workspace.root / "state.json"
    path.write_text(content)
    search, fresh = (GroupSearch(made, workspace, made.experiment.search, lambda _: None) for _ in range(2))
    search.restore_from(path)
    assert [search.propose() for _ in range(6)] == [fresh.propose() for _ in range(6)]


@pytest.mark.parametrize("method", ["guided", "optuna", "random"])
def test_covers_within_the_budget_are_proposed_none_twice_and_never_again_after_a_restart(search_plan, workspace, method):
    made = search_plan(4, method=method, runs=9, overlap=True, models=2.5, costs={1: 0.5})
    told = []

    def search():
        return GroupSearch(made, workspace, made.experiment.search, lambda _: None)

    first = search()
    while (family := first.propose()) is not None:
        for run in first.missing(family):
            fake_runs.finish(workspace, run)
        first.tell(family)
        told.append(family)
    assert len(told) == len(set(told)) > 2
    assert any(sum(group.bit_count() for group in family) > 4 for family in told)
    assert all(sum(0.5 if group.bit_count() == 1 else 1 for group in family) <= 2.5 for family in told)
    assert search().propose() is None
