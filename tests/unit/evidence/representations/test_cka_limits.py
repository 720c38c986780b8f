"""CKA where numbers end: half precision, many sets, constant features, few examples, values that are not finite."""

import math

import numpy as np
import pytest
import torch

from mtlens.errors import EvidenceError
from mtlens.evidence.representations.cka import jackknife, procrustes_similarity, similarity_matrix, standardised
from tests.support.feature_sets import both, related, rotation


@pytest.mark.parametrize(("n", "p"), [(4, 1024), (30, 1024), (300, 64), (700, 300)])
def test_float32_is_right_to_five_digits(n, p):
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(n, p, generator=generator)
    sets = [share * common + torch.randn(n, p, generator=generator) + 1 for share in (0, 0.3, 1, 3)]
    sets.append(sets[2] * torch.cat([torch.full((1,), 50.0), torch.ones(p - 1)]))  # a rogue dimension
    sets.append(sets[2] * torch.cat([torch.full((1,), 100.0), torch.ones(n - 1)])[:, None])  # a rogue example
    single, double = similarity_matrix(sets), similarity_matrix([one.double() for one in sets])
    limit = 1e-4 if n == 4 else 1e-5
    assert np.abs(single.debiased - double.debiased).max() < limit
    assert np.abs(single.biased - double.biased).max() < limit


def test_half_precision_is_read_as_float32():
    x, y = related(40, 10, 10, 0, torch.bfloat16)
    assert both(x, y) == both(x.float(), y.float())


def test_many_sets_of_different_width_are_compared_as_each_two_are():
    generator = torch.Generator().manual_seed(0)
    sets = [torch.randn(9, 1 + index % 7, generator=generator, dtype=torch.float64) for index in range(150)]
    found = similarity_matrix(sets)
    for a, b in ((0, 1), (3, 140), (130, 149), (149, 2), (127, 128)):
        assert (found.debiased[a, b], found.biased[a, b]) == pytest.approx(both(sets[a], sets[b]), abs=1e-12)


@pytest.mark.parametrize("strip", [1, 7, 16, 64, 1000])
def test_strips_do_not_matter(strip):
    x, y = related(65, 8, 5, 0)
    found, expected = similarity_matrix([x, y], strip=strip), similarity_matrix([x, y])
    assert found.debiased == pytest.approx(expected.debiased, abs=1e-13)
    assert found.biased == pytest.approx(expected.biased, abs=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constant_features_are_undefined_and_harm_no_others(dtype):
    x, y = related(30, 6, 6, 0, dtype)
    constant = torch.full((30, 6), 0.1, dtype=dtype)
    jittered = constant.clone()
    jittered[::2] *= 1 + torch.finfo(dtype).eps
    found = similarity_matrix([x, constant, y, jittered, torch.zeros(30, 0, dtype=dtype)])
    assert found.undefined == (None, "constant features", None, "constant features", "constant features")
    for values in (found.debiased, found.biased):
        assert np.isnan(values[[1, 3, 4]]).all()
        assert np.isnan(values[:, [1, 3, 4]]).all()
        assert not np.isnan(values[np.ix_([0, 2], [0, 2])]).any()
    assert (found.debiased[0, 2], found.biased[0, 2]) == pytest.approx(both(x, y))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fewer_than_four_examples_are_too_few(n):
    x, y = (features[:n] for features in related(4, 5, 5, 0))
    found = similarity_matrix([x, y])
    assert found.undefined == (f"4 examples at least; found {n}",) * 2
    assert np.isnan([found.debiased, found.biased]).all()
    assert np.isnan(similarity_matrix([*related(4, 5, 5, 0)]).debiased).sum() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_examples_at_equal_distances_have_no_estimated_self_similarity(dtype):
    x, _ = related(12, 12, 3, 0, dtype)
    simplex = 5 * rotation(12, 1).to(dtype)
    found = similarity_matrix([x, simplex])
    assert found.undefined == (None, "estimated self-similarity not positive")
    assert np.isnan(found.debiased[:, 1]).all()
    assert 0 < found.biased[0, 1] < 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_named(bad):
    x, y = related(20, 6, 6, 0, torch.float32)
    y[17, 3] = bad
    with pytest.raises(EvidenceError, match=f"should be finite; found {bad} in example 17 of set 1"):
        similarity_matrix([x, y])
    with pytest.raises(EvidenceError, match=f"found {bad} in example 17 of task grade, layer 2"):
        jackknife([x, y], [(0, 1)], names=["task side, layer 2", "task grade, layer 2"])
    with pytest.raises(EvidenceError, match="example 17 of y"):
        procrustes_similarity(x, y)
    with pytest.raises(EvidenceError, match="example 17 of the features to standardise"):
        standardised(y)


def test_values_too_large_to_be_squared_are_named():
    x, y = related(20, 6, 6, 0, torch.float32)
    x[5, 0] = 1e30
    with pytest.raises(EvidenceError, match=r"squares should be finite; found 1e\+30 in example 5 of set 0"):
        similarity_matrix([x, y])
    assert both(x.double(), y)[1] == pytest.approx(both(x.double() * 1e-20, y)[1])


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([], "should be feature sets to compare; found none"),
        ([torch.ones(5, 2), torch.ones(6, 2)], "same examples; found 5 in set 0 and 6 in set 1"),
        ([torch.ones(5)], r"floating-point matrix \[n, p\] with n > 0; found float32 \[5\] in set 0"),
        ([torch.ones(5, 2, dtype=torch.int64)], r"found int64 \[5, 2\] in set 0"),
        ([torch.ones(0, 2)], r"found float32 \[0, 2\] in set 0"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(features, message):
    with pytest.raises(EvidenceError, match=message):
        similarity_matrix(features)
    with pytest.raises(EvidenceError, match=message):
        jackknife(features, [])
