"""Checks arguments of the Python API: every error is one line that says what was expected and what was found."""

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import DataError, MtlensError


def as_path(value: object, what: str, error: type[MtlensError]) -> Path:
    """A path from text or a path."""
    if isinstance(value, str | Path):
        return Path(value)
    raise error(f"{what} should be a path; found {type(value).__name__}")


def as_margin(value: object, most: float = 1.0) -> float:
    """The largest difference that counts as a match. most: 1 for shares, infinite for errors and losses."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool) and 0 < value < most:
        return float(value)
    what = "a number between 0 and 1, such as 0.02" if most == 1 else "a positive number"
    raise DataError(f"margin should be {what}; found {value!r}"[:200])


def as_array(value: object, what: str, axes: tuple[str, ...]) -> NDArray[Any]:
    """A NumPy array of objects from an array, a tensor, a Series or nested lists, with the axes that are named."""
    if isinstance(value, str | bytes) or not (hasattr(value, "__len__") or hasattr(value, "__array__")):
        raise DataError(f"{what} should be an array [{', '.join(axes)}]; found {type(value).__name__}")
    plain: Any = cast("Any", value).detach().cpu().numpy() if hasattr(value, "detach") else value  # a tensor
    try:
        array = np.asarray(plain, dtype=object)
    except ValueError:
        raise DataError(f"{what} should be an array [{', '.join(axes)}]; found rows of different lengths") from None
    if array.ndim != len(axes):
        raise DataError(f"{what} should be an array [{', '.join(axes)}]; found shape {list(array.shape)}")
    return array
