"""The joint loss: the mean of the tasks' losses by the weights of the experiment file."""

from torch import Tensor, nn

from mtlens.training.balancing.base import Batch, History


class WeightedMean:
    """sum_j share_j loss_j in one backward pass. Other weights on the losses are subclasses."""

    measures = False

    def __init__(self, num_tasks: int) -> None:
        self.weights = nn.ParameterList()

    def start_epoch(self, history: History) -> None:
        """Nothing changes."""

    def backward(self, batch: Batch) -> None:
        """One backward pass; data-parallel processes take the mean of their gradients, which has to be the sum."""
        (self.loss(batch) * batch.processes).backward()

    def loss(self, batch: Batch) -> Tensor:
        """What is differentiated: a scalar."""
        return batch.weighted.sum()
