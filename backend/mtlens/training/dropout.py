"""Dropout with masks from a pool: on a CPU, drawing random masks takes longer than applying them.

PyTorch draws the elements of masks one by one. Here a pool of elements is drawn in bulk, with sixteen random bits each. Each
step starts at a random position of the pool and takes consecutive elements for its masks, none twice, so that masks within a
step are as independent as freshly drawn ones. Different steps use overlapping, shifted parts of the pool, which is drawn anew
after `STEPS_PER_POOL` steps. The masks are a function of the seed alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

STEPS_PER_POOL = 16
SMALLEST_POOL = 2**20
_PART = 2**20  # elements that are drawn at once, so that what they are made of stays small
_LEVELS = 2**16  # of the uniform numbers that are compared with the rate


class MaskPool:
    """Masks for one rate: 0 with probability `rate`, to within 2^-17, else 1 / (1 - rate)."""

    def __init__(self, rate: float, dtype: torch.dtype, seed: Sequence[int]):
        self._generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed)))
        self._first_kept = np.int32(round(rate * _LEVELS))
        self._scale = torch.tensor(1 / (1 - rate), dtype=dtype)
        self._steps = 0
        self._draw(SMALLEST_POOL)

    def start_step(self) -> None:
        """Begin a step: its masks start at a random position of the pool."""
        self._steps += 1
        if self._steps % STEPS_PER_POOL == 0:
            self._draw(len(self._pool))
        self._place = int(self._generator.integers(len(self._pool)))
        self._left = len(self._pool)

    def mask(self, shape: torch.Size) -> Tensor:
        """A mask that is independent of all others of this step; read-only."""
        count = shape.numel()
        if count > self._left:
            self._draw(max(2 * len(self._pool), count))
        start, self._place = self._place, (self._place + count) % len(self._pool)
        self._left -= count
        taken = self._pool[start : start + count]
        missing = count - len(taken)  # from the beginning, where the pool has ended
        return (torch.cat([taken, self._pool[:missing]]) if missing else taken).view(shape)

    def _draw(self, count: int) -> None:
        """A pool of `count` elements, or a few more; masks taken before keep their memory."""
        self._pool = torch.empty(-(-count // 4) * 4, dtype=self._scale.dtype)
        for part in self._pool.split(_PART):
            words = self._generator.integers(2**64, size=len(part) // 4, dtype=np.uint64)
            torch.mul(torch.from_numpy(words.view(np.uint16) >= self._first_kept), self._scale, out=part)
        self._place, self._left = 0, len(self._pool)


class BulkDropout(TorchFunctionMode):
    """Context manager in which all dropout on a CPU takes its masks from pools."""

    def __init__(self, seed: Sequence[int]):
        super().__init__()
        self._seed = seed
        self._pools: dict[tuple[float, torch.dtype], MaskPool] = {}

    def step(self) -> "BulkDropout":
        """Begin another step; returns this object as a context manager for its forward pass."""
        for pool in self._pools.values():
            pool.start_step()
        return self

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Called by PyTorch for every function."""
        if func is functional.dropout and args[0].device.type == "cpu":
            return self._dropout(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropout(self, values: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or p == 0:
            return values
        if p == 1:
            return torch.zeros_like(values)
        key = (p, values.dtype)
        if key not in self._pools:
            self._pools[key] = MaskPool(p, values.dtype, [*self._seed, len(self._pools)])
        mask = self._pools[key].mask(values.shape)
        return values.mul_(mask) if inplace else values * mask
