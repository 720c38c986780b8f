"""Linear centred kernel alignment (CKA) between all pairs of many feature sets, its interval, and Procrustes similarity.

Feature sets X_s [n, p_s] have the same n examples in the same order. HSIC_st is estimated without bias from their Gram matrices
(`representations.gram`), and *debiased* CKA is HSIC_st / sqrt(HSIC_ss HSIC_tt), in [-1, 1] and about 0 for unrelated features.
Negative values are not clamped, which would bias means. *Biased* CKA (Kornblith et al. 2019, "Similarity of Neural Network
Representations Revisited") is |X'Y|_F² / (|X'X|_F |Y'Y|_F) of centred features, in [0, 1]. It is close to 1 for unrelated
features of more dimensions than examples, and is computed for comparison only.

Both are invariant to translation, isotropic scaling and orthogonal maps of either set, but not to other linear maps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

from mtlens.evidence.representations.features import MIN_EXAMPLES, centre, centre_all, is_constant, working_dtype
from mtlens.evidence.representations.gram import Grams, products, row_products

LEVEL = 0.95
_ROUNDING = 32  # machine epsilons that an entry of U, or a sum less one of its terms, may be off


@dataclass(frozen=True, kw_only=True, eq=False)
class SimilarityMatrix:
    """CKA between S feature sets: [S, S], symmetric, NaN where undefined.

    undefined: per set, why its row of `debiased` is NaN, or None. `biased` is undefined only for constant features and for
    fewer than 4 examples.
    """

    debiased: NDArray[np.float64]
    biased: NDArray[np.float64]
    undefined: tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its standard error and 95 % interval, whose ends may lie beyond 1; NaN where undefined."""

    value: float
    low: float
    high: float
    standard_error: float


@torch.inference_mode()
def similarity_matrix(features: Sequence[Tensor], *, names: Sequence[str] | None = None, strip: int = 128) -> SimilarityMatrix:
    """CKA of every two of S sets [n, p_s], in one pass over their Gram matrices.

    For each strip of rows above the diagonal, the S pieces of U form a matrix V [S, r c], and R += 2 V V': about
    S n² p + S² n² / 2 operations, float64 if one of the sets is, else float32, with sums over strips in float64 and an error
    below 1e-5, on a handful of examples below 1e-4. Memory: a centred copy of the features, and V of S n `strip` entries.
    `names` say in errors which set is meant.
    `EvidenceError`: features that are not finite, or not floating-point matrices of the same n.
    """
    sets = centre_all(features, names, working_dtype(features))
    n = len(sets[0].values)
    if n < MIN_EXAMPLES:
        nothing = np.full((len(sets), len(sets)), np.nan)
        reason = f"{MIN_EXAMPLES} examples at least; found {n}"
        return SimilarityMatrix(debiased=nothing, biased=nothing, undefined=(reason,) * len(sets))
    grams = Grams.of(sets)
    unbiased = products(grams, strip)
    debiased = _normalised(unbiased, _noise(sets[0].values))
    undefined = tuple(
        "constant features" if centred.constant else "estimated self-similarity not positive" if math.isnan(own) else None
        for centred, own in zip(sets, debiased.diagonal(), strict=True)
    )
    return SimilarityMatrix(debiased=debiased, biased=_normalised(unbiased + _surplus(grams), 0.0), undefined=undefined)


@torch.inference_mode()
def jackknife(
    features: Sequence[Tensor], pairs: Sequence[tuple[int, int]], *, names: Sequence[str] | None = None
) -> list[Interval]:
    """Debiased CKA of some pairs of sets, with delete-one jackknife intervals over the examples.

    With E_i = sum_j U^s_ij U^t_ij, leaving example i out of n leaves

        (n-1)(n-4) HSIC_st = sum(E) - 2 (n-2)/(n-3) E_i

    (row j of U, whose sum is 0, keeps -U_ji), so an interval costs O(n²) once the Gram matrices are known. The standard error
    is sqrt((n-1)/n sum_i (theta_i - mean)²) over the n values theta_i, multiplied by Student's t of n - 1 degrees of freedom as
    it comes from n pseudo-values (Tukey 1958): on 10 to 50 examples of skewed features a normal interval is too short, and this
    one still a little. It is too long where nothing is shared, by up to the square root of 2, as variances from a jackknife err
    upwards (Efron and Stein 1981). Examples should be independent. The interval does not include the variance between seeds.

    A bootstrap would be wrong here: an example drawn twice is a pair of equal examples in every feature set.

    NaN where CKA is undefined; beside a defined value where it is undefined without one of the examples, as for n = 4.
    Memory: a centred copy of the features, 64 S (n + S) entries, and n for each pair. `EvidenceError` as
    `similarity_matrix`.
    """
    sets = centre_all(features, names, working_dtype(features))
    if len(sets[0].values) < MIN_EXAMPLES or not pairs:
        return [Interval(value=math.nan, low=math.nan, high=math.nan, standard_error=math.nan)] * len(pairs)
    used = sorted({*chain(*pairs)})
    place = {index: at for at, index in enumerate(used)}
    placed = [(place[s], place[t]) for s, t in pairs]
    sums = row_products(Grams.of([sets[index] for index in used]), [(at, at) for at in place.values()] + placed)
    own, cross = sums[: len(used)], sums[len(used) :]
    noise, rounding = _noise(sets[0].values), _ROUNDING * torch.finfo(sets[0].values.dtype).eps
    return [_interval(of_pair, own[s], own[t], noise, rounding) for of_pair, (s, t) in zip(cross, placed, strict=True)]


