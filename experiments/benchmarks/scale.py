"""How the queue scales: python -m experiments.benchmarks.scale

On four Ray nodes of this machine, lanes pull runs from the broker that feeds a fleet. A thousand runs of no time at all:
runs a second, and the driver's memory and open files before and after, which should be the same. Runs that sleep, over 1
to 32 lanes: efficiency is the time slept until the last run is handed out, over lanes times that time. Lanes here are
plain actors, as 32 copies of PyTorch need more memory than they need cores.
"""

import json
import os
import secrets
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray
from ray.cluster_utils import Cluster

from backend.fleet.broker import Broker
from backend.fleet.cluster import alive_nodes, session
from backend.settings import Encoder, Task, Training
from backend.spec import Outcome, Run

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
    answer = broker.ask.remote([job(number) for number in range(runs)])
    broker.close.remote()
    worked = ray.get([worker.work.remote(broker, lane, seconds) for lane, worker in enumerate(workers)])
    wall = time.time() - started
    naps = [nap for of_lane in worked for nap in of_lane]
    if not len(ray.get(answer)) == len(naps) == runs:
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
    }


def resources() -> tuple[float, int]:
    """Resident memory of this process in MiB, and its open files."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1), len(list(Path("/proc/self/fd").iterdir()))


def main() -> None:
    """Start the nodes, measure, print JSON."""
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    from ray._raylet import Config

    Config.initialize("")
    store = {"object_store_memory": 100 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **store})
    try:
        for _ in range(NODES):
            cluster.add_node(num_cpus=max(LANES) // NODES, **store)
        with session(cluster.address):
            through_the_queue(2, 10, 0.0)  # Ray's own tables and threads
            nothing = through_the_queue(2, 1000, 0.0)
            answer = {"thousand_runs_that_do_nothing": nothing, "nodes": NODES}
            answer["sleeping"] = {lanes: through_the_queue(lanes, RUNS_PER_LANE * lanes, SECONDS) for lanes in LANES}
    finally:
        cluster.shutdown()
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
