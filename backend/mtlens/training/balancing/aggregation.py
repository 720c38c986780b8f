"""Aggregation of gradients: a backward pass per task, and one update from the Jacobian in the parameters that tasks share.

Rows of the Jacobian are the gradients of share_j loss_j, whose sum is the gradient of the joint loss. A head belongs to its
task alone and gets the gradient that it has in the joint loss. All four methods need only the Gramian of the Jacobian, so its
blocks are never concatenated; memory holds a gradient per task.
"""

from torch import Tensor, nn
from torchjd.aggregation import AlignedMTL, CAGrad, GramianWeightedAggregator, PCGrad, UPGrad
from torchjd.autojac import jac_to_grad, mtl_backward

from mtlens.training.balancing.base import Batch, History

CAGRAD_RADIUS = 0.4  # c of Liu et al. 2021, their value for two of three benchmarks


class Aggregation:
    """One of TorchJD's aggregators that combine the rows by weights from their inner products.

    sums: whether its result without conflicts is the sum of the rows; otherwise it is the mean, and is scaled to the sum.
    """

    measures = True

    def __init__(self, aggregator: GramianWeightedAggregator, *, sums: bool = False) -> None:
        self.weights = nn.ParameterList()
        self._aggregator, self._sums = aggregator, sums
        self._gramian: Tensor | None = None
        aggregator.gramian_weighting.register_forward_pre_hook(self._keep)

    def start_epoch(self, history: History) -> None:
        """Nothing changes."""

    def backward(self, batch: Batch) -> Tensor | None:
        """One backward pass per task that is present, from its loss to the features and on through the encoder."""
        assert batch.features is not None
        losses = [batch.weighted[task] for task in batch.present]
        heads = [list(batch.heads[task].parameters()) for task in batch.present]
        mtl_backward(
            losses,
            batch.features,
            tasks_params=heads,
            shared_params=batch.shared,
            retain_graph=True,  # the losses of all tasks are made by one operation
            parallel_chunk_size=1,  # one row after the other: in parallel they would need `vmap` through the encoder
        )
        jac_to_grad(batch.shared, self._aggregator, optimize_gramian_computation=True)
        if not self._sums:
            for parameter in batch.shared:
                assert parameter.grad is not None
                parameter.grad *= len(losses)
        return self._gramian

    def _keep(self, _: nn.Module, inputs: tuple[Tensor]) -> None:
        self._gramian = inputs[0].detach()


def upgrad(num_tasks: int) -> Aggregation:
    """Mean of the rows, each projected into the cone in which no task's loss rises (Quinton and Rey 2024, arXiv 2406.16232)."""
    return Aggregation(UPGrad())


def pcgrad(num_tasks: int) -> Aggregation:
    """Sum of the rows, each projected off those that it conflicts with, in random order (Yu et al. 2020, algorithm 1)."""
    return Aggregation(PCGrad(), sums=True)


def cagrad(num_tasks: int) -> Aggregation:
    """The best update for the worst task in a ball around the mean gradient (Liu et al. 2021, algorithm 1)."""
    return Aggregation(CAGrad(c=CAGRAD_RADIUS))


def aligned_mtl(num_tasks: int) -> Aggregation:
    """Mean of the rows after all singular values became the smallest one (Senushkin et al. 2023, algorithm 1)."""
    return Aggregation(AlignedMTL())
