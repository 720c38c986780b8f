"""The largest worker group that an autoscaler accepts is found by bisection."""

import types

import pytest

from mtlens.execution.ray_backend import autoscaler


@pytest.mark.parametrize(("limit", "found"), [(0, 1), (1, 1), (2, 2), (5, 5), (11, 11), (12, 12), (30, 12)])
def test_the_largest_number_that_is_accepted(monkeypatch, limit, found):
    tried = []
    monkeypatch.setattr(autoscaler, "_state", lambda: types.SimpleNamespace(autoscaler_state_version=7))
    monkeypatch.setattr(autoscaler, "_accepts", lambda workers, claimed: tried.append(workers) or workers <= limit)
    assert autoscaler.most_workers(12, {"CPU": 1}) == found
    assert tried[0] == 12
    assert len(tried) == len(set(tried)) <= 5


def test_without_an_autoscaler_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(autoscaler, "_state", lambda: types.SimpleNamespace(autoscaler_state_version=0))
    monkeypatch.setattr(autoscaler, "_accepts", None)
    assert autoscaler.most_workers(12, {"CPU": 1}) == 12
