"""Moments of a sum over examples when labels are put in a random order, all orders being equally likely."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def moments_over_orders(labels: NDArray[Any], adds: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation of the sum over i of adds[label of i, i]. labels `[n]`, adds `[C, n]`.

    Exact: Hoeffding 1951, "A combinatorial central limit theorem".
    """
    support = np.bincount(labels, minlength=len(adds))
    n, of_class, of_place = len(labels), adds.mean(axis=1), support @ adds / len(labels)
    centred = adds - of_class[:, None] - of_place + of_place.mean()
    return float(support @ of_class), math.sqrt(float((support @ centred**2).sum()) / max(n - 1, 1))
