"""The splits of the examples: their names, their order, and which examples belong to one.

`Examples.splits` holds a number per example, the index of its split in SPLITS; `mtlens.data.assignment` decides on it. Cross-
validation would add the fold here: an example then has a pair (fold, split), and `in_split` takes the fold too.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

SplitName = Literal["train", "validation", "test"]

TRAIN: SplitName = "train"
VALIDATION: SplitName = "validation"
TEST: SplitName = "test"
SPLITS: tuple[SplitName, ...] = (TRAIN, VALIDATION, TEST)
SCORED: tuple[SplitName, ...] = (VALIDATION, TEST)
"""Splits on which finished models are scored: choices are made on validation, verdicts on test."""


def in_split(splits: NDArray[np.int8], split: SplitName) -> NDArray[np.bool_]:
    """Which examples belong to a split, `[n]`. splits: index of each example's split, `[n]`."""
    return splits == SPLITS.index(split)
