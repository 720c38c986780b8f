"""Faults of a cluster, on several Ray nodes of this machine: nodes that go and come, with lanes and with data-parallel runs."""

import functools
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from experiments.cluster.drill import markers, taken_up
from experiments.cluster.nodes import NODE, nodes
from mtlens.config.sections import Resources
from mtlens.errors import ExecutionError
from mtlens.execution.lanes import BYTES_PER_LANE
from mtlens.execution.local import run_local
from mtlens.execution.ray_backend import session as module
from mtlens.execution.ray_backend.session import cluster_lanes
from mtlens.store.database.reader import query
from mtlens.store.workspace.run_folder import RunFolder
from tests.support.fault_trial import (
    NUM_RUNS,
    assert_as_undisturbed,
    done,
    epochs,
    in_background,
    in_flight,
    unfinished,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(900)]  # on a busy machine
VERDICTS = "SELECT kind, task, verdict FROM comparison ORDER BY ALL"


def test_a_node_that_joins_and_one_that_goes_change_no_result(trial, tmp_path, monkeypatch):
    import ray

    from mtlens.execution.ray_backend import train

    monkeypatch.setattr(train, "SECONDS_BETWEEN_RESIZES", 2.0)
    runs, workspace = trial.plan.distinct, trial.begin(tmp_path / "cluster")
    with nodes(1) as (cluster, (leaving,)):
        lanes = cluster_lanes(Resources())
        assert (lanes.workers, lanes.threads, lanes.cpus, lanes.memory) == (1, 1, 1.0, BYTES_PER_LANE)

        def rest():
            """Asked for when the first runs are done, and there on two lanes."""
            wait_until(lambda: ray.cluster_resources()["CPU"] == 2 and "CPU" not in ray.available_resources())
            yield runs[2:]

        work = functools.partial(train.run_on_workers, runs[:2], trial.plan.encoded, workspace, lanes, rest())
        thread, answers = in_background(work)
        wait_until(lambda: len(done(workspace, runs)) == 2)
        cluster.add_node(num_cpus=1, **NODE)
        wait_until(lambda: len(done(workspace, runs)) >= 3 and _begun_lately(leaving, workspace, runs))
        before, cut_off = markers(workspace), unfinished(workspace)
        cluster.remove_node(leaving, allow_graceful=False)
        thread.join(timeout=400)
    assert answers, "the lanes should have ended"
    assert [outcome.reason for outcome in answers[0]] == [""] * NUM_RUNS
    assert before.items() <= markers(workspace).items()
    assert taken_up(workspace, runs) >= 1
    assert_as_undisturbed(workspace, trial.undisturbed, cut_off=cut_off)


def _begun_lately(node, workspace, runs):
    """Runs in training on a node that are not past a third: they do not end while the node is taken away."""
    raylet = node.all_processes["raylet"][0].process.pid
    return [run for run in in_flight(workspace, runs) if epochs(workspace, run) <= 8 and _parent(workspace, run) == raylet]


def _parent(workspace, run):
    """The parent of the process that works on a run."""
    journals = RunFolder(workspace, run.run_id).path.glob("journal-*.jsonl")
    newest = max(journals, key=lambda path: int(path.stem.removeprefix("journal-")))
    try:
        return psutil.Process(json.loads(newest.read_text().splitlines()[0])["payload"]["process"]).ppid()
    except psutil.NoSuchProcess:
        return None


def test_a_node_that_goes_during_wide_runs_changes_no_verdict(trial, tmp_path):
    """Sums in another order differ in their last digits; labels and verdicts do not."""
    from mtlens.execution.ray_backend.train import run_data_parallel

    runs, workspace = trial.plan.distinct, trial.begin(tmp_path / "cluster")
    wide, others = runs[:2], runs[2:]
    with nodes(1, 1, 1) as (cluster, workers):
        lanes = cluster_lanes(Resources(workers_per_run=2))
        assert (lanes.workers, lanes.side_by_side) == (2, 1)
        thread, answers = in_background(lambda: run_data_parallel(wide, trial.plan.encoded, workspace, lanes))
        wait_until(lambda: epochs(workspace, wide[0]) >= 3)
        cluster.remove_node(_used(workers), allow_graceful=False)
        thread.join(timeout=400)
    assert answers, "the data-parallel runs should have ended"
    assert [outcome.reason for outcome in answers[0]] == ["", ""]
    assert taken_up(workspace, wide) >= 1
    run_local(others, trial.plan.encoded, workspace, replace(lanes, workers_per_run=1))
    assert_as_undisturbed(
        workspace,
        trial.undisturbed,
        {"example": "*", "experiment_run": "*", "prediction": "run_id, split, task, example_id, label"},
    )
    for run in wide:
        one, other = (RunFolder(where, run.run_id).path / "predictions.parquet" for where in (workspace, trial.undisturbed))
        first, second = (np.concatenate(pq.read_table(path)["probabilities"].to_pylist()) for path in (one, other))
        np.testing.assert_allclose(first, second, atol=5e-3)
    assert query(workspace, VERDICTS).rows == query(trial.undisturbed, VERDICTS).rows


def _used(workers):
    """A node that a worker of the run in training is on."""
    import ray

    free = {node["NodeID"] for node in ray.nodes() if node["Alive"] and _free_cpus(node["NodeID"]) >= 1}
    return next(node for node in workers if node.node_id not in free)


def _free_cpus(node_id):
    from ray._private.state import available_resources_per_node

    return available_resources_per_node().get(node_id, {}).get("CPU", 0.0)


def test_what_no_node_has_room_for_fails_clearly_and_in_time(monkeypatch, tmp_path):
    from ray._private.ray_constants import AUTOSCALER_RESOURCE_REQUEST_CHANNEL
    from ray.experimental.internal_kv import _internal_kv_get

    monkeypatch.setattr(module, "SECONDS_FOR_A_NODE", 2.0)
    with nodes(1) as (cluster, _):
        started = time.monotonic()
        with pytest.raises(
            ExecutionError, match=r"a node should have room for a lane \(1 CPU, 1 GPUs\) within 2 s; found nodes: "
        ):
            cluster_lanes(Resources(gpus_per_run=1, lanes=4))
        assert time.monotonic() - started < 60
        with pytest.raises(ExecutionError, match="workers_per_run should be at most 1, the lanes of 1 nodes; found 2"):
            cluster_lanes(Resources(workers_per_run=2))
        assert json.loads(_internal_kv_get(AUTOSCALER_RESOURCE_REQUEST_CHANNEL)) == []  # or a machine would stay for it
        wrong, none = {"RAY_AUTH_TOKEN": "0" * 64}, {"RAY_AUTH_TOKEN": "", "HOME": str(tmp_path)}
        assert "found one that it refuses" in _refusal(cluster.address, wrong)
        assert "found none" in _refusal(cluster.address, none)


def _refusal(address, environment):
    """The one line that is printed for somebody who may not join; Ray itself would try for longer, and print more."""
    code = (
        "import sys\nfrom mtlens.errors import ExecutionError\nfrom mtlens.execution.ray_backend.session import session\n"
        "try:\n    with session(sys.argv[1]): print('let in')\nexcept ExecutionError as error: print(error)"
    )
    command, theirs = [sys.executable, "-c", code, address], {**os.environ, **environment}
    answer = subprocess.run(command, env=theirs, capture_output=True, text=True, timeout=120, check=True)
    assert answer.stdout.startswith(f"cluster at '{address}' should get its token"), answer.stdout + answer.stderr
    assert answer.stdout.count("\n") == 1
    assert answer.stderr == ""
    return answer.stdout
