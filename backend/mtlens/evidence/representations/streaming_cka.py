"""CKA of two streams of features that need not fit into memory: exact, in one pass, however the streams are cut."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtlens.errors import EvidenceError
from mtlens.evidence.representations.features import MIN_EXAMPLES, check_matrix, is_constant

_ROUNDING = 64 * torch.finfo(torch.float64).eps  # of an unbiased self-similarity, relative to the terms it is left from


class StreamingCka:
    """Debiased and biased CKA of streams X [n, p] and Y [n, q] of the same n examples, n not known beforehand.

    Sums of x y', x, y, a = |x|², b = |y|², a b, a y and b x are kept in float64 for distances from a pilot mean, that of the
    first batch, and moved to the true mean when a value is asked for. The values are those that
    `representations.cka.similarity_matrix` has for the whole, NaN where it has NaN. Memory: p² + p q + q² numbers.
    """

    def __init__(self) -> None:
        self._num_examples = 0
        self._streams: tuple[_Stream, ...] = ()
        self._sums: tuple[_Sums, ...] = ()  # of X with Y, X with X, Y with Y

    @torch.inference_mode()
    def update(self, x: Tensor, y: Tensor) -> None:
        """Take in a batch of one example or more. x: [m, p]; y: [m, q].

        `EvidenceError`: not finite, or not floating-point [m, p] and [m, q] with p and q as before; nothing is taken in.
        """
        streams = self._streams or (_Stream.of(x, "x"), _Stream.of(y, "y"))
        left, right = (one.distances(batch, self._num_examples) for one, batch in zip(streams, (x, y), strict=True))
        if len(x) != len(y):
            raise EvidenceError(f"a batch of x and y should hold the same examples; found {len(x)} and {len(y)}")
        self._streams = streams
        pairs = ((left, right), (left, left), (right, right))
        self._sums = self._sums or tuple(_Sums(one.shape[1], other.shape[1], one.device) for one, other in pairs)
        for sums, (first, second) in zip(self._sums, pairs, strict=True):
            sums.add(first, second)
        self._num_examples += len(x)

    def debiased(self) -> float:
        """CKA from unbiased HSIC, in [-1, 1]; NaN for constant features or fewer than 4 examples."""
        moments = self._moments()
        if not moments:
            return math.nan
        cross, first, second = (one.unbiased(self._num_examples) for one in moments)
        noise = [_ROUNDING * one.norms for one in moments[1:]]
        return cross / math.sqrt(first * second) if first > noise[0] and second > noise[1] else math.nan

    def biased(self) -> float:
        """|X'Y|_F² / (|X'X|_F |Y'Y|_F), in [0, 1]; NaN for constant features or fewer than 4 examples."""
        moments = self._moments()
        return moments[0].products / math.sqrt(moments[1].products * moments[2].products) if moments else math.nan

    def _moments(self) -> "list[_Moments]":
        """Of X with Y, X with X, Y with Y; none where CKA is undefined."""
        n = self._num_examples
        if n < MIN_EXAMPLES:
            return []
        moments = [sums.about_mean(n) for sums in self._sums]
        for stream, sums, own in zip(self._streams, self._sums[1:], moments[1:], strict=True):
            squared_mean = (stream.pilot + sums.x / n).square().sum()
            if is_constant(squared_mean.new_tensor(own.a / n), squared_mean, stream.dtype):
                return []
        return moments


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stream:
    """What the first batch fixes. pilot: [p], in float64."""

    name: str
    pilot: Tensor
    dtype: torch.dtype

    @classmethod
    def of(cls, batch: Tensor, name: str) -> "_Stream":
        check_matrix(batch, name)
        return cls(name=name, pilot=batch.double().mean(dim=0), dtype=batch.dtype)

    def distances(self, batch: Tensor, seen: int) -> Tensor:
        """Batch less the pilot mean, [m, p], once it is found to fit; `seen` examples came before."""
        check_matrix(batch, self.name)
        if batch.shape[1] != len(self.pilot):
            raise EvidenceError(f"batches of {self.name} should have {len(self.pilot)} columns; found {batch.shape[1]}")
        bad = ~batch.isfinite().all(dim=1)
        if bad.any():
            row = int(bad.int().argmax())
            value = float(batch[row][~batch[row].isfinite()][0])
            raise EvidenceError(f"features should be finite; found {value} in example {seen + row} of {self.name}")
        return batch.double() - self.pilot


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """Of centred X and Y. products: |X'Y|_F²; norms: a.b; a: sum(a); b: sum(b)."""

    products: float
    norms: float
    a: float
    b: float

    def unbiased(self, n: int) -> float:
        """n(n-3) HSIC, as Song et al. 2012 have it for features in place of Gram matrices."""
        return self.products - self.norms * n / (n - 2) + self.a * self.b / ((n - 1) * (n - 2))


class _Sums:
    """Sums over examples of x, y and what they make: xy [p, q], x and bx [p], y and ay [q], and scalars a, b, ab."""

    def __init__(self, p: int, q: int, device: torch.device) -> None:
        self.xy = torch.zeros(p, q, dtype=torch.float64, device=device)
        self.x, self.bx = self.xy.new_zeros(2, p)
        self.y, self.ay = self.xy.new_zeros(2, q)
        self.a, self.b, self.ab = self.xy.new_zeros(3)

    def add(self, x: Tensor, y: Tensor) -> None:
        """x: [m, p]; y: [m, q]."""
        a, b = x.square().sum(dim=1), y.square().sum(dim=1)
        self.xy.addmm_(x.T, y)
        self.x += x.sum(dim=0)
        self.y += y.sum(dim=0)
        self.bx += b @ x
        self.ay += a @ y
        self.a += a.sum()
        self.b += b.sum()
        self.ab += a @ b

    def about_mean(self, n: int) -> _Moments:
        """Moments of x - m and y - k, m and k the means: |x - m|² = a - 2 x.m + m.m, multiplied out and summed."""
        m, k = self.x / n, self.y / n
        mm, kk = m @ m, k @ k
        norms = self.ab + kk * self.a + mm * self.b - 3 * n * mm * kk - 2 * (self.ay @ k + self.bx @ m) + 4 * (m @ self.xy @ k)
        return _Moments(
            products=float((self.xy - n * torch.outer(m, k)).square().sum()),
            norms=float(norms),
            a=float(self.a - n * mm),
            b=float(self.b - n * kk),
        )
