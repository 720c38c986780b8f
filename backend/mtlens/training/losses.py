"""Masked, weighted losses of several tasks on one batch.

Task j's loss on a batch is sum_i w[y_ij] l(logits_ij, y_ij) / sum_i w[y_ij] over its labelled examples, with class
weights w and the loss l of the task's kind. The batch's loss is sum_j v_j loss_j / sum_j v_j over the tasks that have a
label in it, with task weights v: a step on a table that serves one task is the step of that task's task-specific model.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtlens.config.sections import Training
from mtlens.config.task import Task
from mtlens.data.tokenize import Encoded
from mtlens.tasks import MISSING, kind_of
from mtlens.tasks.class_weights import is_balanced


def label_tables(encoded: Encoded, labels: NDArray[np.int64], training: Training) -> list[NDArray[np.float32]]:
    """Per task, what its loss needs for each label, from the training examples. labels: [n, T], as trained on."""
    return [
        kind_of(task).label_table(task, encoded.training_labels(j, labels[:, j]), is_balanced(task, training.class_weights))
        for j, task in enumerate(encoded.tasks)
    ]


class BatchLoss:
    """The loss of a batch. With `totals` of the whole batch, the losses of its parts add up to it."""

    def __init__(self, tasks: tuple[Task, ...], tables: list[NDArray[np.float32]], device: torch.device):
        """tables: per task its label table."""
        self._task_weights = np.asarray([task.weight for task in tasks], dtype=np.float32)
        self._tables = tables
        self._tasks = tasks
        self._on_device = [torch.from_numpy(table).to(device) for table in tables]

    def totals(self, labels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Per task, the sum of weights over the labelled examples of the whole batch, [T]. labels: [b, T].

        Computed from the labels in host memory, so that it does not wait for a GPU.
        """
        columns = zip(self._tasks, labels.T, self._tables, strict=True)
        sums = [kind_of(task).example_weights(table, column[column != MISSING]).sum() for task, column, table in columns]
        return np.asarray(sums, dtype=np.float32)

    def __call__(self, logits: list[Tensor], labels: Tensor, totals: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Each task's loss [T], 0 for a task without a label in the batch, and its share [T] in the batch's loss.

        logits: per task [b, K_j]; labels: [b, T]; totals: [T] of the whole batch.
        """
        sums = torch.stack(
            [
                kind_of(task).loss(task, logits[j], labels[:, j], table, "sum")
                for j, (task, table) in enumerate(zip(self._tasks, self._on_device, strict=True))
            ]
        )
        present = totals > 0
        losses = sums / torch.from_numpy(np.where(present, totals, 1)).to(sums.device)
        shares = np.where(present, self._task_weights, 0) / self._task_weights[present].sum()
        return losses, torch.from_numpy(shares).to(sums.device)
