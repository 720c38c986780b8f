"""The largest worker group that an autoscaler accepts is found by bisection."""

import pytest

from mtlens.execution.ray_backend import autoscaler


def status(version, *types):
    """What Ray tells of an autoscaler and of nodes of these types."""
    from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply

    reply = GetClusterStatusReply()
    reply.autoscaling_state.autoscaler_state_version = version
    for name in types:
        reply.cluster_resource_state.node_states.add(ray_node_type_name=name)
    return reply


@pytest.mark.parametrize(("limit", "found"), [(0, 1), (1, 1), (2, 2), (5, 5), (11, 11), (12, 12), (30, 12)])
def test_the_largest_number_that_is_accepted(monkeypatch, limit, found):
    tried = []
    monkeypatch.setattr(autoscaler, "_status", lambda: status(7, "head", "worker"))
    monkeypatch.setattr(autoscaler, "_accepts", lambda workers, claimed: tried.append(workers) or workers <= limit)
    assert autoscaler.most_workers(12, {"CPU": 1}) == found
    assert tried[0] == 12
    assert len(tried) == len(set(tried)) <= 5


@pytest.mark.parametrize("found", [status(0, "head", "worker"), status(7, "", "")], ids=["no autoscaler", "no provider"])
def test_where_no_autoscaler_starts_nodes_nothing_is_tried(monkeypatch, found):
    monkeypatch.setattr(autoscaler, "_status", lambda: found)
    monkeypatch.setattr(autoscaler, "_accepts", None)
    assert autoscaler.most_workers(12, {"CPU": 1}) == 12
