"""TIES: small changes are trimmed, a sign is elected for each weight, and the changes of that sign are averaged.

Yadav et al. 2023, "TIES-Merging: Resolving Interference When Merging Models", arXiv 2306.01708, algorithm 1.
"""

import torch
from torch import Tensor

KEPT = 0.2  # share of each task vector, the largest changes; the paper's value


def ties(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Disjoint mean of trimmed task vectors [T, P].

    The elected sign of a weight is that of the sum of its trimmed changes; the mean is over the tasks that have this
    sign there.
    """
    trimmed = torch.stack([_trimmed(vector) for vector in vectors])
    agreeing = trimmed * (trimmed.sign() == trimmed.sum(dim=0).sign())
    return agreeing.sum(dim=0) / (agreeing != 0).sum(dim=0).clamp_min(1)


def _trimmed(vector: Tensor) -> Tensor:
    """The largest changes by magnitude, 0 elsewhere. vector: [P]."""
    magnitudes = vector.abs()
    dropped = len(vector) - max(1, round(KEPT * len(vector)))
    if dropped == 0:
        return vector
    return torch.where(magnitudes > magnitudes.kthvalue(dropped).values, vector, 0.0)
