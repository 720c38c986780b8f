"""The interface of balancing methods: the batch that they get, and the gradients that they set."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor, nn

History = Sequence[Sequence[float]]
"""Mean training loss of each task in each epoch so far, [epochs, T]; NaN in an epoch that has no label of a task."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """The T losses of a batch with their graph.

    losses: [T], 0 for a task without a label. shares: [T], of each task in the joint loss, 0 without a label; they add up to 1.
    features: inputs of the heads, [b, d] or, of tokens, [b, L, d]; None in data-parallel training, which only has the joint
    loss. heads: T modules. shared: trained parameters of the encoder. processes: number of processes whose gradients are
    averaged.
    """

    losses: Tensor
    shares: Tensor
    present: Sequence[int]
    features: Sequence[Tensor] | Tensor | None
    heads: Sequence[nn.Module]
    shared: Sequence[nn.Parameter]
    processes: int = 1

    @cached_property
    def weighted(self) -> Tensor:
        """[T], the part of each task in the joint loss."""
        return self.losses * self.shares

    def gramian(self) -> Tensor:
        """Inner products [t, t] of the tasks' gradients in the shared parameters; the graph stays."""
        rows = [torch.autograd.grad(self.weighted[task], self.shared, retain_graph=True) for task in self.present]
        products = torch.zeros(len(rows), len(rows), device=self.losses.device)
        for column in zip(*rows, strict=True):
            matrix = torch.stack([gradient.reshape(-1).float() for gradient in column])
            products += matrix @ matrix.T
        return products


class Balancing(Protocol):
    """From the losses of several tasks to one gradient per parameter."""

    @property
    def weights(self) -> nn.ParameterList:
        """Parameters of the method itself, which the model's optimiser trains."""
        ...

    @property
    def measures(self) -> bool:
        """Whether `backward` has the inner products of the gradients anyway."""
        ...

    def start_epoch(self, history: History) -> None:
        """Called before each epoch with the losses so far."""
        ...

    def backward(self, batch: Batch) -> Tensor | None:
        """Set `grad` of the heads of tasks that are present, and of the shared parameters.

        Returns the inner products [t, t] of the gradients of the t tasks that are present, where it has them.
        """
        ...
