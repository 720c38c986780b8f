"""Masked, weighted classification losses of several tasks on one batch.

Task j's loss on a batch is sum_i w[y_ij] l(logits_ij, y_ij) / sum_i w[y_ij] over its labelled examples, with class
weights w and the loss l of the task's kind. The batch's loss is sum_j v_j loss_j / sum_j v_j over the tasks that have a
label in it, with task weights v: a step on a table that serves one task is the step of that task's single-task model.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlens.config.sections import Task
from mtlens.tasks import MISSING, kind_of


def balanced_weights(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.float32]:
    """n / (C n_c) for each class c with n_c of the n labelled examples; 1 for a class without any. labels: [n]."""
    counts = np.bincount(labels[labels != MISSING], minlength=num_classes)
    weights = np.ones(num_classes, dtype=np.float32)
    weights[counts > 0] = counts.sum() / (num_classes * counts[counts > 0])
    return weights


class BatchLoss:
    """The loss of a batch, told what the whole batch holds so that the losses of its parts add up to it."""

    def __init__(self, tasks: tuple[Task, ...], class_weights: list[NDArray[np.float32]], device: torch.device):
        """class_weights: per task [C_j]."""
        self._task_weights = np.asarray([task.weight for task in tasks], dtype=np.float32)
        self._class_weights = class_weights
        self._tasks = tasks
        self._on_device = [torch.from_numpy(weights).to(device) for weights in class_weights]

    def totals(self, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Per task, the sum of class weights over the labelled examples of the whole batch, [T]. labels: [b, T].

        Counted where the labels lie, in the host's memory, so that a GPU is not waited for.
        """
        columns = zip(labels.T, self._class_weights, strict=True)
        return np.asarray([weights[column[column != MISSING]].sum() for column, weights in columns], dtype=np.float32)

    def __call__(self, logits: list[Tensor], labels: Tensor, totals: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Loss to differentiate (scalar) and each task's loss [T], 0 for a task without a label in the batch.

        logits: per task [b, C_j]; labels: [b, T]; totals: [T] of the whole batch.
        """
        sums = torch.stack(
            [
                kind_of(task).loss(task, logits[j], labels[:, j], weights, "sum")
                for j, (task, weights) in enumerate(zip(self._tasks, self._on_device, strict=True))
            ]
        )
        present = totals > 0
        losses = sums / torch.from_numpy(np.where(present, totals, 1)).to(sums.device)
        shares = np.where(present, self._task_weights, 0) / self._task_weights[present].sum()
        return (losses * torch.from_numpy(shares).to(sums.device)).sum(), losses.detach()
