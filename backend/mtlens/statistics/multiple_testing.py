"""Holm's correction for several tests at once."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p values `[T]`: rejecting those below alpha keeps the chance of any false rejection below alpha.

    The k-th smallest of T is multiplied by T - k + 1, then made no smaller than its predecessors. Holm 1979.
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return tuple(adjusted.tolist())
