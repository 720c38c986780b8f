"""In which unit scores of tasks are averaged: their own where all agree in metric and margin, else the margin of each."""

from collections.abc import Sequence


def units(metrics: Sequence[str], margins: Sequence[float]) -> list[float]:
    """What each task's scores are divided by before a mean over tasks is taken: 1, or its margin where tasks differ.

    >>> units(["macro_f1", "macro_f1"], [0.02, 0.02])
    [1.0, 1.0]
    >>> units(["macro_f1", "mean_absolute_error"], [0.02, 0.5])
    [0.02, 0.5]
    """
    return list(margins) if len(set(zip(metrics, margins, strict=True))) > 1 else [1.0] * len(margins)
