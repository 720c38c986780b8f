"""The mean of the encoders (Wortsman et al. 2022, "Model soups", arXiv 2203.05482), here of models of different tasks."""

import torch
from torch import Tensor


def average(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Mean of task vectors [T, P]: with coefficient 1, the mean of the encoders."""
    return vectors.mean(dim=0)
