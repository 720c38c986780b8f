"""Spans of texts as arrays: the spans of a text stand one after another in one row, filled up with -1.

A span is three whole numbers: its first character, the character after its last one, and the index of its type. Shapes: n
texts, S spans of the text that has most, `[n, 3 S]`; of M models `[M, n, 3 S]`. The spans of a text are in the order of their
beginnings, so that equal sets of spans are equal rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOTHING = -1
"""Filler at the end of shorter rows."""
_CHARACTERS, _TYPES = 1 << 26, 1 << 10  # more than a cell may hold, and more types than a task may have


def padded(rows: Sequence[Sequence[int] | NDArray[Any]], width: int = 0) -> NDArray[np.int64]:
    """Rows of different lengths as one array, at least `width` wide."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    array = np.full((len(rows), max(int(lengths.max(initial=0)), width)), NOTHING, dtype=np.int64)
    if lengths.sum():
        array[np.arange(array.shape[1]) < lengths[:, None]] = np.concatenate([np.asarray(row) for row in rows if len(row)])
    return array


def equally_wide(*arrays: NDArray[Any]) -> list[NDArray[Any]]:
    """The arrays padded to one length of the last axis; their other axes may differ."""
    width = max(array.shape[-1] for array in arrays)
    return [
        np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, width - array.shape[-1])], constant_values=NOTHING)
        if array.shape[-1] < width
        else array
        for array in arrays
    ]


def of_types(spans: NDArray[Any]) -> NDArray[np.int64]:
    """The type of each span, `[..., 3 S]` -> `[..., S]`; NOTHING where there is none."""
    return spans[..., 2::3].astype(np.int64)


def as_numbers(spans: NDArray[Any]) -> NDArray[np.int64]:
    """One number for each span, equal only for equal spans, `[..., 3 S]` -> `[..., S]`; NOTHING where there is none."""
    begin, end, kind = (spans[..., place::3].astype(np.int64) for place in range(3))
    return np.where(kind == NOTHING, NOTHING, (begin * _CHARACTERS + end) * _TYPES + kind)
