"""Alignments of made-up gradients, and their comparison."""

import numpy as np
import torch

from mtlens.evidence.gradients.estimators import Alignment
from mtlens.evidence.gradients.gramian import Gramian

ESTIMATES = ("inner", "debiased", "naive", "split_half", "ceiling", "conflict_rate", "magnitude_similarity", "num_microbatches")


def microbatch(gradients, present=None):
    """[T, p] as the Gramian takes it: one parameter, None for an absent task."""
    rows = torch.as_tensor(gradients)
    return [[row] if present is None or present[task] else None for task, row in enumerate(rows)]


def alignment_of(gradients, present=None, independent=None) -> Alignment:
    """gradients: [K, T, p]; present: [K, T]."""
    gramian = Gramian(["all"], gradients.shape[1], independent=independent)
    for k, of_tasks in enumerate(gradients):
        gramian.add(microbatch(of_tasks, None if present is None else present[k]))
    return gramian.result()["all"]


def assert_same(one: Alignment, other: Alignment, **tolerance):
    for name in ESTIMATES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), err_msg=name, **tolerance)


def cosine(x, y):
    return x @ y / np.sqrt((x @ x) * (y @ y))
