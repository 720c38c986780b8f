import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mtlens.config.run import Run
from mtlens.store.analysis import comparisons as comparing
from mtlens.store.analysis.model_selection import Pairs, TrainedRun, pair, select
from mtlens.store.database import reader
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    return reader.query(workspace, sql).rows


def trained(role: str, task: str, seed: int, candidate: int = 0, state: str = "done", validation: float = 0.5) -> TrainedRun:
    return TrainedRun(
        run_id=f"{role}-{task}-{seed}-{candidate}",
        role=role,
        candidate=candidate,
        seed=seed,
        tasks=tuple(task.split("+")) if state != "waiting" else (),
        state=state,
        validation=validation,
    )


def chosen(runs: Sequence[TrainedRun], num_seeds: int) -> set[int]:
    """Grid points that are selected."""
    selection = select(runs, num_seeds)
    return {run.candidate for run in runs if selection[run.role, run.run_id]}


def test_without_a_grid_everything_is_chosen_at_once() -> None:
    runs = [trained("single", "a", 0), trained("single", "b", 0, state="waiting"), trained("multi", "a+b", 0, state="failed")]
    assert set(select(runs, 3).values()) == {True}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_best_on_validation_is_chosen(order: tuple[int, ...]) -> None:
    means = (0.6, 0.8, 0.7)
    runs = [trained("single", "a", s, c, validation=means[c] + 0.01 * s) for c in order for s in (0, 1)]
    assert chosen(runs, 2) == {1}


def test_between_equals_the_first_is_chosen() -> None:
    assert chosen([trained("single", "a", 0, c, validation=0.5) for c in (2, 0, 1)], 1) == {0}


@pytest.mark.parametrize("state", ["waiting", "unfinished"])
def test_nothing_is_chosen_before_the_grid_has_ended(state: str) -> None:
    runs = [trained("single", "a", s, c, state=state if (s, c) == (1, 1) else "done") for s in (0, 1) for c in (0, 1)]
    assert set(select(runs, 2).values()) == {None}


@pytest.mark.parametrize("state", ["failed", "damaged"])
def test_a_grid_point_without_all_its_seeds_cannot_be_chosen(state: str) -> None:
    best = {(s, 1): trained("single", "a", s, 1, state="done" if s else state, validation=0.9) for s in (0, 1)}
    runs = [*best.values(), *(trained("single", "a", s, 0, validation=0.1) for s in (0, 1))]
    assert chosen(runs, 2) == {0}


def test_each_role_and_task_set_chooses_for_itself() -> None:
    scores = {("single", "a"): (0.1, 0.2), ("single", "b"): (0.2, 0.1), ("multi", "a+b"): (0.3, 0.4)}
    runs = [trained(role, task, 0, c, validation=v) for (role, task), vs in scores.items() for c, v in enumerate(vs)]
    selection = select(runs, 1)
    assert {run.run_id for run in runs if selection[run.role, run.run_id]} == {
        "single-a-0-1",
        "single-b-0-0",
        "multi-a+b-0-1",
    }


def pairs_of(runs: Sequence[TrainedRun], kind: str = "multi") -> Pairs:
    return pair(runs, select(runs, 1), kind)


def test_pairs_share_seed_and_task() -> None:
    runs = [trained("single", task, seed) for task in "ab" for seed in (1, 0)] + [trained("multi", "a+b", s) for s in (2, 1, 0)]
    assert pairs_of(runs) == {
        task: {seed: (f"single-{task}-{seed}-0", f"multi-a+b-{seed}-0") for seed in (0, 1)} for task in "ab"
    }
    assert pairs_of(runs, "adapter") == {}


def test_seeds_that_a_task_lacks_are_left_out_of_all() -> None:
    runs = [trained("single", "a", 0), trained("single", "a", 1), trained("single", "b", 1), trained("multi", "a+b", 0)]
    runs.append(trained("multi", "a+b", 1))
    assert {task: set(seeds) for task, seeds in pairs_of(runs).items()} == {"a": {1}, "b": {1}}
    assert {task: set(seeds) for task, seeds in pairs_of(runs[:2] + runs[3:]).items()} == {"a": {0, 1}}


@pytest.mark.parametrize("state", ["waiting", "unfinished", "failed", "damaged"])
def test_only_finished_runs_are_paired(state: str) -> None:
    assert pairs_of([trained("single", "a", 0), trained("multi", "a+b", 0, state=state)]) == {}


def macro_f1(run: Run, task: str, right: float, num_examples: int) -> float:
    block = fake_runs.predict(run, task, right, num_examples)[1]
    return float(f1_score(block.columns["label"], block.columns["predicted"], average="macro"))


def test_means_are_those_of_scikit_learn(workspace: Workspace) -> None:
    fake = fake_runs.fake_experiment(runs=("single", "multi", "adapters", "controls"), num_examples=90)
    fake_runs.finish_all(workspace, fake, right=0.7)
    ingest(workspace)
    found = rows(workspace, "SELECT kind, task, single_mean, multi_mean, difference, seeds, examples FROM matching")
    assert [(kind, task) for kind, task, *_ in found] == [
        (kind, task) for kind in ("multi", "adapter", "shuffled") for task in ("bulge", "stenosis", None)
    ]
    means: dict[tuple[object, str], float] = {}
    for kind, task in itertools.product(("single", "multi", "adapter", "shuffled"), ("bulge", "stenosis")):
        runs = [run for run in fake.of_role(kind) if task in {one.name for one in run.tasks}]
        means[kind, task] = float(np.mean([macro_f1(run, task, 0.7, 90) for run in runs]))
    for kind, task, single, other, difference, seeds, examples in found:
        tasks = [str(task)] if task else ["bulge", "stenosis"]
        assert single == pytest.approx(np.mean([means["single", one] for one in tasks]))
        assert other == pytest.approx(np.mean([means[kind, one] for one in tasks]))
        assert difference == pytest.approx(np.mean([means[kind, one] - means["single", one] for one in tasks]))
        assert (seeds, examples) == (3, 30)


