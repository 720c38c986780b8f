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
from torch.nn import functional

from backend.evidence.features import Centred

_WIDTH = 4  # columns of a tile over its rows: wide products run faster
_SETS_AT_ONCE = 128  # rows of the block triangle of products between sets
_STRIP = 64  # rows of all sets that are held at once
_MANY = 128  # examples


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """U of k sets that have the same number of features, each scaled to a mean a from 1/2 to 2; all NaN for constant features.

    places: of the sets among all, [k]; values: [k, n, p]; shift: [k, n], so that U_ij - K_ij = shift_i + shift_j.
    """

    places: list[int]
    values: Tensor
    shift: Tensor

    def fill(self, tiles: Tensor, rows: slice, columns: slice) -> None:
        """Write U into tiles [k, r, c], but for its diagonal."""
        if _by_onednn(self.values):
            for tile, values, shift in zip(tiles, self.values, self.shift, strict=True):
                products = functional.linear(values[rows].to_mkldnn(), values[columns], shift[columns]).to_dense()
                torch.add(products, shift[rows, None], out=tile)
        else:
            torch.add(self.shift[:, rows, None], self.shift[:, None, columns], out=tiles)
            tiles.baddbmm_(self.values[:, rows], self.values[:, columns].transpose(1, 2))


@dataclass(frozen=True, kw_only=True, eq=False)
class Grams:
    """U of S sets. norms: a of each, scaled, [S, n] in float64."""

    stacks: list[Stack]
    norms: Tensor

    @classmethod
    def of(cls, sets: Sequence[Centred]) -> "Grams":
        """Of n > 2 examples."""
        n = len(sets[0].values)
        squared = torch.stack([one.squared_norms for one in sets])
        constant = torch.tensor([one.constant for one in sets], device=squared.device)
        exponent = (n / squared.sum(dim=1)).log2().div(2).round()
        scale = torch.where(constant, math.nan, torch.exp2(exponent))  # a power of 2, so that scaling rounds nothing
        norms = squared * scale.square()[:, None]
        shift = (norms - norms.sum(dim=1, keepdim=True) / (2 * (n - 1))) / (n - 2)
        places: dict[int, list[int]] = {}
        for place, one in enumerate(sets):
            places.setdefault(one.values.shape[1], []).append(place)
        stacks: list[Stack] = []
        for same in places.values():
            values = torch.stack([sets[place].values for place in same])
            values *= scale[same, None, None].to(values.dtype)
            stacks.append(Stack(places=same, values=values, shift=shift[same].to(values.dtype)))
        return cls(stacks=stacks, norms=norms)

    @property
    def dtype(self) -> torch.dtype:
        """Of the products."""
        return self.stacks[0].values.dtype

    @property
    def order(self) -> list[int]:
        """Set by set in the order of stacks, its place among all."""
        return [place for stack in self.stacks for place in stack.places]

    def fill(self, tiles: Tensor, rows: slice, columns: slice) -> None:
        """Write U into tiles [S, r, c], in the order of stacks, but for its diagonal."""
        for stack, part in zip(self.stacks, tiles.split([len(stack.places) for stack in self.stacks]), strict=True):
            stack.fill(part, rows, columns)


def products(grams: Grams, tile: int) -> Tensor:
    """sum_ij U^s_ij U^t_ij of every two of S sets, in one pass over the tiles above the diagonal, [S, S] in float64."""
    num_sets, n = grams.norms.shape
    total = grams.norms.new_zeros(num_sets, num_sets)
    buffer = grams.norms.new_empty(num_sets * min(tile, n) * min(_WIDTH * tile, n), dtype=grams.dtype)
    for rows, columns in _tiles(n, tile):
        shape = (num_sets, rows.stop - rows.start, columns.stop - columns.start)
        stack = buffer[: math.prod(shape)].view(shape)
        grams.fill(stack, rows, columns)
        if rows.start == columns.start:
            stack.triu_(1)
        flat = stack.flatten(1)
        for start in range(0, num_sets, _SETS_AT_ONCE):
            block = slice(start, start + _SETS_AT_ONCE)
            total[block, start:] += flat[block] @ flat[start:].T
    both = total.triu() + total.triu(1).T
    back = torch.tensor(grams.order, device=total.device).argsort()
    return 2 * both[back][:, back]


def row_products(grams: Grams, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """E_i = sum_j U^s_ij U^t_ij of P pairs of S sets, [P, n] in float64, in one pass over strips of rows.

    Row i of all sets forms W [S, n], and W W' has E_i of every pair: cheaper than pair by pair unless very few are wanted.
    """
    num_sets, n = grams.norms.shape
    back = torch.tensor(grams.order, device=grams.norms.device).argsort()
    first, second = back[torch.tensor(pairs, device=back.device)].T
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


def _by_onednn(values: Tensor) -> bool:
    """Where oneDNN can multiply: it takes the widest instructions of any processor, the default library only of Intel's.

    Its sums round a little more, which few examples would not forgive; and they take no time.
    """
    fits = values.dtype is torch.float32 and values.device.type == "cpu" and values.shape[1] >= _MANY
    return fits and torch.backends.mkldnn.is_available()


def _tiles(n: int, tile: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of tiles that cover i < j; the first tile of each strip of rows holds its diagonal."""
    for row in range(0, n, tile):
        for column in range(row, n, _WIDTH * tile):
            yield slice(row, min(row + tile, n)), slice(column, min(column + _WIDTH * tile, n))
