"""U-centred Gram matrices of feature sets, computed in tiles so that many sets need little memory.

For centred X [n, p], K = X X' and a_i = |x_i|², the U-centred Gram matrix [n, n] is

    U_ij = K_ij + (a_i + a_j) / (n-2) - sum(a) / ((n-1)(n-2))  for i != j,  U_ii = 0

(Székely and Rizzo 2014, "Partial distance correlation with methods for dissimilarities", definition 2; row i of a centred K
sums to -a_i beside the diagonal). Its rows sum to 0, and n(n-3) HSIC_st = sum_ij U^s_ij U^t_ij is the unbiased estimator of
Song et al. 2012. The same sum over K needs corrections that cancel most of it where norms differ; this one does not, so
that float32 products suffice.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from backend.evidence.features import Centred

_WIDTH = 4  # columns of a tile over its rows: wide products run faster
_SETS_AT_ONCE = 128  # rows of the block triangle of products between sets
_STRIP = 64  # rows of all sets that are held at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Gram:
    """U of one set, scaled to a mean a of 1; all NaN for constant features.

    values: [n, p], not scaled; norms: a, [n]; shift: [n], so that U_ij - K_ij = shift_i + shift_j.
    """

    values: Tensor
    scale: float
    norms: Tensor
    shift: Tensor

    @classmethod
    def of(cls, centred: Centred) -> "Gram":
        """Of n > 2 examples."""
        n = len(centred.values)
        scale = math.nan if centred.constant else n / float(centred.squared_norms.sum())
        norms = centred.squared_norms * scale
        shift = (norms - n / (2 * (n - 1))) / (n - 2)
        return cls(values=centred.values, scale=scale, norms=norms, shift=shift.to(centred.values.dtype))

    def fill(self, tile: Tensor, rows: slice, columns: slice) -> None:
        """Write U into tile [r, c], but for its diagonal."""
        torch.addmm(self.shift[columns], self.values[rows], self.values[columns].T, alpha=self.scale, out=tile)
        tile += self.shift[rows, None]


def products(grams: Sequence[Gram], tile: int) -> Tensor:
    """sum_ij U^s_ij U^t_ij of every two of S sets, in one pass over the tiles above the diagonal.

    [S, S] in float64; only the upper triangle is all there.
    """
    num_sets, n = len(grams), len(grams[0].values)
    total = grams[0].norms.new_zeros(num_sets, num_sets)
    buffer = grams[0].values.new_empty(num_sets * min(tile, n) * min(_WIDTH * tile, n))
    for rows, columns in _tiles(n, tile):
        shape = (num_sets, rows.stop - rows.start, columns.stop - columns.start)
        stack = buffer[: math.prod(shape)].view(shape)
        for gram, piece in zip(grams, stack, strict=True):
            gram.fill(piece, rows, columns)
        if rows.start == columns.start:
            stack.triu_(1)
        flat = stack.flatten(1)
        for start in range(0, num_sets, _SETS_AT_ONCE):
            block = slice(start, start + _SETS_AT_ONCE)
            total[block, start:] += flat[block] @ flat[start:].T
    return 2 * total


def row_products(grams: Sequence[Gram], pairs: Sequence[tuple[int, int]]) -> Tensor:
    """E_i = sum_j U^s_ij U^t_ij of P pairs of S sets, [P, n] in float64, in one pass over strips of rows.

    Row i of all sets forms W [S, n], and W W' has E_i of every pair: cheaper than pair by pair unless very few are wanted.
    """
    n = len(grams[0].values)
    first, second = torch.tensor(pairs, device=grams[0].norms.device).T
    sums = grams[0].norms.new_empty(len(pairs), n)
    buffer = grams[0].values.new_empty(len(grams), _STRIP, n)
    for start in range(0, n, _STRIP):
        rows = slice(start, min(start + _STRIP, n))
        strip = buffer[:, : rows.stop - start]
        for gram, piece in zip(grams, strip, strict=True):
            gram.fill(piece, rows, slice(0, n))
        strip.diagonal(offset=start, dim1=1, dim2=2).zero_()
        by_row = strip.transpose(0, 1)
        sums[:, rows] = torch.bmm(by_row, by_row.transpose(1, 2))[:, first, second].T.double()
    return sums


def _tiles(n: int, tile: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of tiles that cover i < j; the first tile of each strip of rows holds its diagonal."""
    for row in range(0, n, tile):
        for column in range(row, n, _WIDTH * tile):
            yield slice(row, min(row + tile, n)), slice(column, min(column + _WIDTH * tile, n))
