"""What a lane takes of a GPU, with CUDA itself stood in for, and what it keeps of the host's memory."""

import platform
import resource
from types import SimpleNamespace

import pytest
import torch

from mtlens.training.hardware import CONTEXT_BYTES, gpu_utilisation, limit_gpu_memory, peak_memory, prepare, reset_peak_memory

GIB = 2**30


@pytest.fixture
def limits(monkeypatch):
    """Shares that were asked of a GPU of 16 GiB."""
    asked = []
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=16 * GIB))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", asked.append)
    return asked


@pytest.mark.parametrize("lanes", [2, 4, 10])
def test_lanes_that_share_a_gpu_fit_on_it_with_their_contexts(limits, lanes):
    for _ in range(lanes):
        limit_gpu_memory(1 / lanes)
    used = sum(limits) * 16 * GIB + lanes * CONTEXT_BYTES
    assert used == pytest.approx(16 * GIB)


@pytest.mark.parametrize("share", [0, 1])
def test_a_lane_with_a_gpu_of_its_own_or_without_one_is_not_limited(limits, share):
    limit_gpu_memory(share)
    assert limits == []


def test_a_share_smaller_than_a_context_leaves_nothing(limits):
    limit_gpu_memory(0.01)
    assert limits == [0.0]


def test_utilisation_is_a_share_and_unknown_where_nothing_tells_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "utilization", lambda _: 75)
    assert gpu_utilisation(torch.device("cuda")) == 0.75
    assert gpu_utilisation(torch.device("cpu")) is None

    def absent(_):
        raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")

    monkeypatch.setattr(torch.cuda, "utilization", absent)
    assert gpu_utilisation(torch.device("cuda")) is None


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left as they are")
def test_freed_memory_is_used_again_and_not_counted_in_the_next_peak():
    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(4):  # what a step needs and frees
            torch.ones(2**24)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    prepare("float32", threads=1, gpu=False)
    pages = 2**26 // resource.getpagesize()
    assert min(faults() for _ in range(4)) < pages / 4  # free memory that earlier tests gave back is touched once
    reset_peak_memory(torch.device("cpu"))
    without = peak_memory(torch.device("cpu"))
    torch.ones(2**24)
    assert peak_memory(torch.device("cpu")) - without > 2**25
