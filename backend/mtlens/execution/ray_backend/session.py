"""Start Ray on this machine or join a cluster, quietly and with token authentication, and see what it offers."""

import contextlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtlens.config.sections import Resources
from mtlens.errors import ExecutionError, MtlensError
from mtlens.execution.lanes import BYTES_PER_LANE, Lanes, divide
from mtlens.execution.ray_backend.auth import check_entry, guard_token_file
from mtlens.training.machine import usable_cores

SECONDS_FOR_A_NODE = 900.0  # until an autoscaler's first node is there: machines with GPUs take minutes

_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}


@contextlib.contextmanager
def session(address: str | None) -> Generator[str]:
    """Start Ray here or join it at `address`, and leave it at the end unless this process had joined it before.

    Yields the address of Ray's own dashboard, such as 127.0.0.1:8265, or nothing where it has none. On this machine a start
    that fails, as it may under load, is tried once more. Raises ExecutionError.
    """
    if address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # no file has to be kept secret
    else:
        guard_token_file()
    import ray

    if ray.is_initialized():
        yield ""
        return
    try:
        joined = _start_here() if address is None else _join(address)
    except MtlensError:
        raise
    except Exception as error:  # Ray raises anything, Exception itself among them
        where = f"cluster at {address!r} should answer" if address else "Ray should start on this machine"
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ExecutionError(f"{where}: {reason}; `--local` trains without Ray") from None
    try:
        yield joined.dashboard_url or ""
    finally:
        ray.shutdown()


def _start_here() -> Any:
    """Ray on this machine, tried twice."""
    import ray

    try:
        return _init_here()
    except Exception:
        ray.shutdown()
        return _init_here()


def _init_here() -> Any:
    """Ray whose processes listen on loopback alone, as they do on macOS; on Linux Ray has no setting for that."""
    import ray
    from ray._private import ray_constants

    memory, clusters = _object_store_bytes(), ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        return ray.init("local", num_cpus=usable_cores(), include_dashboard=False, object_store_memory=memory, **_QUIET)
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = clusters


def _join(address: str) -> Any:
    import ray

    check_entry(address)
    return ray.init(address=address, **_QUIET)


def cluster_lanes(resources: Resources) -> Lanes:
    """Lanes on the nodes of the Ray cluster that this process has joined; waits for an autoscaler's first node.

    Each node is divided separately, and all lanes get the resources of the smallest lane, so that runs are equal on all nodes.
    `lanes: auto` fills the present nodes and those that join, and asks an autoscaler for a lane per job; a number asks for that
    many; both for at most what its nodes can hold (`most_workers`). Raises ExecutionError where no node has room for one lane
    within SECONDS_FOR_A_NODE.
    """
    nodes = _nodes_with_room(resources) or _await_nodes(resources)
    alone = resources.model_copy(update={"lanes": "auto", "workers_per_run": 1})
    each = [divide(alone, cores=node.cores, gpus=node.gpus, memory=node.memory) for node in nodes]
    room = sum(lanes.workers for lanes in each)
    asked = room if resources.lanes == "auto" else resources.lanes * resources.workers_per_run
    workers = max(1, asked // resources.workers_per_run) * resources.workers_per_run
    if resources.workers_per_run > room:
        raise ExecutionError(f"workers_per_run should be at most {room}, the lanes of {len(nodes)} nodes; found {workers}")
    memory = min(BYTES_PER_LANE, *(node.memory / lanes.workers for node, lanes in zip(nodes, each, strict=True)))
    return Lanes(
        workers=workers,
        workers_per_run=resources.workers_per_run,
        threads=min(lanes.threads for lanes in each),
        cpus=min(lanes.cpus for lanes in each),
        gpus=each[0].gpus,
        memory=0 if each[0].gpus else int(memory),
        elastic=True,
        grows=resources.lanes == "auto",
    )


@contextlib.contextmanager
def shown_dashboard(dashboard: str, where: Path) -> Generator[None]:
    """Keep the address of Ray's own dashboard, if any, in a file for `mtlens status` to show."""
    with contextlib.suppress(OSError):  # a full disk, which the work itself will tell of
        if dashboard:
            where.parent.mkdir(exist_ok=True)
            where.write_text(f"http://{dashboard}")
    try:
        yield
    finally:
        where.unlink(missing_ok=True)


def alive_nodes() -> frozenset[str]:
    """Ids of the cluster's nodes."""
    import ray

    return frozenset(node["NodeID"] for node in ray.nodes() if node["Alive"])


@dataclass(frozen=True, kw_only=True)
class _Node:
    cores: float
    gpus: float
    memory: float


def _nodes() -> list[_Node]:
    """What each node of the cluster has; a head that does no work has no CPUs."""
    import ray

    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [
        _Node(cores=resources.get("CPU", 0.0), gpus=resources.get("GPU", 0.0), memory=resources.get("memory", 0.0))
        for resources in found
    ]


def _nodes_with_room(resources: Resources) -> list[_Node]:
    """Nodes that a lane fits on; where runs take GPUs, or there are some and nothing is said, those with GPUs."""
    nodes = [node for node in _nodes() if node.cores >= 1]
    share = resources.gpus_per_run
    if share == "auto":
        return [node for node in nodes if node.gpus >= 1] or nodes
    return [node for node in nodes if node.gpus >= 1 or share == 0] if share <= 1 else []


def _await_nodes(resources: Resources) -> list[_Node]:
    """Ask an autoscaler, where there is one, for a node with room, and wait for it.

    The request is taken back at the end, or it would keep that node for ever; from then on Ray Train asks.
    """
    from ray.autoscaler.sdk import request_resources

    deadline = time.monotonic() + SECONDS_FOR_A_NODE
    request_resources(bundles=[{"CPU": 1, **({"GPU": 1} if _share(resources) else {})}])
    try:
        while not (nodes := _nodes_with_room(resources)):
            if time.monotonic() >= deadline:
                found = ", ".join(f"{node.cores:g} CPUs and {node.gpus:g} GPUs" for node in _nodes()) or "none"
                raise ExecutionError(
                    f"a node should have room for a lane ({_wanted(resources)}) within {SECONDS_FOR_A_NODE:g} s; "
                    f"found nodes: {found}"
                )
            time.sleep(0.5)
        return nodes
    finally:
        request_resources(bundles=[])


def _share(resources: Resources) -> float:
    """Share of a GPU that a lane needs."""
    return 0.0 if resources.gpus_per_run == "auto" else resources.gpus_per_run


def _wanted(resources: Resources) -> str:
    share = _share(resources)
    return "1 CPU" + (f", {share:g} GPUs" if share else "")


def _object_store_bytes() -> int:
    """A quarter of what /dev/shm has free, as it can be small in a container, within 100 MiB and 2 GiB."""
    shared = Path("/dev/shm")
    free = shutil.disk_usage(shared).free if shared.is_dir() else 2**32
    return min(2 * 2**30, max(100 * 2**20, free // 4))
