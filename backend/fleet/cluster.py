"""Start Ray on this machine or join a cluster, quietly and with token authentication, and see what it offers."""

import logging
import math
import os
import secrets
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.errors import FleetError
from backend.learn.hardware import usable_cores, usable_memory
from backend.spec import Resources

BYTES_PER_LANE = 2 * 2**30  # PyTorch, transformers, a MiniLM in training and Ray's own helpers
ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # a thread that outlives the session must not start another Ray
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # part of a fleet's start-up time; Ray's default is 2
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # lanes are the work itself; by default they give way to everything else
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """How many worker processes train, how many of them share a run, and what each of them holds."""

    workers: int
    workers_per_run: int
    threads: int
    cpus: float
    gpus: float

    @property
    def side_by_side(self) -> int:
        """Runs that go on at one time."""
        return max(1, self.workers // self.workers_per_run)


def local_lanes(resources: Resources) -> Lanes:
    """Lanes on this machine, the same with and without Ray."""
    import torch

    return divide(resources, cores=usable_cores(), gpus=torch.cuda.device_count(), memory=usable_memory())


def divide(resources: Resources, *, cores: float, gpus: float, memory: float) -> Lanes:
    """Divide a machine or a cluster into lanes: one per GPU share where there are GPUs, one per core otherwise.

    Raises FleetError where more is asked for than there is.
    """
    share = (1.0 if gpus else 0.0) if resources.gpus_per_run == "auto" else resources.gpus_per_run
    if share > min(1, gpus):
        raise FleetError(
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
        raise FleetError(f"lanes times workers_per_run should be at most {room:g}, {what}; found {workers}")
    threads = max(1, math.floor(cores / workers))
    cpus = min(1.0, cores / workers)
    return Lanes(workers=workers, workers_per_run=resources.workers_per_run, threads=threads, cpus=cpus, gpus=share)


@contextmanager
def session(address: str | None) -> Generator[None]:
    """Ray, started here or joined at `address`, and left again; a Ray that this process has joined before stays."""
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    if address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # no file has to be kept secret
    import ray
    import ray.exceptions

    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        if address is None:
            memory = _object_store_bytes()
            ray.init("local", num_cpus=usable_cores(), include_dashboard=False, object_store_memory=memory, **quiet)
        else:
            _check_reachable(address)
            ray.init(address=address, **quiet)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = f"cluster at {address!r} should answer" if address else "Ray should start on this machine"
        raise FleetError(f"{where}: {str(error).splitlines()[0]}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise OSError at once where nobody listens at host:port; Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def cluster_lanes(resources: Resources) -> Lanes:
    """Lanes on the Ray cluster that this process has joined."""
    import ray

    found = ray.cluster_resources()
    return divide(resources, cores=found.get("CPU", 0.0), gpus=found.get("GPU", 0.0), memory=found.get("memory", 0.0))


def _object_store_bytes() -> int:
    """A quarter of what /dev/shm has free, as it can be small in a container, within 100 MiB and 2 GiB."""
    shared = Path("/dev/shm")
    free = shutil.disk_usage(shared).free if shared.is_dir() else 2**32
    return int(min(2 * 2**30, max(100 * 2**20, free // 4)))
