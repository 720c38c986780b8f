"""The order of a run's batches, and the schedule of the learning rate.

A batch has rows of one table only, so that tasks with their own texts have the same batches as in task-specific training.
"""

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import Training
from mtlens.data.splits import TRAIN, in_split
from mtlens.data.tokenize import Encoded, batches
from mtlens.tasks import MISSING


def epoch_batches(encoded: Encoded, training: Training, *, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Batches of one epoch for the tasks of `encoded`, a function of seed and epoch alone: a resumed run finds them again.

    A table is cut into batches of all its training rows, and from each batch the rows without a label for these tasks are left
    out. So a task-specific and a multi-task model see the same labels of a task in the same updates. The number of batches is
    that of one pass over the tables that label any of the tasks. `proportional` makes that pass; `temperature` draws table k
    with probability proportional to (its batches)^(1 / temperature); `uniform` draws every table equally often.
    """
    labelled = (encoded.labels != MISSING).any(axis=1)
    train = in_split(encoded.splits, TRAIN)
    tables = np.unique(encoded.sources[train & labelled])
    passes = [
        _Table(encoded, np.flatnonzero(train & (encoded.sources == table)), training, (seed, epoch, int(table)))
        for table in tables
    ]
    quotas = _quotas([len(table.cut) for table in passes], training)
    order = np.random.default_rng([seed, epoch]).permutation(np.repeat(np.arange(len(passes)), quotas))
    drawn = [passes[table].next_batch() for table in order]
    return [kept for batch in drawn if len(kept := batch[labelled[batch]])]


class _Table:
    """The batches of one table in their order, and new passes over it when these run out."""

    def __init__(self, encoded: Encoded, rows: NDArray[np.int64], training: Training, key: tuple[int, int, int]):
        self._lengths, self._rows, self._batch_size = encoded.lengths, rows, training.batch_size
        self._generator = np.random.default_rng(key)
        self.cut = self._pass()
        self._next = 0

    def next_batch(self) -> NDArray[np.int64]:
        if self._next == len(self.cut):
            self.cut, self._next = self._pass(), 0
        self._next += 1
        return self.cut[self._next - 1]

    def _pass(self) -> list[NDArray[np.int64]]:
        return batches(self._lengths, self._rows, self._batch_size, self._generator)


def _quotas(sizes: list[int], training: Training) -> list[int]:
    """How many batches each table gives to an epoch; they add up to sum(sizes), by largest remainder."""
    if training.sampling == "proportional":
        return sizes
    power = 0.0 if training.sampling == "uniform" else 1.0 / training.temperature
    shares = np.asarray(sizes, dtype=np.float64) ** power
    exact = shares / shares.sum() * sum(sizes)
    quotas = np.floor(exact).astype(int)
    largest = np.argsort(quotas - exact, kind="stable")[: sum(sizes) - int(quotas.sum())]
    quotas[largest] += 1
    return [int(quota) for quota in quotas]


def learning_rate_factor(step: int, total: int, warmup: float) -> float:
    """Factor on the learning rates at update `step` of `total`: linear warm-up, then linear decay to 0, in (0, 1]."""
    rising = max(1, round(warmup * total))
    if step < rising:
        return (step + 1) / rising
    return (total - step) / max(1, total - rising)
