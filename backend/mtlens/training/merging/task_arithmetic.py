"""Task arithmetic: the sum of the task vectors (Ilharco et al. 2023, arXiv 2212.04089, section 2)."""

import torch
from torch import Tensor


def task_arithmetic(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Sum of task vectors [T, P]."""
    return vectors.sum(dim=0)
