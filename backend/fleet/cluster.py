"""Start Ray on this machine or join a cluster, quietly and with token authentication, and see what it offers."""

import logging
import math
import os
import secrets
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from backend.errors import FleetError
from backend.learn.hardware import usable_cores
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
    """How many runs go side by side, and what each of them holds."""

    count: int
    threads: int
    cpus: float
    gpus: float


def local_lanes(resources: Resources) -> Lanes:
    """Lanes on this machine without asking Ray. What a lane holds depends on the resources alone, so results do too."""
    import torch

    gpus = torch.cuda.device_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return divide(resources, cores=usable_cores(), gpus=gpus, memory=memory)


def divide(resources: Resources, *, cores: float, gpus: float, memory: float) -> Lanes:
    """Divide a machine or a cluster into lanes: one per GPU share where there are GPUs, one per core otherwise.

    Raises FleetError where more is asked for than there is.
    """
    share = (1.0 if gpus else 0.0) if resources.gpus_per_run == "auto" else resources.gpus_per_run
    if share > gpus:
        raise FleetError(f"gpus_per_run should be at most the {gpus:g} GPUs there are; found {share:g}")
    if resources.lanes == "auto":
        by_memory = max(1, int(memory // BYTES_PER_LANE))
        count = int(gpus // share) if share else min(int(cores), by_memory)
        count = max(1, count // resources.workers_per_run) * resources.workers_per_run
    else:
        count = resources.lanes * resources.workers_per_run
        if share and count * share > gpus:
            raise FleetError(f"{count} workers of {share:g} GPUs should fit into {gpus:g} GPUs; they need {count * share:g}")
        if not share and count > cores:
            raise FleetError(f"lanes times workers_per_run should be at most the {cores:g} cores there are; found {count}")
    threads = max(1, math.floor(cores / count))
    return Lanes(count=count, threads=threads, cpus=min(1.0, cores / count), gpus=share)


@contextmanager
def session(address: str | None) -> Generator[None]:
    """Ray, started here or joined at `address`, and left in order. What was running before stays as it was."""
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRONMENT.items()})
    if address is None and not os.environ.get("RAY_AUTH_TOKEN"):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # in the environment, so that no file has to be kept secret
    import ray

    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        if address is None:
            os.environ.pop("RAY_ADDRESS", None)
            cores = usable_cores()
            ray.init(num_cpus=cores, include_dashboard=False, object_store_memory=_object_store_bytes(), **quiet)
        else:
            _check_reachable(address)
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
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
    """A quarter of /dev/shm at most, which can be small in a container, and never more than 2 GiB."""
    status = os.statvfs("/dev/shm") if os.path.isdir("/dev/shm") else None  # noqa: PTH112 - Path adds nothing here
    free = status.f_bavail * status.f_frsize if status else 2**32
    return int(min(2 * 2**30, max(100 * 2**20, free // 4)))
