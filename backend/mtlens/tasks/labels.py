"""The labels of one task: a code for each example and, where a code is not a class, the value of each code."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtlens.tasks.words import Words

MISSING = -1
"""Code of an example without a label."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """n labels. codes `[n]`: MISSING, an index into the task's classes or, where there are values, into these `[V, D]`.

    words: for tags on tokenised texts, the words of the V texts.
    """

    codes: NDArray[np.int32]
    values: NDArray[np.float64] | None = None
    words: Words | None = None

    @classmethod
    def of_values(cls, values: NDArray[np.float64], known: NDArray[np.bool_]) -> "Labels":
        """From a value of each example `[n, D]`, and whether it is known `[n]`."""
        codes = np.full(len(values), MISSING, dtype=np.int32)
        distinct, codes[known] = np.unique(values[known], axis=0, return_inverse=True)
        return cls(codes=codes, values=distinct)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which examples have a label, `[n]`."""
        return self.codes != MISSING


def joined(parts: Sequence[Labels]) -> Labels:
    """Labels of several tables one after the other, with values in common."""
    codes = np.concatenate([part.codes for part in parts])
    if all(part.values is None for part in parts):
        return Labels(codes=codes)
    width = max(part.values.shape[1] for part in parts if part.values is not None)
    values = np.full((len(codes), width), -1.0)
    start = 0
    for part in parts:
        rows = start + np.flatnonzero(part.known)
        if part.values is not None:
            values[rows, : part.values.shape[1]] = part.values[part.codes[part.known]]
        start += len(part.codes)
    return Labels.of_values(values, codes != MISSING)
