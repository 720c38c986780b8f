"""A Ray cluster on this machine whose nodes an autoscaler starts and ends.

`ray.cluster_utils.AutoscalingCluster` is not used: it needs a file that Ray's wheels lack, and stops every Ray of the machine.
"""

import os
import secrets
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from experiments.cluster.nodes import NODE
from mtlens.execution.ray_backend.session import session

ROOT = Path(__file__).parents[2]
IDLE_MINUTES = 0.1
_SETUP = ("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands")
_COMMANDS = (*_SETUP, "head_start_ray_commands", "worker_start_ray_commands")  # none, but Ray wants to read all of them


@contextmanager
def autoscaled(most_nodes: int, folder: Path) -> Generator[Any]:
    """A head without compute, and up to `most_nodes` nodes of one core while work waits; this process has joined it."""
    from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID, FAKE_HEAD_NODE_TYPE
    from ray.cluster_utils import Cluster
    from ray.util import get_node_ip_address

    port, file = _free_port(), folder / "autoscaler.yaml"
    address = f"{get_node_ip_address()}:{port}"
    file.write_text(yaml.safe_dump(_config(most_nodes, address, FAKE_HEAD_NODE_ID, FAKE_HEAD_NODE_TYPE)))
    head = {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID, "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", os.environ.get("RAY_AUTH_TOKEN", secrets.token_hex(32)))
        patch.setenv("PYTHONPATH", os.pathsep.join(str(ROOT / name) for name in ("", "backend", "dashboard")))
        patch.setenv("RAY_FAKE_CLUSTER", "1")
        patch.setenv("RAY_enable_autoscaler_v2", "1")  # as `ray up` sets it
        patch.setenv("AUTOSCALER_UPDATE_INTERVAL_S", "1")
        started = {"num_cpus": 0, "gcs_server_port": port, "autoscaling_config": str(file), "env_vars": head, **NODE}
        cluster = Cluster(initialize_head=True, head_node_args=started)
        folder_of_session = cluster.head_node.get_session_dir_path()
        try:
            with session(cluster.address):
                yield cluster
        finally:
            cluster.shutdown()
            _end_nodes(folder_of_session)


def working_nodes() -> int:
    """Nodes with a core, which the head has not."""
    import ray

    return sum(node["Alive"] and node["Resources"].get("CPU", 0) > 0 for node in ray.nodes())


def _config(most_nodes: int, address: str, head: str, head_type: str) -> dict[str, Any]:
    """What the autoscaler reads."""
    lane = {"CPU": 1, **{name: NODE[name] for name in ("memory", "object_store_memory")}}
    return {
        "cluster_name": "autoscaled",
        "max_workers": most_nodes,
        "idle_timeout_minutes": IDLE_MINUTES,
        "provider": {
            "type": "external",
            "module": "tests.support.fake_nodes.FakeNodes",
            "gcs_address": address,
            "head_node_id": head,
            "launch_multiple": True,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {
            head_type: {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "lane": {"resources": lane, "node_config": {}, "min_workers": 0, "max_workers": most_nodes},
        },
        "head_node_type": head_type,
        "auth": {},
        **{name: [] for name in _COMMANDS},
        **{name: {} for name in ("file_mounts", "docker")},
        "cluster_synced_files": [],
    }


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("", 0))
        return found.getsockname()[1]


def _end_nodes(session: str) -> None:
    """Kill what the autoscaler started and, where a test failed, has not ended: what works in this cluster's own folder."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(session in argument for argument in process.cmdline()):
                process.kill()
