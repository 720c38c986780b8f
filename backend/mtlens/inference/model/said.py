"""Compares the outputs of two families, and writes spans in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.tasks import FoundSpan


def largest_differences(
    scales: Mapping[str, Sequence[float]], said: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    """By task, the largest difference of a probability, or of a number in standard deviations of its labels.

    scales: by task of numbers, mean and standard deviation of its labels.
    """
    units = {name: scales[name][1] if name in scales else 1.0 for name in said}
    return {name: _largest(said[name], expected[name]) / units[name] for name in said}


def _largest(said: NDArray[Any], expected: NDArray[Any]) -> float:
    """Infinite where other words are there; both are NaN after the last word of a text."""
    if said.shape != expected.shape or (np.isnan(said) != np.isnan(expected)).any():
        return float("inf")
    return float(np.nan_to_num(np.abs(said - expected)).max(initial=0.0))


def listed(spans: Sequence[FoundSpan]) -> str:
    """Spans in one line, each with its type; `(none)` where there are none."""
    return ", ".join(f"{span.text} ({span.type})" for span in spans) or "(none)"
