"""In which order a run sees its batches, and how the learning rate moves.

A batch holds rows of one table only, so that tasks with texts of their own keep the batches, and with proportional
sampling the number of updates, that they have alone.
"""

import numpy as np
from numpy.typing import NDArray

from backend.data.encode import Encoded, batches
from backend.spec import Training


def epoch_batches(
    encoded: Encoded, rows: NDArray[np.int64], training: Training, *, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Batches of one epoch, a function of seed and epoch alone: an interrupted run finds them again.

    The number of batches is that of one pass over every table. `proportional` makes that pass; `temperature` draws
    table k with probability proportional to (its batches)^(1 / temperature); `uniform` draws every table equally often.
    """
    generator = np.random.default_rng([seed, epoch])
    tables = [rows[encoded.sources[rows] == source] for source in np.unique(encoded.sources[rows])]
    passes = [batches(encoded.lengths, table, training.batch_size, generator) for table in tables]
    quotas = _quotas([len(cut) for cut in passes], training)
    drawn: list[NDArray[np.int64]] = []
    for table, cut, quota in zip(tables, passes, quotas, strict=True):
        while len(cut) < quota:
            cut = cut + batches(encoded.lengths, table, training.batch_size, generator)
        drawn.extend(cut[:quota])
    return [drawn[i] for i in generator.permutation(len(drawn))]


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
