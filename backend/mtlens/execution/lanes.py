"""How a machine is divided into lanes: worker processes that train side by side."""

import math
from dataclasses import dataclass

from mtlens.config.sections import Resources
from mtlens.errors import ExecutionError
from mtlens.training.machine import count_gpus, usable_cores, usable_memory

BYTES_PER_LANE = 2 * 2**30  # PyTorch, transformers, a MiniLM in training and Ray's own helpers


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """How many worker processes train, how many of them share a run, and what each of them holds.

    memory: bytes that a worker claims on its node, where a node has more cores than workers that fit into its memory. elastic:
    nodes may join and leave, and workers with them. grows: nodes that join may make the workers more than these.
    """

    workers: int
    workers_per_run: int
    threads: int
    cpus: float
    gpus: float
    memory: int = 0
    elastic: bool = False
    grows: bool = False

    @property
    def side_by_side(self) -> int:
        """Number of runs at one time."""
        return max(1, self.workers // self.workers_per_run)


def local_lanes(resources: Resources) -> Lanes:
    """Lanes on this machine, the same with and without Ray."""
    return divide(resources, cores=usable_cores(), gpus=count_gpus(), memory=usable_memory())


def planned_lanes(resources: Resources) -> tuple[Lanes, str]:
    """Lanes to plan with, and what this machine lacks for them. They are those asked for, even where it has less.

    Raises ExecutionError for impossible requests, such as two GPUs for one worker.
    """
    try:
        return local_lanes(resources), ""
    except ExecutionError as error:
        workers = resources.workers_per_run * (1 if resources.lanes == "auto" else resources.lanes)
        gpus = count_gpus()
        if gpus or resources.gpus_per_run != "auto":
            gpus = max(gpus, workers)
        return divide(resources, cores=max(usable_cores(), workers), gpus=gpus, memory=usable_memory()), str(error)


def divide(resources: Resources, *, cores: float, gpus: float, memory: float) -> Lanes:
    """Divide a machine or a cluster into lanes: one per GPU share where there are GPUs, one per core otherwise.

    Raises ExecutionError where more is asked for than is available.
    """
    share = (1.0 if gpus else 0.0) if resources.gpus_per_run == "auto" else resources.gpus_per_run
    if share > min(1, gpus):
        raise ExecutionError(
            f"gpus_per_run should be at most {min(1, gpus):g} (there are {gpus:g} GPUs, and a worker uses one); found {share:g}"
        )
    room = int(gpus) * math.floor(1 / share + 1e-9) if share else int(cores)
    if resources.lanes == "auto":
        fitting = room if share else min(room, max(1, int(memory // BYTES_PER_LANE)))
        workers = max(1, fitting // resources.workers_per_run) * resources.workers_per_run
    else:
        workers = resources.lanes * resources.workers_per_run
    if workers > room:
        what = f"workers of {share:g} GPUs that fit into {gpus:g} GPUs" if share else f"the {cores:g} cores there are"
        raise ExecutionError(f"lanes times workers_per_run should be at most {room:g}, {what}; found {workers}")
    threads = max(1, math.floor(cores / workers))
    cpus = min(1.0, cores / workers)
    return Lanes(workers=workers, workers_per_run=resources.workers_per_run, threads=threads, cpus=cpus, gpus=share)
