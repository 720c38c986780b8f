"""Ray Train: workers (lanes) that take jobs from a queue, and data-parallel runs. The only file that knows Ray Train.

The workers are one group, started once per experiment. Its start-up costs seconds (measured with ray 2.60 on 2 cores:
6 to 12 s), so it is paid once and not per run; a group per node would pay it once per node. When a worker dies, Ray Train
restarts the group: the runs in flight go on from their last epoch, the finished ones are not touched. On a cluster the
group is elastic: it starts anew with what is left when a node goes, and with more lanes when one joins.
"""

import contextlib
import itertools
import secrets
import shutil
import signal
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import ray
import ray.exceptions
import ray.train
from ray.train.collective import broadcast_from_rank_zero
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mtlens.config.run import Outcome, Run
from mtlens.data.tokenize import Encoded
from mtlens.errors import ExecutionError, WorkspaceError
from mtlens.evidence.jobs import Job
from mtlens.execution.job import perform
from mtlens.execution.job_queue import JobQueue
from mtlens.execution.lanes import Lanes
from mtlens.execution.ray_backend.autoscaler import most_workers
from mtlens.execution.ray_backend.session import alive_nodes
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.distributed import World
from mtlens.training.hardware import limit_gpu_memory
from mtlens.training.run import execute

if TYPE_CHECKING:  # ray.train defines these names twice, and a type checker cannot tell that version 2 is in force
    from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig
else:
    from ray.train import FailureConfig, RunConfig, ScalingConfig

SPARE_DEATHS = 30  # of lanes, beside three for each job of the first stage, before the worker group gives up
SECONDS_BETWEEN_RESIZES = 20.0  # a node that joins starts all lanes anew, so one that joins alone should not do it alone
LONGEST_WAIT_SECONDS = 24 * 3600  # between processes of a data-parallel run: one may wait for a claim; Ray sees dead ones


def run_on_workers(
    jobs: Sequence[Job],
    encoded: Encoded,
    workspace: Workspace,
    lanes: Lanes,
    later: Iterable[Sequence[Job]] = (),
    job_queue: Any = None,
) -> list[Outcome]:
    """Do jobs side by side, one per lane at a time; returns their outcomes in order. Raises ExecutionError if it breaks down.

    later: further stages, each requested when the stage before is over, as its jobs may depend on results. job_queue: that of
    `start_job_queue`, where others submit jobs too.
    """
    job_queue = job_queue or start_job_queue()
    config = {"job_queue": job_queue, **_shared(encoded, workspace, lanes)}
    most = max(lanes.workers, len(jobs)) if lanes.grows else lanes.workers
    workers = most if later else min(most, len(jobs))
    if lanes.elastic:
        workers = most_workers(workers, _claimed(lanes))
    asker = ThreadPoolExecutor(max_workers=1)
    answers = asker.submit(_ask, job_queue, itertools.chain([jobs], later))
    try:
        _fit(_lane, config, lanes, workers=workers, workspace=workspace, failures=SPARE_DEATHS + 3 * len(jobs))
        return answers.result(timeout=60)
    except ray.exceptions.RayError as error:
        raise ExecutionError(f"the worker group should tell how its jobs ended; found {type(error).__name__}") from error
    finally:
        ray.kill(job_queue)  # else the thread that waits for workers that broke down never ends
        asker.shutdown(wait=True)


def start_job_queue() -> Any:
    """The actor that lanes take jobs from, on the node of this process."""
    # every lane keeps one call open, and `_ask` needs more; the default limit is a thousand
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)  # other nodes may go
    options = {"num_cpus": 0, "max_concurrency": 10_000, "scheduling_strategy": here}
    return cast("Any", ray.remote(JobQueue)).options(**options).remote(alive_nodes)


def _ask(job_queue: Any, stages: Iterable[Sequence[Job]]) -> list[Outcome]:
    """Submit the stages one after the other, then close the queue, so that the lanes end."""
    outcomes: list[Outcome] = []
    try:
        for jobs in stages:
            outcomes += ray.get(job_queue.submit.remote(list(jobs)))
        return outcomes
    finally:
        with contextlib.suppress(ray.exceptions.RayError):
            ray.get(job_queue.close.remote())


