"""Masked, weighted classification losses of several tasks on one batch.

Task j's loss on a batch is sum_i w[y_ij] CE(logits_ij, y_ij) / sum_i w[y_ij] over its labelled examples, with class
weights w. The batch's loss is sum_j v_j loss_j / sum_j v_j over the tasks that have a label in it, with task weights v: a
step on a table that serves one task is the step of that task's single-task model.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from backend.data.examples import MISSING
from backend.spec import Task


def balanced_weights(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.float32]:
    """n / (C n_c) for each class c with n_c of the n labelled examples; 1 for a class without any. labels: [n]."""
    counts = np.bincount(labels[labels != MISSING], minlength=num_classes)
    weights = np.ones(num_classes, dtype=np.float32)
    weights[counts > 0] = counts.sum() / (num_classes * counts[counts > 0])
    return weights


class BatchLoss:
    """The loss of a batch, told what the whole batch holds so that the losses of its parts add up to it."""

    def __init__(self, tasks: tuple[Task, ...], class_weights: list[Tensor]):
        """class_weights: per task [C_j]."""
        self.task_weights = torch.tensor([task.weight for task in tasks], device=class_weights[0].device)
        self.class_weights = class_weights

    def totals(self, labels: Tensor) -> Tensor:
        """Per task, the sum of class weights over the labelled examples of the whole batch, [T]. labels: [b, T]."""
        columns = labels.unbind(dim=1)
        return torch.stack([weights[y[y != MISSING]].sum() for y, weights in zip(columns, self.class_weights, strict=True)])

    def __call__(self, logits: list[Tensor], labels: Tensor, totals: Tensor) -> tuple[Tensor, Tensor]:
        """Loss to differentiate (scalar) and each task's loss [T], 0 for a task without a label in the batch.

        logits: per task [b, C_j]; labels: [b, T]; totals: [T] of the whole batch.
        """
        sums = torch.stack(
            [
                functional.cross_entropy(logits[j], labels[:, j], weight=weights, ignore_index=MISSING, reduction="sum")
                for j, weights in enumerate(self.class_weights)
            ]
        )
        losses = sums / torch.where(totals > 0, totals, 1.0)
        shares = torch.where(totals > 0, self.task_weights, 0.0)
        return (losses * shares).sum() / shares.sum(), losses.detach()
