"""What this process may use of its machine: cores, memory, GPUs. Importing it does not import torch, which takes seconds."""

import os
import sys
from pathlib import Path

_DEVICES = ("nvidia[0-9]*", "nvhost*", "kfd", "dxg")  # in /dev: CUDA, CUDA on Jetson, ROCm, either under WSL


def usable_cores() -> int:
    """Cores that this process may use: in a container, by affinity or quota, they can be fewer than the machine has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    quota = _cgroup("cpu.max").split()
    if len(quota) == 2 and quota[0] != "max":
        cores = min(cores, max(1, int(quota[0]) // int(quota[1])))
    return cores


def usable_memory() -> int:
    """Largest memory in bytes that this process may use: that of the machine, or the container's limit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _cgroup("memory.max").strip()
    return min(total, int(limit)) if limit.isdigit() else total


def _cgroup(name: str) -> str:
    """A limit of the control group (Linux cgroup v2), or nothing where there is none."""
    try:
        return (Path("/sys/fs/cgroup") / name).read_text()
    except OSError:
        return ""


def count_gpus() -> int:
    """GPUs that PyTorch can use. Where Linux has no device of a driver there are none, and PyTorch is not asked."""
    if sys.platform == "linux" and not any(any(Path("/dev").glob(name)) for name in _DEVICES):
        return 0
    import torch

    return torch.cuda.device_count()