def run_data_parallel(runs: Sequence[Run], encoded: Encoded, workspace: Workspace, lanes: Lanes) -> list[Outcome]:
    """Train each run data-parallel, in a trainer of its own, several side by side where there is room.

    Without dropout in the encoder, the numbers are those of one process up to rounding; each process draws its own dropout.
    """
    shared = _shared(encoded, workspace, lanes)
    pool = ThreadPoolExecutor(max_workers=lanes.side_by_side)
    futures = [pool.submit(_run_one_data_parallel, run, shared, workspace, lanes) for run in runs]
    try:
        return [future.result() for future in futures]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # interrupted, the others end with the session


def _run_one_data_parallel(run: Run, shared: dict[str, Any], workspace: Workspace, lanes: Lanes) -> Outcome:
    try:
        return _fit(
            _data_parallel_worker, {"run": run, **shared}, lanes, workers=lanes.workers_per_run, workspace=workspace, failures=3
        )
    except ExecutionError as error:
        with contextlib.suppress(WorkspaceError):  # what kept the run from starting may keep FAILED from being written
            RunFolder(workspace, run.run_id).fail(str(error))
        return Outcome(job_id=run.run_id, reason=str(error))


def _shared(encoded: Encoded, workspace: Workspace, lanes: Lanes) -> dict[str, Any]:
    """What every lane needs; the tokens lie in the object store once, and lanes map them read-only."""
    resources = {"threads": lanes.threads, "gpu": lanes.gpus > 0}
    return {"encoded": ray.put(encoded), "workspace": str(workspace.root), "resources": resources, "share": lanes.gpus}


def _claimed(lanes: Lanes) -> dict[str, float]:
    """Resources of a worker."""
    claimed = {"CPU": lanes.cpus, "GPU": lanes.gpus, "memory": lanes.memory}
    return {name: share for name, share in claimed.items() if share}


def _fit(loop: Any, config: dict[str, Any], lanes: Lanes, *, workers: int, workspace: Workspace, failures: int) -> Any:
    """Run `loop` in a worker group; Ray's own folder is temporary, as runs resume from their run folders."""
    storage = workspace.root / "ray" / secrets.token_hex(8)
    one_gpu_each = lanes.gpus == 1  # nccl refuses two workers on one GPU
    trainer = TorchTrainer(
        loop,
        train_loop_config=config,
        torch_config=TorchConfig(backend="nccl" if one_gpu_each else "gloo", timeout_s=LONGEST_WAIT_SECONDS),
        scaling_config=ScalingConfig(
            num_workers=(1, workers) if lanes.elastic and loop is _lane else workers,
            elastic_resize_monitor_interval_s=SECONDS_BETWEEN_RESIZES,
            use_gpu=lanes.gpus > 0,
            resources_per_worker=_claimed(lanes),
        ),
        run_config=RunConfig(
            name="workers",
            storage_path=str(storage),
            failure_config=FailureConfig(max_failures=failures, controller_failure_limit=60 if lanes.elastic else 3),
        ),
    )
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        return trainer.fit().return_value  # pyrefly: ignore[missing-attribute] - version 2's Result has it
    except ray.train.TrainingFailedError as error:
        raise ExecutionError(f"the worker group should outlive its runs; it broke down: {_cause(error)}") from error
    except SystemExit:  # what Ray Train makes of Ctrl-C, after it has stopped the workers
        raise KeyboardInterrupt from None
    finally:
        shutil.rmtree(storage, ignore_errors=True)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, interrupt)


def _cause(error: ray.train.TrainingFailedError) -> str:
    """One line of what a worker, or Ray's controller, died of."""
    failures = getattr(error, "worker_failures", None) or {}
    cause = next(iter(failures.values()), None) or getattr(error, "controller_failure", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[-1] if lines else ''}"


def _lane(config: dict[str, Any]) -> None:
    """One lane: pull a job, do it, tell how it went, until there are no more."""
    rank = ray.train.get_context().get_world_rank()
    limit_gpu_memory(config["share"])
    encoded: Encoded = ray.get(config["encoded"])
    workspace = Workspace.open(Path(config["workspace"]), create=False)
    job_queue, group = config["job_queue"], broadcast_from_rank_zero(secrets.token_hex(8))
    while (job := cast("Job | None", ray.get(job_queue.next.remote(rank, group)))) is not None:
        ray.get(job_queue.complete.remote(rank, perform(job, encoded, workspace, **config["resources"])))


def _data_parallel_worker(config: dict[str, Any]) -> Outcome:
    context = ray.train.get_context()
    limit_gpu_memory(config["share"])
    world = World(rank=context.get_world_rank(), size=context.get_world_size())
    workspace = Workspace.open(Path(config["workspace"]), create=False)
    return execute(config["run"], ray.get(config["encoded"]), workspace, world=world, **config["resources"])