def standardised(features: Tensor) -> Tensor:
    """Each column less its mean, over its standard deviation, [n, p] -> [n, p']; constant columns are left out.

    A few rogue dimensions of large variance decide similarity (Timkey and van Schijndel 2021, "All Bark and No Bite"); on
    standardised features every dimension has the same weight. `EvidenceError`: features not finite or no [n, p].
    """
    centred = centre(features, "the features to standardise", working_dtype([features]))
    variance = centred.values.double().square().mean(dim=0)
    varying = ~is_constant(variance, centred.mean.square(), features.dtype)
    return centred.values[:, varying] / variance[varying].sqrt().to(centred.values.dtype)


@torch.inference_mode()
def procrustes_similarity(x: Tensor, y: Tensor) -> float:
    """|X'Y|_* / (|X|_F |Y|_F) of centred X [n, p] and Y [n, q], in [0, 1], in float64; NaN for constant features.

    |.|_* is the sum of singular values. For X and Y of norm 1, the squared orthogonal Procrustes distance of Ding et al. 2021
    ("Grounding Representation Similarity Through Statistical Testing") is 2 - 2 times this. Small principal components weigh
    more in it than in CKA. Like biased CKA it is high where dimensions outnumber examples. `EvidenceError` as
    `similarity_matrix`.
    """
    first, second = centre_all([x, y], ["x", "y"], torch.float64)
    if first.constant or second.constant:
        return math.nan
    nuclear = torch.linalg.svdvals(first.values.T @ second.values).sum()
    return float(nuclear / (first.squared_norms.sum() * second.squared_norms.sum()).sqrt())


def _normalised(products: Tensor, noise: float) -> NDArray[np.float64]:
    """R_st / sqrt(R_ss R_tt), [S, S]; NaN where R_ss or R_tt does not exceed the noise."""
    norms = _above(products.diagonal(), noise).sqrt()
    values = products / torch.outer(norms, norms)
    return (values.triu() + values.triu(1).T).cpu().numpy()


def _surplus(grams: Grams) -> Tensor:
    """|X'Y|_F² less the sum over U: a.b n/(n-2) - sum(a) sum(b) / ((n-1)(n-2)), [S, S]."""
    n, sums = grams.norms.shape[1], grams.norms.sum(dim=1)
    return grams.norms @ grams.norms.T * (n / (n - 2)) - torch.outer(sums, sums) / ((n - 1) * (n - 2))


def _interval(cross: Tensor, first: Tensor, second: Tensor, noise: float, rounding: float) -> Interval:
    """From E of two sets, and E of each of them with itself, [n]."""
    n = len(cross)
    value = float(cross.sum() / (_above(first.sum(), noise) * _above(second.sum(), noise)).sqrt())
    without, *own = (row.sum() - 2 * (n - 2) / (n - 3) * row for row in (cross, first, second))
    own = [_above(left, noise + rounding * row.sum()) for left, row in zip(own, (first, second), strict=True)]
    estimates = without / (own[0] * own[1]).sqrt()
    error = float(((n - 1) / n * (estimates - estimates.mean()).square().sum()).sqrt())
    half = float(special.stdtrit(n - 1, (1 + LEVEL) / 2)) * error
    return Interval(value=value, low=value - half, high=value + half, standard_error=error)


def _noise(values: Tensor) -> float:
    """What sum_ij U_ij² [n, n] may come to by rounding alone, as for features that lie on a regular simplex."""
    return (_ROUNDING * torch.finfo(values.dtype).eps * len(values)) ** 2


def _above(own: Tensor, noise: Tensor | float) -> Tensor:
    """Self-similarities that exceed the noise; NaN for others."""
    return torch.where(own > noise, own, math.nan)
