"""How the queue scales: python -m experiments.benchmarks.scale

On four Ray nodes of this machine, lanes pull runs from the broker that feeds a fleet. A thousand runs of no time at all:
runs a second, and the driver's memory and open files and the object store before and after, which should be the same. Runs
that sleep, over 1 to 32 lanes: efficiency is the time slept until the last run is handed out, over lanes times that time.
Lanes here are plain actors, as 32 copies of PyTorch need more memory than they need cores. Then eight trainings of
all-MiniLM-L6-v2 through a real fleet of one lane and of two, each with one thread: the time from the first start to the last
end, and efficiency by it. `--only` takes one of the three parts.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray

from backend.fleet.broker import Broker
from backend.fleet.cluster import Lanes, alive_nodes, session
from backend.planning import make_plan
from backend.settings import Encoder, Task, Training
from backend.spec import Outcome, Run
from backend.store.workspace import Workspace
from experiments.benchmarks.fleet_overhead import event_time, experiment
from experiments.cluster.nodes import nodes

LANES = (1, 2, 4, 8, 16, 32)
RUNS_PER_LANE = 12
SECONDS = 0.5  # a run sleeps half to one and a half times this
NODES = 4


def job(number: int) -> Run:
    """A run that nobody trains; its seed tells it from the others."""
    return Run(
        tasks=(Task(name="task", column="task", classes=("no", "yes")),),
        method="full",
        seed=number,
        encoder=Encoder(),
        pretrained="none",
        training=Training(),
        data="none",
        labels=("none",),
    )


@ray.remote(num_cpus=1)
class Sleeper:
    """A lane that sleeps for as long as the seed of a run says."""

    def ready(self) -> bool:
        """Its process has started."""
        return True

    def work(self, broker: Any, lane: int, seconds: float) -> list[tuple[float, float]]:
        """When each of its runs began and ended."""
        worked: list[tuple[float, float]] = []
        while (run := ray.get(broker.take.remote(lane, "group"))) is not None:
            began = time.time()
            time.sleep(seconds * (0.5 + np.random.default_rng(run.seed).random()))
            worked.append((began, time.time()))
            ray.get(broker.give.remote(lane, Outcome(job_id=run.run_id)))
        return worked


def through_the_queue(lanes: int, runs: int, seconds: float) -> dict[str, float]:
    """Runs a second, efficiency, and the driver's memory and open files before and after."""
    before = resources()
    broker: Any = cast("Any", ray.remote(Broker)).options(num_cpus=0, max_concurrency=10_000).remote(alive_nodes)
    workers: list[Any] = [Sleeper.options(scheduling_strategy="SPREAD").remote() for _ in range(lanes)]
    ray.get([worker.ready.remote() for worker in workers])
    started = time.time()
    at_work = [worker.work.remote(broker, lane, seconds) for lane, worker in enumerate(workers)]
    outcomes = ray.get(broker.ask.remote([job(number) for number in range(runs)]))
    wall = time.time() - started
    ray.get(broker.close.remote())
    worked = ray.get(at_work)
    naps = [nap for of_lane in worked for nap in of_lane]
    if not len(outcomes) == len(naps) == runs:
        raise SystemExit(f"every run should be done once; found {len(naps)} of {runs}")
    until = max(began for began, _ in naps)
    busy = sum(min(ended, until) - began for began, ended in naps)
    for actor in (*workers, broker):
        ray.kill(actor)
    after = resources()
    return {
        "runs_per_second": round(runs / wall, 1),
        "efficiency": round(busy / (lanes * (until - started)), 3),
        "driver_mib_before": before[0],
        "driver_mib_after": after[0],
        "open_files_before": before[1],
        "open_files_after": after[1],
        "object_store_mib_before": before[2],
        "object_store_mib_after": after[2],
    }


def resources() -> tuple[float, int, float]:
    """Resident memory of this process in MiB, its open files, and what the object stores of all nodes hold in MiB."""
    from ray._private.internal_api import get_memory_info_reply, get_state_from_address

    pages = int(Path("/proc/self/statm").read_text().split()[1])
    objects = get_memory_info_reply(
        get_state_from_address(ray.get_runtime_context().gcs_address)
    ).store_stats.object_store_bytes_used
    files = len(list(Path("/proc/self/fd").iterdir()))
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1), files, round(objects / 2**20, 1)


def train(lanes: int) -> float:
    """Seconds from the first start to the last end of eight single-task runs over synthetic reports."""
    plan = make_plan(experiment("scaling", reports=60, epochs=3, num_seeds=2), [])
    workspace = Workspace.open(Path(tempfile.mkdtemp()))
    with session(None):
        from backend.fleet.trainer import run_fleet

        outcomes = run_fleet(
            plan.distinct, plan.encoded, workspace, Lanes(workers=lanes, workers_per_run=1, threads=1, cpus=1.0, gpus=0.0)
        )
    if any(outcome.reason for outcome in outcomes):
        raise SystemExit(f"runs failed: {[outcome.reason for outcome in outcomes if outcome.reason][:1]}")
    times = {kind: [event_time(workspace, run, kind) for run in plan.distinct] for kind in ("start", "done")}
    return max(times["done"]) - min(times["start"])


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["nothing", "sleeping", "training"])
    only = parser.parse_args().only
    answer: dict[str, Any] = {"nodes": NODES}
    if only != "training":
        with nodes(*[max(LANES) // NODES] * NODES):
            through_the_queue(2, 10, 0.0)  # Ray's own tables and threads
            if only != "sleeping":
                answer["thousand_runs_that_do_nothing"] = through_the_queue(2, 1000, 0.0)
            if only != "nothing":
                answer["sleeping"] = {lanes: through_the_queue(lanes, RUNS_PER_LANE * lanes, SECONDS) for lanes in LANES}
    if only in (None, "training"):
        one, two = train(1), train(2)
        answer["training"] = {"seconds": {1: round(one, 1), 2: round(two, 1)}, "efficiency": round(one / (2 * two), 3)}
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
