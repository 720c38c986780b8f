"""The measured lattice of five Taskonomy tasks, and brute force over families."""

import os
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pytest

from mtlens.grouping.optimal_family import Candidates
from mtlens.grouping.partitions import group_of

needs_lattice = pytest.mark.skipif("MTLENS_DATA" not in os.environ, reason="MTLENS_DATA names no folder with lattices/")


def taskonomy(split):
    """Losses of Standley et al. 2020, setting 1: five half-size single-task models at cost 0.5, then 31 models at cost 1."""
    text = (Path(os.environ["MTLENS_DATA"]) / "lattices" / f"taskonomy_setting1_{split}.tsv").read_text()
    cells = [line.split("\t") for line in text.splitlines()]
    losses = np.array([[float(cell) if cell else np.inf for cell in row + [""] * (5 - len(row))] for row in cells])
    losses = np.vstack([np.where(np.eye(5, dtype=bool), losses[0], np.inf), losses[1:]])
    groups = tuple(group_of(np.flatnonzero(np.isfinite(row)).tolist()) for row in losses)
    return Candidates(groups=groups, losses=losses, costs=np.repeat([0.5, 1.0], [5, 31]))


def families(candidates, budget):
    """Every affordable family that serves all tasks, as rows of the candidates."""
    rows = range(len(candidates.groups))
    for chosen in map(list, chain.from_iterable(combinations(rows, size) for size in range(1, len(rows) + 1))):
        affordable = candidates.costs[chosen].sum() <= budget + 1e-9
        if affordable and np.isfinite(candidates.losses[chosen]).any(axis=0).all():
            yield chosen
