"""Every way of balancing by its name.

To add one: a line in `METHODS`, and an arm that names it in `mtlens.config.arms`.
"""

from collections.abc import Callable

from mtlens.config.sections import NO_BALANCING
from mtlens.training.balancing.aggregation import aligned_mtl, cagrad, pcgrad, upgrad
from mtlens.training.balancing.base import Balancing
from mtlens.training.balancing.scalarization import DynamicWeightAverage, Scaled, Uncertainty
from mtlens.training.balancing.weighted_mean import WeightedMean

METHODS: dict[str, Callable[[int], Balancing]] = {
    NO_BALANCING: WeightedMean,
    "uncertainty": Uncertainty,
    "scaled": Scaled,
    "dwa": DynamicWeightAverage,
    "upgrad": upgrad,
    "pcgrad": pcgrad,
    "cagrad": cagrad,
    "aligned_mtl": aligned_mtl,
}
"""Name in `Run.balancing` -> function from the number of tasks to the method."""
