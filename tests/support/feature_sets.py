"""Pairs of feature matrices whose similarity is known or bounded."""

import math

import torch
from hypothesis import settings
from hypothesis import strategies as st

from mtlens.evidence.representations.cka import similarity_matrix

SEEDS = st.integers(0, 10_000)
SIZES = st.tuples(st.integers(6, 40), st.integers(1, 30), st.integers(1, 30), SEEDS)  # n, p, q, seed
FEW = settings(max_examples=40, deadline=None)


def related(n, p, q, seed, dtype=torch.float64):
    """X [n, p] and Y [n, q] that have a part in common, columns of different scales and means."""
    generator = torch.Generator().manual_seed(seed)
    x, noise, mixing = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((n, p), (n, q), (p, q)))
    scales = torch.rand(p, generator=generator, dtype=torch.float64) + 0.1
    return (x * scales + 2).to(dtype), (x @ mixing / math.sqrt(p) + noise - 1).to(dtype)


def gaussians(n, p, q, rho, seed):
    """X [n, p] and Y [n, q], isotropic, with correlation rho between equal columns."""
    generator = torch.Generator().manual_seed(seed)
    x, z = (torch.randn(n, columns, generator=generator, dtype=torch.float64) for columns in (p, q))
    return x, (rho * x + math.sqrt(1 - rho**2) * z if rho else z)


def rotation(p, seed):
    return torch.linalg.qr(torch.randn(p, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))[0]


def both(x, y):
    """Debiased and biased CKA."""
    found = similarity_matrix([x, y])
    return found.debiased[0, 1], found.biased[0, 1]
