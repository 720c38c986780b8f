"""How far the gradients of the tasks agree while a model trains, in the parameters that they share.

Two tasks conflict on a batch where the inner product of their gradients is negative (Yu et al. 2020, definition 1).
Aggregations know the inner products of every batch. For other methods they are measured on one batch in 16; the time and memory
of this are not counted as those of the run.
"""

import time

import numpy as np
import torch
from numpy.typing import NDArray

from mtlens.config.task import Task
from mtlens.training.balancing.base import Batch
from mtlens.training.hardware import peak_memory, reset_peak_memory

MEASURED_EVERY = 16  # updates


class ConflictMeter:
    """Counts over the batches so far. tallies: [3, T, T]: batches with both tasks, conflicts, and sums of cosines."""

    def __init__(self, tasks: tuple[Task, ...], device: torch.device) -> None:
        self._tasks, self._device = tasks, device
        self.tallies: NDArray[np.float64] = np.zeros((3, len(tasks), len(tasks)))
        self.seconds = 0.0
        self._peak = 0

    def measure(self, batch: Batch) -> None:
        """Compute the inner products of a batch, whose graph stays."""
        started = time.perf_counter()
        self._peak = max(self._peak, peak_memory(self._device))
        self.add(batch, batch.gramian())
        reset_peak_memory(self._device)
        self.seconds += time.perf_counter() - started

    def add(self, batch: Batch, gramian: torch.Tensor) -> None:
        """Count the inner products [t, t] of the tasks that are present."""
        products = gramian.double().cpu().numpy()
        norms = np.sqrt(products.diagonal())
        lengths = np.outer(norms, norms)
        cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        self.tallies[np.ix_(range(3), batch.present, batch.present)] += np.stack(
            [np.ones_like(products), products < 0, cosines]
        )

    @property
    def peak(self) -> int:
        """Largest memory of the run in bytes, without that of these measurements."""
        return max(self._peak, peak_memory(self._device))

    def facts(self) -> dict[str, object]:
        """Share of pairs and batches in conflict, and mean cosine; of all pairs, and of each.

        Nothing before the first batch.
        """
        pairs = [(a, b) for a in range(len(self._tasks)) for b in range(a + 1, len(self._tasks)) if self.tallies[0, a, b]]
        if not pairs:
            return {}
        each = [
            {
                "tasks": [self._tasks[a].name, self._tasks[b].name],
                "batches": int(self.tallies[0, a, b]),
                **self._rates([(a, b)]),
            }
            for a, b in pairs
        ]
        return {**self._rates(pairs), "conflicts": each}

    def _rates(self, pairs: list[tuple[int, int]]) -> dict[str, float]:
        batches, conflicts, cosines = (sum(float(tally[pair]) for pair in pairs) for tally in self.tallies)
        return {"conflict_rate": conflicts / batches, "gradient_cosine": cosines / batches}
