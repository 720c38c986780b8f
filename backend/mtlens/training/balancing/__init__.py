"""How several tasks make one update: by weights on their losses, or by an aggregation of their gradients.

TorchJD (https://torchjd.org) implements the methods; this package gives them the losses and gradients of mtlens. On a batch
whose tasks do not conflict, every aggregation gives the update of the weighted mean loss, so that a learning rate and a
clipping threshold mean the same for all.
"""

from mtlens.config.run import Run
from mtlens.config.sections import NO_BALANCING
from mtlens.training.balancing.base import Balancing
from mtlens.training.balancing.weighted_mean import WeightedMean


def make_balancing(run: Run) -> Balancing:
    """What balances the tasks of a run. TorchJD is imported for methods that need it."""
    if run.balancing == NO_BALANCING:
        return WeightedMean(len(run.tasks))
    from mtlens.training.balancing.methods import METHODS

    return METHODS[run.balancing](len(run.tasks))
