"""Weights on the losses: one backward pass of their weighted sum."""

import math

import torch
from torch import Tensor, nn
from torchjd.scalarization import DWA, UW

from mtlens.training.balancing.base import Batch, History
from mtlens.training.balancing.weighted_mean import WeightedMean

_LEAST_LOSS = 1e-8


class Uncertainty(WeightedMean):
    """Learned uncertainty: sum_j share_j (exp(-s_j) loss_j + s_j) with trained log-variances s_j, initially 0.

    Kendall, Gal and Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses", equation 7. The s_j of a task
    without a label in the batch does not change.
    """

    def __init__(self, num_tasks: int) -> None:
        super().__init__(num_tasks)
        self._scalarizer = UW(num_tasks)
        self.weights = nn.ParameterList([self._scalarizer.log_var])

    def loss(self, batch: Batch) -> Tensor:
        """TorchJD's sum is half of t times this one, for t tasks that are present and of equal shares."""
        count = len(batch.present)
        neutral = self._scalarizer.log_var.detach().exp()  # the loss at which the derivative in s_j is 0
        values = torch.where(batch.shares > 0, count * batch.weighted, neutral)
        return 2 / count * self._scalarizer(values)


class Scaled(WeightedMean):
    """Losses scaled by their own values: prod_j loss_j^share_j, the geometric mean of the losses.

    Its gradient is that product times sum_j share_j d loss_j / loss_j, so that the unit of a loss does not matter. For equal
    shares it is the geometric loss strategy of Chennupati et al. 2019, "MultiNet++". A loss below 1e-8 counts as 1e-8.
    """

    def loss(self, batch: Batch) -> Tensor:
        """A task without a label has a share of 0 and changes nothing."""
        return (batch.shares * batch.losses.clamp(min=_LEAST_LOSS).log()).sum().exp()


class DynamicWeightAverage(WeightedMean):
    """Weights T softmax(r / 2) from r_j, the mean loss of task j in the last epoch over that in the one before.

    Liu, Johns and Davison 2019, "End-to-End Multi-Task Learning with Attention", equation 7. All weights are 1 in the first two
    epochs, and in those after an epoch that had no label of some task.
    """

    def __init__(self, num_tasks: int) -> None:
        super().__init__(num_tasks)
        self._scalarizer = DWA()
        self._history: History = ()

    def start_epoch(self, history: History) -> None:
        """Compute weights from the last two epochs, so that a resumed run has the same weights."""
        known = all(math.isfinite(loss) for losses in history[-2:] for loss in losses)
        self._history = history[-2:] if known else ()
        self._scalarizer.reset()

    def loss(self, batch: Batch) -> Tensor:
        """The weights follow from the losses as they are; a task's share stays its share."""
        for losses in self._history:
            self._scalarizer(torch.tensor(losses, device=batch.losses.device))
            self._scalarizer.step()
        self._history = ()
        return self._scalarizer(batch.weighted)
