"""How the queue scales: python -m experiments.benchmarks.scale

On four Ray nodes of this machine, lanes pull runs from the job queue that feeds all lanes. A thousand empty runs:
runs a second, and the driver's memory and open files and the object store before and after, which should be the same. Runs
that sleep, over 1 to 32 lanes: efficiency is the time slept until the last run is handed out, divided by the number of lanes
times the time until then; a hand-over is the time from the end of a run to the start of the next one in that lane. Lanes here
are plain actors, as 32 copies of PyTorch need more memory than they need cores, and what they import is imported before the
clock starts.

Then eight trainings of all-MiniLM-L6-v2 through Ray with one lane and with two, each with one thread: the time from the
first start to the last end, and efficiency by it. Beside that the same trainings in bare processes, one and two, which share
out the runs beforehand: two cores share memory and clock rate, with or without a queue. `--only` takes one of the three parts.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray

from experiments.benchmarks.execution_overhead import event_time, experiment
from experiments.cluster.nodes import nodes
from mtlens.config.run import Outcome, Run
from mtlens.config.sections import Encoder, Training
from mtlens.config.task import Task
from mtlens.execution.job_queue import JobQueue
from mtlens.execution.lanes import Lanes
from mtlens.execution.local import run_local
from mtlens.execution.plan import Plan, make_plan
from mtlens.execution.ray_backend.session import alive_nodes, session
from mtlens.store.workspace.workspace import Workspace

LANES = (1, 2, 4, 8, 16, 32)
RUNS_PER_LANE = 12
SECONDS = 0.5  # a run sleeps half to one and a half times this
NODES = 4
LANE = Lanes(workers=1, workers_per_run=1, threads=1, cpus=1.0, gpus=0.0)


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

    def ready(self, run: Run) -> bool:
        """Its process has started and knows runs and random numbers."""
        return np.random.default_rng(run.seed).random() < 1

    def work(self, job_queue: Any, lane: int, seconds: float) -> list[tuple[float, float]]:
        """When each of its runs began and ended."""
        worked: list[tuple[float, float]] = []
        while (run := ray.get(job_queue.next.remote(lane, "group"))) is not None:
            began = time.time()
            time.sleep(seconds * (0.5 + np.random.default_rng(run.seed).random()))
            worked.append((began, time.time()))
            ray.get(job_queue.complete.remote(lane, Outcome(job_id=run.run_id)))
        return worked


def through_the_queue(lanes: int, runs: int, seconds: float) -> dict[str, float]:
    """Runs a second, efficiency, and the driver's memory and open files before and after."""
    jobs = [job(number) for number in range(runs)]
    before = resources()
    job_queue: Any = cast("Any", ray.remote(JobQueue)).options(num_cpus=0, max_concurrency=10_000).remote(alive_nodes)
    workers: list[Any] = [Sleeper.options(scheduling_strategy="SPREAD").remote() for _ in range(lanes)]
    ray.get([job_queue.add_group.remote("warm", jobs), *(worker.ready.remote(jobs[0]) for worker in workers)])
    started = time.time()
    at_work = [worker.work.remote(job_queue, lane, seconds) for lane, worker in enumerate(workers)]
    outcomes = ray.get(job_queue.submit.remote(jobs))
    wall = time.time() - started
    ray.get(job_queue.close.remote())
    worked = ray.get(at_work)
    naps = [nap for of_lane in worked for nap in of_lane]
    if not len(outcomes) == len(naps) == runs:
        raise SystemExit(f"every run should be done once; found {len(naps)} of {runs}")
    until = max(began for began, _ in naps)
    busy = sum(min(ended, until) - began for began, ended in naps)
    hand_overs = [next_[0] - last[1] for of_lane in worked for last, next_ in pairwise(of_lane)]
    for actor in (*workers, job_queue):
        ray.kill(actor)
    after = resources()
    return {
        "runs_per_second": round(runs / wall, 1),
        "efficiency": round(busy / (lanes * (until - started)), 3),
        "median_hand_over_ms": round(1000 * float(np.median(hand_overs)), 1),
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


def on_ray(plan: Plan, workspace: Workspace, lanes: int) -> list[Outcome]:
    """Eight trainings through the lanes of Ray."""
    with session(None):
        from mtlens.execution.ray_backend.train import run_on_workers

        return run_on_workers(plan.distinct, plan.encoded, workspace, replace(LANE, workers=lanes))


def in_bare_processes(plan: Plan, workspace: Workspace, processes: int) -> list[Outcome]:
    """The same without Ray and without a queue: with N processes, each does every N-th run."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        shares = [plan.distinct[first::processes] for first in range(processes)]
        futures = [pool.submit(run_local, share, plan.encoded, workspace, LANE) for share in shares]
        return [outcome for future in futures for outcome in future.result()]


def train(work: Callable[[Plan, Workspace, int], list[Outcome]], side_by_side: int) -> float:
    """Seconds from the first start to the last end of eight single-task runs over synthetic reports."""
    plan = make_plan(experiment("scaling", reports=60, epochs=3, num_seeds=2), [])
    workspace = Workspace.open(Path(tempfile.mkdtemp()))
    outcomes = work(plan, workspace, side_by_side)
    if any(outcome.reason for outcome in outcomes):
        raise SystemExit(f"runs failed: {[outcome.reason for outcome in outcomes if outcome.reason][:1]}")
    times = {kind: [event_time(workspace, run, kind) for run in plan.distinct] for kind in ("start", "done")}
    return max(times["done"]) - min(times["start"])


def strong_scaling() -> dict[str, Any]:
    """Seconds on one and on two, and efficiency, of Ray and of bare processes, in turns."""
    names = {"ray": on_ray, "bare_processes": in_bare_processes}
    seconds = {(name, number): round(train(work, number), 1) for number in (1, 2) for name, work in names.items()}
    return {
        name: {
            "seconds": {number: seconds[name, number] for number in (1, 2)},
            "efficiency": round(seconds[name, 1] / (2 * seconds[name, 2]), 3),
        }
        for name in names
    }


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
        answer["training"] = strong_scaling()
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
