"""Several Ray nodes on this machine, in processes of one's own: for the drill, the benchmark of scale, and the tests."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from mtlens.execution.ray_backend.session import session

NODE: dict[str, Any] = {"object_store_memory": 100 * 2**20, "include_dashboard": False, "memory": 8 * 2**30}


@contextmanager
def nodes(*cores: int) -> Generator[tuple[Any, list[Any]]]:
    """A cluster with a head without compute and a node per number of cores; this process has joined it."""
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **NODE})
    try:
        workers = [cluster.add_node(num_cpus=number, **NODE) for number in cores]
        with session(cluster.address):
            yield cluster, workers
    finally:
        cluster.shutdown()
