"""DARE: a random part of each task vector is dropped and the rest scaled up, before task arithmetic.

Yu et al. 2024, "Language Models are Super Mario", arXiv 2311.03099, equation 1.
"""

import torch
from torch import Tensor

DROPPED = 0.5  # share of weights; the paper goes to 0.9 for large models, whose changes are smaller


def dare(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Sum of task vectors [T, P]; each weight is dropped with probability DROPPED, and divided by 1 - DROPPED otherwise."""
    kept = [torch.rand(len(vector), generator=generator) >= DROPPED for vector in vectors]
    return torch.stack([vector * mask.to(vector.device) for vector, mask in zip(vectors, kept, strict=True)]).sum(dim=0) / (
        1 - DROPPED
    )
