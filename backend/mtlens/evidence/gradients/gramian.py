"""Gradients of several tasks in shared parameters, and the sums from which their agreement is estimated.

For tasks with shared inputs: one forward pass, then T backward passes, a cost of about 1 + 2T forward passes where T
separate passes cost 3T. Per microbatch,

    gramian.add(task_gradients(losses, parameters))

and in the end `gramian.result()` is an `Alignment` per block of parameters.
"""

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlens.errors import EvidenceError
from mtlens.evidence.gradients.estimators import Alignment

_CHUNK = 2**14  # entries per tensor that are multiplied at once: few enough to stay in the processor's cache

BlockT = TypeVar("BlockT", bound=Hashable)


def task_gradients(losses: Sequence[Tensor], parameters: Sequence[Tensor]) -> list[list[Tensor]]:
    """Gradient of each of T scalar losses in each of P parameters, zeros where a loss does not depend on one.

    The losses come from one forward pass, whose graph is gone afterwards. Parameters must require gradients; their `grad` is
    neither read nor written. `EvidenceError`: a loss that depends on none of them.

    Reentrant activation checkpointing breaks `torch.autograd.grad`: it refuses, or does not see the parameters inside, which
    then count as unused. Checkpoint with `use_reentrant=False`.
    """
    last = len(losses) - 1
    return [_gradient(task, loss, parameters, retain_graph=task < last) for task, loss in enumerate(losses)]


class Gramian(Generic[BlockT]):
    """Sums over microbatches of T tasks' gradients, and products of these per block of parameters.

    It stores two sums of gradients per task, over the even and over the odd microbatches, in float32 (float64 for float64
    gradients), which is 2 T times the parameters, and T² numbers per block and microbatch. Products are taken in float64:
    gradients under autocast have bfloat16 values, and float32 sums of their squares are too small by parts in a million.
    """

    def __init__(self, blocks: Sequence[BlockT], num_tasks: int, *, independent: NDArray[np.bool_] | None = None) -> None:
        """blocks: [P], of each parameter. independent: [T, T], pairs of tasks whose microbatches hold different examples."""
        self._names = list(dict.fromkeys(blocks))
        self._blocks = [self._names.index(block) for block in blocks]
        self._independent = np.zeros((num_tasks, num_tasks), dtype=np.bool_) if independent is None else independent
        if self._independent.shape != (num_tasks, num_tasks) or (self._independent != self._independent.T).any():
            raise EvidenceError(
                f"independent pairs should be a symmetric [{num_tasks}, {num_tasks}]; found shape {self._independent.shape}"
            )
        self._sums: list[list[list[Tensor]]] = []  # per half, task and parameter
        self._present: list[NDArray[np.bool_]] = []
        self._products: list[NDArray[np.float64]] = []  # per microbatch [blocks, T, T]

    @torch.no_grad()
    def add(self, gradients: Sequence[Sequence[Tensor] | None]) -> None:
        """Add a microbatch: per task its gradients in the P parameters, or None where the task has no label in it.

        `EvidenceError`, without adding anything: gradients that are not finite, or have a wrong number or shape, or none.
        """
        self._check(gradients)
        present = np.array([own is not None for own in gradients])
        rows = [own for own in gradients if own is not None]
        products = np.zeros((len(self._names), len(present), len(present)))
        products[:, np.outer(present, present)] = self._multiply(rows).reshape(len(self._names), -1)
        self._check_finite(products)
        if not self._sums:
            self._sums = [[[_zeros_like(own) for own in rows[0]] for _ in gradients] for _ in range(2)]
        sums = self._sums[len(self._present) % 2]
        for task, row in zip(np.flatnonzero(present), rows, strict=True):
            for total, own in zip(sums[task], row, strict=True):
                total += own
        self._present.append(present)
        self._products.append(products)

    @torch.no_grad()
    def result(self) -> dict[BlockT, Alignment]:
        """The alignment in each block from the microbatches so far, in the order of first mention; more can be added later.

        `EvidenceError`: no microbatch yet.
        """
        if not self._present:
            raise EvidenceError("gradients should come from at least one microbatch; found none")
        num_tasks = len(self._independent)
        halves = self._multiply([*self._sums[0], *self._sums[1]]).reshape(-1, 2, num_tasks, 2, num_tasks)
        products, present = np.stack(self._products, axis=1), np.stack(self._present)
        return {
            name: Alignment(
                half_products=halves[block].swapaxes(1, 2),
                microbatch_products=products[block],
                present=present,
                independent=self._independent,
            )
            for block, name in enumerate(self._names)
        }

    def _multiply(self, rows: Sequence[Sequence[Tensor]]) -> NDArray[np.float64]:
        """Inner products within each block, [blocks, t, t], of t rows of P tensors."""
        device = rows[0][0].device
        products = torch.zeros(len(self._names), len(rows), len(rows), dtype=torch.float64, device=device)
        for block, column in zip(self._blocks, zip(*rows, strict=True), strict=True):
            flat = [tensor.reshape(-1) for tensor in column]
            for chunks in zip(*(tensor.split(_CHUNK) for tensor in flat), strict=True):
                matrix = torch.stack(chunks).double()
                products[block] += matrix @ matrix.T
        return products.cpu().numpy()

    def _check(self, gradients: Sequence[Sequence[Tensor] | None]) -> None:
        """Raise `EvidenceError` unless there are T tasks, one of them present, and P tensors of the same shapes each."""
        if len(gradients) != len(self._independent):
            raise EvidenceError(f"gradients should be of {len(self._independent)} tasks; found {len(gradients)}")
        rows = [(task, own) for task, own in enumerate(gradients) if own is not None]
        if not rows:
            raise EvidenceError("a microbatch should have a label for at least one task; found none")
        shapes = [tensor.shape for tensor in (self._sums[0][0] if self._sums else rows[0][1])]
        for task, own in rows:
            if len(own) != len(self._blocks):
                raise EvidenceError(f"task {task} should have gradients in {len(self._blocks)} parameters; found {len(own)}")
            for parameter, (tensor, shape) in enumerate(zip(own, shapes, strict=True)):
                if tensor.shape != shape:
                    raise EvidenceError(
                        f"gradient of task {task} in parameter {parameter} should have shape {tuple(shape)}; "
                        f"found {tuple(tensor.shape)}"
                    )

    def _check_finite(self, products: NDArray[np.float64]) -> None:
        """Raise `EvidenceError` for the first squared norm that is not finite. products: [blocks, T, T]."""
        bad = np.argwhere(~np.isfinite(products.diagonal(axis1=1, axis2=2)))
        if len(bad):
            block, task = bad[0]
            raise EvidenceError(
                f"gradient of task {task} should be finite; found NaN or infinity in {self._names[block]}, "
                f"microbatch {len(self._present)}"
            )


def _zeros_like(gradient: Tensor) -> Tensor:
    """In float32 at least."""
    return torch.zeros_like(gradient, dtype=torch.promote_types(gradient.dtype, torch.float32))


def _gradient(task: int, loss: Tensor, parameters: Sequence[Tensor], *, retain_graph: bool) -> list[Tensor]:
    found: Sequence[Tensor | None] = [None]
    if loss.requires_grad:
        found = torch.autograd.grad(loss, parameters, retain_graph=retain_graph, allow_unused=True)
    if all(own is None for own in found):
        raise EvidenceError(f"loss of task {task} should depend on the parameters; found none that it depends on")
    return [torch.zeros_like(parameter) if own is None else own for parameter, own in zip(parameters, found, strict=True)]
