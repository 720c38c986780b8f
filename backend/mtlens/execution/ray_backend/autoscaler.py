"""How many workers Ray's autoscaler can make room for.

Ray Train asks the autoscaler for the largest size of an elastic worker group. Autoscaler v2 meets such a request as a whole
or, where its nodes cannot hold all of it, not at all (`_enforce_resource_constraints` in ray 2.60), and then starts no node.
It tells no limits, so the largest request that it accepts is found by trying: by bisection, a few seconds for each step.

On a cluster whose nodes somebody starts by hand no autoscaler can start one, and more nodes may join at any time: nothing is
tried there. Such nodes have no type, which only an autoscaler's provider gives.
"""

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any

SECONDS_FOR_AN_UPDATE = 60.0  # of the autoscaler: it works every 5 s


def most_workers(wanted: int, claimed: Mapping[str, float]) -> int:
    """Largest number of workers from 1 to `wanted` that the autoscaler accepts; `wanted` where none starts nodes.

    claimed: resources of a worker, such as {"CPU": 1}.
    """
    if not _starts_nodes(_status()):
        return wanted
    accepted, refused = 1, wanted + 1
    tried = wanted
    while accepted < tried:
        if _accepts(tried, claimed):
            accepted = tried
        else:
            refused = tried
        tried = (accepted + refused) // 2
    return accepted


def _starts_nodes(status: Any) -> bool:
    """Whether there is an autoscaler v2 with a provider of nodes."""
    typed = any(node.ray_node_type_name for node in status.cluster_resource_state.node_states)
    return typed and bool(status.autoscaling_state.autoscaler_state_version)


def _accepts(workers: int, claimed: Mapping[str, float]) -> bool:
    """Ask for room for so many workers, and wait for an update of the autoscaler that began after that."""
    from ray.autoscaler.sdk import request_resources

    request_resources(bundles=[dict(claimed)] * workers)
    try:
        deadline, before = time.monotonic() + SECONDS_FOR_AN_UPDATE, _status().autoscaling_state.autoscaler_state_version
        while (state := _status().autoscaling_state).autoscaler_state_version < before + 2:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        return not state.infeasible_cluster_resource_constraints
    finally:
        request_resources(bundles=[])  # or its nodes would stay for ever


def _status() -> Any:
    """The nodes of the cluster, and what autoscaler v2 told last; its version is 0 where there is no such autoscaler."""
    import ray

    messages: Any = import_module("ray.core.generated.autoscaler_pb2")
    client: Any = import_module("ray._raylet").GcsClient(ray.get_runtime_context().gcs_address)
    status = messages.GetClusterStatusReply()
    status.ParseFromString(client.get_cluster_status(timeout_s=10))
    return status
