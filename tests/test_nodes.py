"""Faults of a cluster, on several Ray nodes of this machine: nodes that go and come, with lanes and with wide runs."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from backend.errors import FleetError
from backend.fleet import cluster as module
from backend.fleet.cluster import cluster_lanes
from backend.fleet.local import run_local
from backend.settings import Resources
from backend.store.ingest import ingest
from backend.store.read import query
from backend.store.runs import RunFolder
from backend.store.workspace import Workspace
from tests._nodes import NODE, nodes

pytestmark = [pytest.mark.slow, pytest.mark.fault]


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "cluster")


def wait_until(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what should happen did not"
        time.sleep(0.05)


def done(workspace, runs):
    return [run for run in runs if RunFolder(workspace, run.run_id).state == "done"]


def epochs(workspace, run):
    folder = RunFolder(workspace, run.run_id).path
    return sum(path.read_text().count('"kind": "epoch"') for path in folder.glob("journal-*.jsonl"))


def journals(workspace, run):
    return len(list(RunFolder(workspace, run.run_id).path.glob("journal-*.jsonl")))


def predictions(workspace, run):
    return RunFolder(workspace, run.run_id).facts()["files"]["predictions.parquet"]


def assert_nothing_is_lost_or_doubled(workspace, runs):
    """Each run is one row, finished once, and no prediction is there twice."""
    ingest(workspace, force=True)
    rows = query(workspace, "SELECT run_id, count(*) FROM run WHERE state = 'done' GROUP BY run_id ORDER BY 1").rows
    assert [tuple(row) for row in rows] == [(run_id, 1) for run_id in sorted(run.run_id for run in runs)]
    doubled = "SELECT run_id, split, task, example_id FROM prediction GROUP BY ALL HAVING count(*) > 1"
    assert query(workspace, doubled).rows == []
    ended = "SELECT run_id FROM event WHERE kind = 'done' GROUP BY run_id HAVING count(*) > 1"
    assert query(workspace, ended).rows == []


def in_background(work):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(work()), daemon=True)
    thread.start()
    return thread, answers


def test_a_node_that_goes_and_one_that_joins_change_no_result(make_run, encoded, workspace, tmp_path, monkeypatch):
    from backend.fleet import trainer

    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_RESIZES", 2.0)
    runs = [make_run("grade", seed=seed, epochs=80) for seed in range(8)]
    with nodes(1, 1) as (cluster, (_, leaving)):
        lanes = cluster_lanes(Resources())
        assert (lanes.workers, lanes.threads, lanes.cpus, lanes.elastic) == (2, 1, 1.0, True)
        thread, answers = in_background(lambda: trainer.run_fleet(runs, encoded, workspace, lanes))
        wait_until(lambda: len(done(workspace, runs)) >= 2 and epochs(workspace, runs[2]) >= 3)
        before = {
            run.run_id: (RunFolder(workspace, run.run_id).path / "DONE").stat().st_mtime_ns for run in done(workspace, runs)
        }
        cluster.remove_node(leaving, allow_graceful=False)
        some = len(before)
        wait_until(lambda: len(done(workspace, runs)) > some)  # with one lane it goes on
        cluster.add_node(num_cpus=1, **NODE)
        thread.join(timeout=120)
    assert answers, "the fleet should have ended"
    assert [outcome.reason for outcome in answers[0]] == [""] * len(runs)
    assert {run_id: (workspace.runs / run_id / "DONE").stat().st_mtime_ns for run_id in before} == before
    assert max(journals(workspace, run) for run in runs) >= 2  # some run was resumed
    assert_nothing_is_lost_or_doubled(workspace, runs)
    local = Workspace.open(tmp_path / "local")
    run_local(runs, encoded, local, lanes)
    assert [predictions(workspace, run) for run in runs] == [predictions(local, run) for run in runs]


def test_a_node_that_goes_during_wide_runs_changes_no_result(make_run, encoded, workspace, tmp_path):
    from backend.fleet.trainer import run_wide

    runs = [make_run("grade", seed=seed, epochs=40) for seed in range(2)]
    with nodes(1, 1, 1) as (cluster, workers):
        lanes = cluster_lanes(Resources(workers_per_run=2))
        assert (lanes.workers, lanes.side_by_side) == (2, 1)
        thread, answers = in_background(lambda: run_wide(runs, encoded, workspace, lanes))
        wait_until(lambda: epochs(workspace, runs[0]) >= 3)
        cluster.remove_node(_used(workers), allow_graceful=False)
        thread.join(timeout=200)
    assert answers, "the wide runs should have ended"
    assert [outcome.reason for outcome in answers[0]] == ["", ""]
    assert journals(workspace, runs[0]) >= 2
    assert_nothing_is_lost_or_doubled(workspace, runs)
    local = Workspace.open(tmp_path / "local")
    run_local(runs, encoded, local, replace(lanes, workers_per_run=1))
    for run in runs:
        wide, alone = (pq.read_table(RunFolder(one, run.run_id).path / "predictions.parquet") for one in (workspace, local))
        assert wide.drop(["probabilities", "predicted"]) == alone.drop(["probabilities", "predicted"])
        first, second = (np.concatenate(table["probabilities"].to_pylist()) for table in (wide, alone))
        np.testing.assert_allclose(first, second, atol=5e-3)


def _used(workers):
    """A node that a worker of the run in training is on."""
    import ray

    free = {one["NodeID"] for one in ray.nodes() if one["Alive"] and _free_cpus(one["NodeID"]) >= 1}
    return next(node for node in workers if node.node_id not in free)


def _free_cpus(node_id):
    from ray._private.state import available_resources_per_node

    return available_resources_per_node().get(node_id, {}).get("CPU", 0.0)


def test_what_no_node_has_room_for_fails_clearly_and_in_time(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_FOR_A_NODE", 2.0)
    with nodes(1) as (cluster, _):
        started = time.monotonic()
        with pytest.raises(FleetError, match=r"a node should have room for a lane \(1 CPU, 1 GPUs\) within 2 s; found nodes: "):
            cluster_lanes(Resources(gpus_per_run=1, lanes=4))
        assert time.monotonic() - started < 60
        with pytest.raises(FleetError, match="workers_per_run should be at most 1, the lanes of 1 nodes; found 2"):
            cluster_lanes(Resources(workers_per_run=2))
        _assert_a_wrong_token_is_refused(cluster.address)


def _assert_a_wrong_token_is_refused(address):
    code = (
        "import sys\nfrom backend.errors import FleetError\nfrom backend.fleet.cluster import session\n"
        "try:\n    with session(sys.argv[1]): print('let in')\nexcept FleetError as error: print(error)"
    )
    wrong = {**os.environ, "RAY_AUTH_TOKEN": "0" * 64}
    command = [sys.executable, "-c", code, address]
    answer = subprocess.run(command, env=wrong, capture_output=True, text=True, timeout=120, check=True)
    assert answer.stdout.startswith(f"cluster at '{address}' should answer"), answer.stdout + answer.stderr
    assert answer.stdout.count("\n") == 1
