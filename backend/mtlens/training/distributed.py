"""The processes that train one run together: usually one, several for a data-parallel run."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether a run has to be trained, and from which saved state."""

    train: bool
    state: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class World:
    """This process' place among the processes of one run."""

    rank: int = 0
    size: int = 1

    def part(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """This process' share of a batch: every size-th row, so that the lengths are spread evenly."""
        return rows[self.rank :: self.size]

    def add(self, values: torch.Tensor) -> torch.Tensor:
        """Sum of each process' values, in every process."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def share(self, decision: Decision | None) -> Decision:
        """The decision of rank 0, in every process; the others pass None."""
        box = [decision]
        if self.size > 1:
            dist.broadcast_object_list(box, src=0)
        assert box[0] is not None
        return box[0]

    def gather(
        self, rows: NDArray[np.int64], values: list[NDArray[np.float32]]
    ) -> tuple[NDArray[np.int64], list[NDArray[np.float32]]]:
        """Rows and values [len(rows), ...] of all processes, in every process."""
        if self.size == 1:
            return rows, values
        parts: list[tuple[NDArray[np.int64], list[NDArray[np.float32]]]] = [(rows, values)] * self.size
        dist.all_gather_object(parts, (rows, values))
        joined = [np.concatenate(columns) for columns in zip(*(part[1] for part in parts), strict=True)]
        return np.concatenate([part[0] for part in parts]), joined


ALONE = World()
