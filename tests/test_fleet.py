"""Lanes on a real Ray: same numbers as without it, runs that fail alone, lanes that are killed, wide runs."""

import os
import signal
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from backend.errors import FleetError
from backend.fleet.cluster import Lanes, divide, session
from backend.fleet.local import run_local
from backend.learn.execute import execute
from backend.settings import Resources
from backend.store.runs import RunFolder
from backend.store.workspace import Workspace

LANES = Lanes(workers=2, workers_per_run=1, threads=1, cpus=1.0, gpus=0.0)
GIB = 2**30


@pytest.fixture(scope="module")
def ray_session():
    with session(None):
        yield


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "fleet")


def predictions(workspace, run):
    return RunFolder(workspace, run.run_id).facts()["files"]["predictions.parquet"]


def lane_processes(workspace, run):
    """Process ids that wrote to a run's folder, from the lock that its lane holds."""
    folder = RunFolder(workspace, run.run_id).path
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and any(fd.readlink() == folder / ".lock" for fd in (entry / "fd").iterdir()):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.usefixtures("ray_session")
def test_a_fleet_gives_the_numbers_of_the_local_path_and_a_bad_run_harms_no_other(make_run, encoded, workspace, tmp_path):
    from backend.fleet.trainer import run_fleet

    good = [make_run("grade", seed=seed) for seed in range(3)] + [make_run(seed=0)]
    bad = make_run("side", learning_rate=1e30, head_learning_rate=1e30, gradient_clip=1e30)
    outcomes = run_fleet([good[0], bad, *good[1:]], encoded, workspace, LANES)
    assert [bool(outcome.reason) for outcome in outcomes] == [False, True, False, False, False]
    assert "should be finite" in outcomes[1].reason
    local = Workspace.open(tmp_path / "local")
    run_local(good, encoded, local, LANES)
    assert [predictions(workspace, run) for run in good] == [predictions(local, run) for run in good]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.usefixtures("ray_session")
def test_a_lane_killed_in_the_middle_of_a_run_loses_no_run(make_run, encoded, workspace, tmp_path):
    from backend.fleet.trainer import run_fleet

    runs = [make_run("grade", seed=seed, epochs=60) for seed in range(3)]
    killed = []

    def kill_when_running():
        for _ in range(600):
            time.sleep(0.1)
            journal = RunFolder(workspace, runs[0].run_id).path / "journal-0.jsonl"
            if journal.exists() and '"epoch"' in journal.read_text() and (holders := lane_processes(workspace, runs[0])):
                os.kill(holders[0], signal.SIGKILL)
                killed.append(holders[0])
                return

    killer = threading.Thread(target=kill_when_running)
    killer.start()
    outcomes = run_fleet(runs, encoded, workspace, LANES)
    killer.join()
    assert len(killed) == 1
    assert all(outcome.reason == "" for outcome in outcomes)
    assert (RunFolder(workspace, runs[0].run_id).path / "journal-1.jsonl").exists()
    undisturbed = Workspace.open(tmp_path / "undisturbed")
    execute(runs[0], encoded, undisturbed, threads=1)
    assert predictions(workspace, runs[0]) == predictions(undisturbed, runs[0])


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.usefixtures("ray_session")
def test_a_wide_run_gives_the_numbers_of_one_process(make_run, encoded, workspace, tmp_path):
    from backend.fleet.trainer import run_wide

    run = make_run(class_weights="balanced")
    diverging = make_run("side", learning_rate=1e30, head_learning_rate=1e30, gradient_clip=1e30)
    good, bad = run_wide([run, diverging], encoded, workspace, replace(LANES, workers_per_run=2))
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
        "from backend.errors import FleetError\nfrom backend.fleet.cluster import session\n"
        "try:\n    with session('127.0.0.1:1'): pass\nexcept FleetError as error: print(error)"
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
    with pytest.raises(FleetError, match=message):
        divide(Resources(**resources), cores=2, gpus=gpus, memory=24 * GIB)
