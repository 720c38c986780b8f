"""U-centred Gram matrices of feature sets, computed in strips of rows so that many sets need little memory.

For centred X [n, p], K = X X' and a_i = |x_i|², the U-centred Gram matrix [n, n] is

    U_ij = K_ij + (a_i + a_j) / (n-2) - sum(a) / ((n-1)(n-2))  for i != j,  U_ii = 0

(Székely and Rizzo 2014, "Partial distance correlation with methods for dissimilarities", definition 2; row i of a centred K
sums to -a_i beside the diagonal). Its rows sum to 0, and n(n-3) HSIC_st = sum_ij U^s_ij U^t_ij is the unbiased estimator of
Song et al. 2012. The same sum over K needs corrections that cancel most of it where norms differ; this one does not, so
that float32 products suffice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mtlens.evidence.representations.features import Centred

_SETS_AT_ONCE = 128  # sets in one block of the matrix of products
_STRIP = 64  # rows of all sets that are held at once
_MANY = 2**14  # entries of a matrix, from which on oneDNN multiplies it


@dataclass(frozen=True, kw_only=True, eq=False)
class Grams:
    """U of S sets, each scaled to a mean a from 1/2 to 2; all NaN for constant features.

    values: of each, [n, p_s]; norms: a of each, [S, n] in float64; shift: [S, n], so that U_ij = K_ij + shift_i + shift_j.
    """

    values: list[Tensor]
    norms: Tensor
    shift: Tensor

    @classmethod
    def of(cls, sets: Sequence[Centred]) -> "Grams":
        """Of n > 2 examples; takes over the values of the sets and scales them."""
        n = len(sets[0].values)
        squared = torch.stack([centred.squared_norms for centred in sets])
        constant = torch.tensor([centred.constant for centred in sets], device=squared.device)
        exponent = (n / squared.sum(dim=1)).log2().div(2).round()
        scale = torch.where(constant, math.nan, torch.exp2(exponent))  # a power of 2, so that scaling rounds nothing
        norms = squared * scale.square()[:, None]
        shift = (norms - norms.sum(dim=1, keepdim=True) / (2 * (n - 1))) / (n - 2)
        values = [centred.values.mul_(factor) for centred, factor in zip(sets, scale.tolist(), strict=True)]
        return cls(values=values, norms=norms, shift=shift.to(values[0].dtype))

    @property
    def dtype(self) -> torch.dtype:
        """dtype of the values and of their products."""
        return self.values[0].dtype

    def fill(self, stack: Tensor, rows: slice, columns: slice) -> None:
        """Write U into stack [S, r, c], but for its diagonal."""
        for part, values, shift in zip(stack, self.values, self.shift, strict=True):
            torch.add(_multiplied(values[rows], values[columns], shift[columns]), shift[rows, None], out=part)


def products(grams: Grams, strip: int) -> Tensor:
    """sum_ij U^s_ij U^t_ij of every two of S sets, in one pass over the strips above the diagonal, [S, S] in float64."""
    num_sets, n = grams.norms.shape
    total = grams.norms.new_zeros(num_sets, num_sets)
    buffer = grams.norms.new_empty(num_sets * min(strip, n) * n, dtype=grams.dtype)
    for start in range(0, n, strip):
        rows = slice(start, min(start + strip, n))
        shape = (num_sets, rows.stop - start, n - start)
        stack = buffer[: math.prod(shape)].view(shape)
        grams.fill(stack, rows, slice(start, n))
        stack[:, :, : shape[1]].triu_(1)
        flat = stack.flatten(1)
        for first in range(0, num_sets, _SETS_AT_ONCE):
            block = slice(first, first + _SETS_AT_ONCE)
            total[block, first:] += flat[block] @ flat[first:].T
    return 2 * (total.triu() + total.triu(1).T)


def row_products(grams: Grams, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """E_i = sum_j U^s_ij U^t_ij of P pairs of S sets, [P, n] in float64, in one pass over strips of rows.

    Row i of all sets forms W [S, n], and W W' has E_i of every pair: cheaper than pair by pair unless very few are wanted.
    """
    num_sets, n = grams.norms.shape
    first, second = torch.tensor(pairs, device=grams.norms.device).T
    sums = grams.norms.new_empty(len(pairs), n)
    buffer = grams.norms.new_empty(num_sets * _STRIP * n, dtype=grams.dtype)
    for start in range(0, n, _STRIP):
        rows = slice(start, min(start + _STRIP, n))
        shape = (num_sets, rows.stop - start, n)
        strip = buffer[: math.prod(shape)].view(shape)
        grams.fill(strip, rows, slice(0, n))
        strip.diagonal(offset=start, dim1=1, dim2=2).zero_()
        by_row = strip.transpose(0, 1)
        sums[:, rows] = torch.bmm(by_row, by_row.transpose(1, 2))[:, first, second].T.double()
    return sums


def _multiplied(left: Tensor, right: Tensor, shift: Tensor) -> Tensor:
    """left right' + shift. oneDNN uses the widest instructions of every processor, the default library those of Intel's only.

    Small products use the default, which rounds a little less; their time does not matter.
    """
    fits = left.dtype is torch.float32 and left.device.type == "cpu" and right.numel() >= _MANY
    if fits and torch.backends.mkldnn.is_available():
        return functional.linear(left.to_mkldnn(), right, shift).to_dense()
    return functional.linear(left, right, shift)