def test_verdicts_are_found(workspace: Workspace) -> None:
    fake = fake_runs.fake_experiment(runs=("single", "multi", "controls"), num_examples=1200, margin=0.1)
    fake_runs.save(workspace, fake)
    for planned in fake.planned:
        right = 0.4 if planned.role == "shuffled" else 0.9
        fake_runs.finish(workspace, planned.run, right=right, num_examples=1200)
    ingest(workspace)
    verdicts = rows(workspace, "SELECT kind, scope, verdict, p_equivalence < 0.05, p_difference < 0.05, needed FROM matching")
    assert set(verdicts) == {
        ("multi", "task", "matches", True, False, ""),
        ("multi", "pooled", "matches", True, False, ""),
        ("shuffled", "task", "worse", False, True, ""),
        ("shuffled", "pooled", "worse", False, True, ""),
    }
    ((low90, high90, low95, high95, margin),) = rows(
        workspace, "SELECT low90, high90, low95, high95, margin FROM matching WHERE kind = 'multi' AND scope = 'pooled'"
    )
    assert isinstance(low90, float)
    assert isinstance(high90, float)
    assert -0.1 < low90 < high90 < 0.1
    assert low95 < low90 < high90 < high95  # type: ignore[operator]
    assert margin == 0.1


def test_one_seed_has_no_interval(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, fake_runs.fake_experiment(seeds=(0,)))
    ingest(workspace)
    found = rows(workspace, "SELECT low90, high95, p_equivalence, verdict, needed FROM matching")
    assert found == [(None, None, 1.0, "inconclusive", "at least 3 seeds; found 1")] * 3


def test_pooled_waits_for_all_tasks(workspace: Workspace) -> None:
    fake = fake_runs.fake_experiment(seeds=(0,))
    fake_runs.save(workspace, fake)
    by_task = {run.tasks[0].name: run for run in fake.of_role("single")}
    for run, expected in (
        (by_task["stenosis"], []),
        (fake.of_role("multi")[0], ["stenosis"]),
        (by_task["bulge"], ["bulge", "stenosis", None]),
    ):
        fake_runs.finish(workspace, run)
        ingest(workspace, force=True)
        assert rows(workspace, "SELECT task FROM matching") == [(task,) for task in expected]


def test_a_grid_is_compared_at_its_best(workspace: Workspace) -> None:
    fake = fake_runs.fake_experiment(seeds=(0,), learning_rates=(1e-4, 1e-3), num_examples=90)
    fake_runs.save(workspace, fake)
    for planned in fake.planned[:-1]:
        fake_runs.finish(workspace, planned.run, right=0.9 if planned.candidate == 1 else 0.5, num_examples=90)
    ingest(workspace)
    selected = "SELECT role, tasks, candidate, selected FROM runs WHERE role = 'single'"
    assert sorted(rows(workspace, selected)) == [
        ("single", task, candidate, candidate == 1) for task in ("bulge", "stenosis") for candidate in (0, 1)
    ]
    assert rows(workspace, "FROM matching") == []
    last = fake.planned[-1]
    assert (last.role, last.candidate) == ("multi", 1)
    fake_runs.finish(workspace, last.run, right=1.0, num_examples=90)
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT multi_mean FROM matching WHERE scope = 'pooled'") == [(1.0,)]
    assert rows(workspace, "SELECT candidate FROM runs WHERE role = 'multi' AND selected") == [(1,)]


def test_latest_is_the_newest_of_its_name(workspace: Workspace) -> None:
    old, new = (fake_runs.fake_experiment("same", seeds=(0,), margin=margin) for margin in (0.1, 0.2))
    fake_runs.finish_all(workspace, old)
    fake_runs.save(workspace, new, created="2031-01-01T00:00:00+00:00")
    ingest(workspace)
    shared = rows(workspace, "SELECT DISTINCT margin, latest FROM matching ORDER BY ALL")
    assert shared == [(0.1, False), (0.2, True)]


def test_pairs_that_did_not_change_are_not_compared_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    compare = comparing.compare

    def count(*args: object, **kwargs: object) -> object:
        calls.append(1)
        return compare(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(comparing, "compare", count)
    fake = fake_runs.fake_experiment(seeds=(0,), runs=("single", "multi", "adapters"))
    fake_runs.save(workspace, fake)
    expected = {"single": 0, "multi": 1, "adapter": 1}
    for planned in fake.planned:
        fake_runs.finish(workspace, planned.run)
        before = len(calls)
        ingest(workspace, force=True)
        assert len(calls) - before == expected[planned.role]
    fake_runs.finish(workspace, fake_runs.fake_experiment(seeds=(5,)).runs[0])
    ingest(workspace, force=True)
    assert len(calls) == 3


def test_without_publishing_nothing_is_compared(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("compared")

    monkeypatch.setattr(comparing, "refresh", refuse)
    fake_runs.finish_all(workspace, fake_runs.fake_experiment(seeds=(0,)))
    assert ingest(workspace, publish=False).pending
