"""Prepares feature sets for comparison: checks them, centres them, and detects constant ones.

A feature set is a tensor [n, p]: row i holds the p features that one layer of one model gives example i.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlens.errors import EvidenceError

MIN_EXAMPLES = 4  # below, HSIC has no unbiased estimator
_ROUNDING = 4  # machine epsilons by which equal values may differ when they come from batches of different shapes


@dataclass(frozen=True, kw_only=True, eq=False)
class Centred:
    """A feature set less its mean. values: [n, p]; mean: [p] and squared_norms: [n], of the centred rows, in float64."""

    values: Tensor
    mean: Tensor
    squared_norms: Tensor
    constant: bool


def centre(features: Tensor, name: str, dtype: torch.dtype) -> Centred:
    """Subtract the mean over examples from features [n, p], n > 0; `dtype` is float32 or float64.

    The mean is subtracted in two steps; the second step subtracts what rounding left in the first. Each entry is then exact to
    the last bits of its distance from the mean, however far the mean is from 0. `EvidenceError`: not such a matrix, not finite,
    or too large to be squared.
    """
    _check_matrix(features, name)
    kept = features.to(dtype)
    high = kept.mean(dim=0)
    values = kept - high
    low = values.mean(dim=0)
    values -= low
    mean = high.double() + low.double()
    squared_norms = torch.linalg.vector_norm(values, dim=1).square().double()
    if not squared_norms.sum().isfinite():
        raise EvidenceError(f"features and their squares should be finite; found {_not_finite(features)} of {name}")
    constant = is_constant(squared_norms.mean(), mean.square().sum(), features.dtype)
    return Centred(values=values, mean=mean, squared_norms=squared_norms, constant=bool(constant))


def centre_all(features: Sequence[Tensor], names: Sequence[str] | None, dtype: torch.dtype) -> list[Centred]:
    """Centre sets of the same n examples. names: what errors call the sets, by default their numbers.

    `EvidenceError`: no set, sets of different n, and as for `centre`.
    """
    if len(features) == 0:
        raise EvidenceError("there should be feature sets to compare; found none")
    called = names or [f"set {index}" for index in range(len(features))]
    centred: list[Centred] = []
    for matrix, name in zip(features, called, strict=True):
        centred.append(centre(matrix, name, dtype))
        if len(matrix) != len(features[0]):
            found = f"{len(features[0])} in {called[0]} and {len(matrix)} in {name}"
            raise EvidenceError(f"feature sets should hold the same examples; found {found}")
    return centred


def _check_matrix(features: Tensor, name: str) -> None:
    """Raise `EvidenceError` for anything but floating-point [n, p] with n > 0."""
    if features.ndim != 2 or len(features) == 0 or not features.is_floating_point():
        found = f"{str(features.dtype).removeprefix('torch.')} {list(features.shape)}"
        raise EvidenceError(f"features should be a floating-point matrix [n, p] with n > 0; found {found} in {name}")


def is_constant(variance: Tensor, squared_mean: Tensor, dtype: torch.dtype) -> Tensor:
    """Whether values of `dtype` differ only by rounding: variance <= (4 eps mean)², elementwise.

    The [CLS] token of an embedding output is constant except for the last bits.
    """
    return variance <= (_ROUNDING * torch.finfo(dtype).eps) ** 2 * squared_mean


def working_dtype(features: Sequence[Tensor]) -> torch.dtype:
    """float64 where one of the sets is, else float32."""
    return torch.float64 if any(feature.dtype == torch.float64 for feature in features) else torch.float32


def _not_finite(features: Tensor) -> str:
    """The first value that is not finite, or else the largest, and its example."""
    wrong = (~features.isfinite()).any(dim=1)
    row = int(wrong.int().argmax() if wrong.any() else features.abs().amax(dim=1).argmax())
    values = features[row]
    found = values[~values.isfinite()][0] if wrong.any() else values[values.abs().argmax()]
    return f"{float(found):.3g} in example {row}"
