"""Lanes on a real Ray: same numbers as without it, runs that fail alone, lanes that are killed, data-parallel runs."""

import contextlib
import os
import signal
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from experiments.benchmarks.scale import resources
from experiments.cluster.drill import markers, taken_up
from mtlens.config.sections import Resources
from mtlens.errors import ExecutionError
from mtlens.execution.lanes import Lanes, divide
from mtlens.execution.local import run_local
from mtlens.execution.ray_backend import session as session_module
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.run import execute
from tests.support.fault_trial import NUM_RUNS, assert_as_undisturbed, done, in_background, in_flight, unfinished, wait_until

LANES = Lanes(workers=2, workers_per_run=1, threads=1, cpus=1.0, gpus=0.0)
GIB = 2**30


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "on-ray")


def predictions(workspace, run):
    return RunFolder(workspace, run.run_id).facts()["files"]["predictions.parquet"]


def kill_lane(workspace, run):
    """Kill the process that holds the lock of a run's folder; whether there was one."""
    folder = RunFolder(workspace, run.run_id).path
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and any(fd.readlink() == folder / ".lock" for fd in (entry / "fd").iterdir()):
                os.kill(int(entry.name), signal.SIGKILL)
                return True
    return False


def process_names():
    """Of the processes that this one's Ray has started."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            yield " ".join(process.cmdline())


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.usefixtures("ray_session")
def test_lanes_give_the_numbers_of_the_local_path_and_a_bad_run_harms_no_other(make_run, encoded, workspace, tmp_path):
    from mtlens.execution.ray_backend.train import run_on_workers

    good = [make_run("grade", seed=seed) for seed in range(3)] + [make_run(seed=0)]
    bad = make_run("side", learning_rate=1e30, head_learning_rate=1e30, gradient_clip=1e30)
    outcomes = run_on_workers([good[0], bad, *good[1:]], encoded, workspace, LANES)
    assert [bool(outcome.reason) for outcome in outcomes] == [False, True, False, False, False]
    assert "should be finite" in outcomes[1].reason
    local = Workspace.open(tmp_path / "local")
    run_local(good, encoded, local, LANES)
    assert [predictions(workspace, run) for run in good] == [predictions(local, run) for run in good]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("ray_session")
def test_a_lane_killed_in_the_middle_of_a_run_changes_no_result(trial, tmp_path):
    from mtlens.execution.ray_backend.train import run_on_workers

    runs, workspace = trial.plan.distinct, trial.begin(tmp_path / "on-ray")
    thread, answers = in_background(lambda: run_on_workers(runs, trial.plan.encoded, workspace, LANES))
    wait_until(lambda: len(done(workspace, runs)) >= 2)
    before = markers(workspace)
    wait_until(lambda: any(kill_lane(workspace, run) for run in in_flight(workspace, runs)))
    cut_off = unfinished(workspace)
    thread.join(timeout=400)
    assert answers, "the lanes should have ended"
    assert [outcome.reason for outcome in answers[0]] == [""] * NUM_RUNS
    assert before.items() <= markers(workspace).items()
    assert taken_up(workspace, runs) >= 1
    assert_as_undisturbed(workspace, trial.undisturbed, cut_off=cut_off)


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.usefixtures("ray_session")
def test_a_wide_run_gives_the_numbers_of_one_process(make_run, encoded, workspace, tmp_path):
    from mtlens.execution.ray_backend.train import run_data_parallel

    run = make_run(class_weights="balanced")
    diverging = make_run("side", learning_rate=1e30, head_learning_rate=1e30, gradient_clip=1e30)
    good, bad = run_data_parallel([run, diverging], encoded, workspace, replace(LANES, workers_per_run=2))
    assert good.reason == ""
    assert "should be finite" in bad.reason
    alone = Workspace.open(tmp_path / "alone")
    execute(run, encoded, alone, threads=1)
    wide, single = (pq.read_table(RunFolder(w, run.run_id).path / "predictions.parquet") for w in (workspace, alone))
    assert wide.drop(["probabilities", "predicted"]) == single.drop(["probabilities", "predicted"])
    first, second = (np.concatenate(table["probabilities"].to_pylist()) for table in (wide, single))
    np.testing.assert_allclose(first, second, atol=2e-3)
    for name in ("updates", "task_updates", "best_epoch"):
        assert RunFolder(workspace, run.run_id).facts()[name] == RunFolder(alone, run.run_id).facts()[name]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.usefixtures("ray_session")
def test_a_thousand_runs_of_no_time_leave_the_driver_as_it_was(make_run, encoded, workspace):
    """Finished runs go through the job queue and the lanes like any other; none is trained again."""
    from mtlens.execution.ray_backend.train import run_on_workers

    runs = [make_run("grade", seed=seed) for seed in range(1000)]
    for run in runs:
        folder = RunFolder(workspace, run.run_id)
        folder.path.mkdir()
        (folder.path / "DONE").write_text("{}")
    run_on_workers(runs[:10], encoded, workspace, LANES)
    memory, files, objects = resources()
    outcomes = run_on_workers(runs, encoded, workspace, LANES)
    assert [outcome.job_id for outcome in outcomes] == [run.run_id for run in runs]
    assert not any(outcome.reason for outcome in outcomes)
    assert not list(workspace.runs.glob("*/journal-*"))
    after = resources()
    assert after[0] - memory < 100  # MiB
    assert after[1] - files < 20
    assert after[2] - objects < 10  # MiB; the tokens of the texts are freed with the lanes


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("ray_session")
def test_eight_wide_runs_on_two_cores_and_twenty_early_stops_leave_nothing(make_run, encoded, workspace):
    """Two data-parallel runs at a time need four cores, and there are two, so one waits for the other."""
    from ray.util import placement_group_table

    from mtlens.execution.ray_backend.train import run_data_parallel, run_on_workers

    settled = {"epochs": 9, "patience": 1, "learning_rate": 1e-30, "head_learning_rate": 1e-30}
    runs = [make_run("grade", seed=seed, **settled) for seed in range(20)]
    outcomes = run_data_parallel(runs[:8], encoded, workspace, replace(LANES, workers=4, workers_per_run=2))
    outcomes += run_on_workers(runs[8:], encoded, workspace, LANES)
    assert [outcome.reason for outcome in outcomes] == [""] * 20
    assert {RunFolder(workspace, run.run_id).facts()["epochs_run"] for run in runs} == {2}
    assert taken_up(workspace, runs) == 0
    wait_until(lambda: {group["state"] for group in placement_group_table().values()} <= {"REMOVED"})
    wait_until(lambda: not any("TrainWorker" in name for name in process_names()))


@pytest.mark.usefixtures("ray_session")
def test_ray_starts_with_a_token_that_no_file_holds():
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64
    token_file = Path.home() / ".ray" / "auth_token"
    assert not token_file.exists() or stat.S_IMODE(token_file.stat().st_mode) == 0o600


def test_a_cluster_that_does_not_answer_is_named():
    import subprocess
    import sys

    code = (
        "from mtlens.errors import ExecutionError\nfrom mtlens.execution.ray_backend.session import session\n"
        "try:\n    with session('127.0.0.1:1'): pass\nexcept ExecutionError as error: print(error)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert answer.stdout.startswith("cluster at '127.0.0.1:1' should answer")
    assert answer.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("resources", "cores", "gpus", "memory", "expected"),
    [
        ({}, 2, 0, 24, (2, 1, 0)),
        ({}, 16, 0, 8, (4, 4, 0)),  # a lane needs 2 GiB
        ({}, 64, 8, 512, (8, 8, 1)),
        ({"gpus_per_run": 0.25}, 64, 8, 512, (32, 2, 0.25)),
        ({"lanes": 1}, 2, 0, 24, (1, 2, 0)),
        ({"lanes": 3, "gpus_per_run": 0}, 12, 8, 512, (3, 4, 0)),
        ({"workers_per_run": 2}, 2, 0, 24, (2, 1, 0)),
        ({"workers_per_run": 4}, 64, 8, 512, (8, 8, 1)),
        ({"gpus_per_run": 0.6}, 64, 4, 512, (4, 16, 0.6)),  # two shares of 0.6 do not fit on one GPU
        ({"gpus_per_run": 0.1}, 64, 2, 512, (20, 3, 0.1)),
    ],
)
def test_a_machine_is_divided_into_lanes(resources, cores, gpus, memory, expected):
    lanes = divide(Resources(**resources), cores=cores, gpus=gpus, memory=memory * GIB)
    assert (lanes.workers, lanes.threads, lanes.gpus) == expected


@pytest.mark.parametrize(
    ("resources", "nodes", "expected"),
    [
        ({}, [(2, 0, 24)], (2, 2 * GIB, True)),
        ({}, [(16, 0, 8), (2, 0, 3)], (5, 2 * GIB, True)),  # no more on a node than its memory holds, of those that join too
        ({"lanes": 8}, [(2, 0, 1)], (8, GIB, False)),
        ({}, [(8, 1, 8), (8, 2, 8), (4, 0, 8)], (3, 0, True)),
    ],
)
def test_a_cluster_is_divided_node_by_node(resources, nodes, expected, monkeypatch):
    there = [session_module._Node(cores=cores, gpus=gpus, memory=memory * GIB) for cores, gpus, memory in nodes]
    monkeypatch.setattr(session_module, "_nodes", lambda: there)
    lanes = session_module.cluster_lanes(Resources(**resources))
    assert (lanes.workers, lanes.memory, lanes.grows) == expected


@pytest.mark.parametrize(
    ("resources", "gpus", "message"),
    [
        ({"gpus_per_run": 1}, 0, r"gpus_per_run should be at most 0 \(there are 0 GPUs.*\); found 1"),
        ({"gpus_per_run": 2}, 4, r"gpus_per_run should be at most 1 \(there are 4 GPUs.*\); found 2"),
        ({"lanes": 5}, 0, "should be at most 2, the 2 cores there are; found 5"),
        ({"lanes": 1, "workers_per_run": 3}, 0, "should be at most 2, the 2 cores there are; found 3"),
        ({"lanes": 3, "gpus_per_run": 0.6}, 2, r"should be at most 2, workers of 0\.6 GPUs that fit into 2 GPUs; found 3"),
    ],
)
def test_more_than_there_is_fails_clearly(resources, gpus, message):
    with pytest.raises(ExecutionError, match=message):
        divide(Resources(**resources), cores=2, gpus=gpus, memory=24 * GIB)
