"""The hardware of a run: device, precision, threads, memory."""

import contextlib
import ctypes
import functools
import platform
import resource
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from mtlens.training.half_norms import HalfNorms

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LARGEST_INT = -1, -3, 2**31 - 1  # of `mallopt` in glibc
CONTEXT_BYTES = 512 * 2**20  # that CUDA takes in every process beside what PyTorch allocates


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """Where a run computes. threads: CPU threads of one run; they affect the order of summation."""

    device: torch.device
    dtype: torch.dtype
    threads: int

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Matrix products in bfloat16 where that is the precision; weights, losses and sums stay in float32."""
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    @contextlib.contextmanager
    def training(self) -> Generator[None]:
        """As `autocast`, for forward passes with gradients: layer norms return that precision too."""
        with self.autocast(), contextlib.nullcontext() if self.dtype is torch.float32 else HalfNorms(self.dtype):
            yield


def prepare(precision: Literal["auto", "float32", "bfloat16"], *, threads: int, gpu: bool) -> Hardware:
    """Set the threads and resolve `auto`: bfloat16 where the GPU or CPU multiplies it natively."""
    torch.set_num_threads(threads)
    _keep_freed_memory()
    device = torch.device("cuda" if gpu else "cpu")
    native = torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda" else _cpu_multiplies_bfloat16()
    bfloat16 = precision == "bfloat16" or (precision == "auto" and native)
    return Hardware(device=device, dtype=torch.bfloat16 if bfloat16 else torch.float32, threads=threads)


def _keep_freed_memory() -> None:
    """Have glibc use memory again instead of giving it back: after every step the kernel would have to clear its pages anew."""
    if (glibc := _glibc()) is not None:
        for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            glibc.mallopt(option, _LARGEST_INT)


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """The C library of this process, where it is that of GNU; other allocators are left as they are."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def _cpu_multiplies_bfloat16() -> bool:
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def limit_gpu_memory(share: float) -> None:
    """Keep this process to its share of its GPU's memory, 0 to 1: Ray counts shares of a GPU and does not divide it.

    A run that needs more fails for lack of memory, without affecting runs beside it.
    """
    if 0 < share < 1:
        total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        torch.cuda.set_per_process_memory_fraction(max(0.0, share - CONTEXT_BYTES / total))


def trim_memory() -> None:
    """Give memory that was freed back to the system, where glibc keeps it."""
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)


def reset_peak_memory(device: torch.device) -> None:
    """Reset the peak after earlier runs of this process, and free the memory cached for them."""
    trim_memory()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif (peak := Path("/proc/self/clear_refs")).exists():
        with contextlib.suppress(OSError):  # a container may forbid it: then the peak is that of all runs so far
            peak.write_text("5")


def peak_memory(device: torch.device) -> int:
    """Largest memory in bytes since the last reset: of the GPU's allocator, or of this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    with contextlib.suppress(OSError):  # Linux; elsewhere the system keeps the peak of the whole process only
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform.system() == "Darwin" else 1024)


def gpu_utilisation(device: torch.device) -> float | None:
    """Share of the last second in which the GPU computed, 0 to 1; None on a CPU and where NVIDIA's library is absent."""
    if device.type != "cuda":
        return None
    try:
        return torch.cuda.utilization(device) / 100
    except (ModuleNotFoundError, RuntimeError):
        return None


def describe(hardware: Hardware) -> dict[str, object]:
    """What run.json records of the machine."""
    gpu = torch.cuda.get_device_name(hardware.device) if hardware.device.type == "cuda" else None
    return {
        "device": gpu or platform.processor() or platform.machine(),
        "kind": hardware.device.type,
        "precision": str(hardware.dtype).removeprefix("torch."),
        "threads": hardware.threads,
        "node": platform.node(),
    }
