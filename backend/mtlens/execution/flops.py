"""Floating-point operations of updates."""

import numpy as np
from numpy.typing import NDArray

from mtlens.config.arms import AGGREGATIONS
from mtlens.config.run import Run
from mtlens.data.tokenize import Encoded


def update_flops(encoded: Encoded, rows: NDArray[np.int64], run: Run, weights: int, attention: int) -> float:
    """Operations of one update on a batch, padded to its longest text.

    A backward pass costs two forward passes, one where adapters leave out the gradients of the frozen weights; aggregated
    gradients take a backward pass per task.
    """
    length = int(encoded.lengths[rows].max())
    forward = len(rows) * length * (2.0 * weights + attention * length)
    backward = (2 if run.method == "full" else 1) * (len(run.tasks) if run.balancing in AGGREGATIONS else 1)
    return forward * (1 + backward)
