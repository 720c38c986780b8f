import importlib
import itertools
import math
import sys
from unittest.mock import MagicMock, patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes

from mtlens.errors import EvidenceError
from mtlens.evidence.representations.cka import jackknife, procrustes_similarity, similarity_matrix, standardised

SEEDS = st.integers(0, 10_000)
SIZES = st.tuples(st.integers(6, 40), st.integers(1, 30), st.integers(1, 30), SEEDS)  # n, p, q, seed
FEW = settings(max_examples=40, deadline=None)


def related(n, p, q, seed, dtype=torch.float64):
    """X [n, p] and Y [n, q] that have a part in common, columns of different scales and means."""
    generator = torch.Generator().manual_seed(seed)
    x, noise, mixing = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((n, p), (n, q), (p, q)))
    scales = torch.rand(p, generator=generator, dtype=torch.float64) + 0.1
    return (x * scales + 2).to(dtype), (x @ mixing / math.sqrt(p) + noise - 1).to(dtype)


def gaussians(n, p, q, rho, seed):
    """X [n, p] and Y [n, q], isotropic, with correlation rho between equal columns."""
    generator = torch.Generator().manual_seed(seed)
    x, z = (torch.randn(n, columns, generator=generator, dtype=torch.float64) for columns in (p, q))
    return x, (rho * x + math.sqrt(1 - rho**2) * z if rho else z)


def rotation(p, seed):
    return torch.linalg.qr(torch.randn(p, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))[0]


def both(x, y):
    """Debiased and biased CKA."""
    found = similarity_matrix([x, y])
    return found.debiased[0, 1], found.biased[0, 1]


def literal_hsic(x, y):
    """Mean of K_ij (L_ij + L_qr - 2 L_iq) over all ordered quadruples of different examples."""
    first, second = x @ x.T, y @ y.T
    i, j, q, r = torch.tensor(list(itertools.permutations(range(len(x)), 4))).T
    return float((first[i, j] * (second[i, j] + second[q, r] - 2 * second[i, q])).mean())


@pytest.fixture(scope="module")
def dcor():
    """The library without numba, which would compile for many seconds what no test calls."""
    numba = MagicMock()
    with patch.dict(sys.modules, {"numba": numba, "numba.types": numba.types}):
        return importlib.import_module("dcor")


@pytest.mark.filterwarnings("ignore:Distance covariance is not guaranteed")  # to characterise independence: not asked of CKA
@given(sizes=SIZES)
@FEW
def test_debiased_is_the_u_statistic_of_distance_correlation(dcor, sizes):
    x, y = related(*sizes)
    expected = dcor.u_distance_correlation_sqr(x.numpy(), y.numpy(), exponent=2)
    assert both(x, y)[0] == pytest.approx(expected, abs=1e-12)


@given(st.integers(5, 7), st.integers(1, 9), st.integers(1, 9), SEEDS)
@settings(max_examples=10, deadline=None)
def test_debiased_is_the_mean_over_quadruples(n, p, q, seed):
    x, y = related(n, p, q, seed)
    expected = literal_hsic(x, y) / math.sqrt(literal_hsic(x, x) * literal_hsic(y, y))
    assert both(x, y)[0] == pytest.approx(expected, abs=1e-10)


@given(SIZES)
@FEW
def test_biased_is_kornblith_s(sizes):
    x, y = (one - one.mean(dim=0) for one in related(*sizes))
    expected = (x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())
    assert both(x, y)[1] == pytest.approx(float(expected), abs=1e-12)


@given(SIZES, st.floats(-50, 50), st.floats(1e-6, 1e6))
@FEW
def test_rotation_shift_scale_order_and_empty_dimensions_change_nothing(sizes, shift, scale):
    x, y = related(*sizes)
    n, p, _, seed = sizes
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    for other_x, other_y in (
        (x @ rotation(p, seed), y),
        (x + shift, y),
        (x * scale, y),
        (x * -scale, y),
        (x[order], y[order]),
        (torch.cat([x, torch.zeros(n, 3)], dim=1), y),
    ):
        assert both(other_x, other_y) == pytest.approx(both(x, y), abs=1e-9)


def test_other_linear_maps_and_unpaired_rows_change_it():
    x, y = related(50, 4, 4, 0)
    assert abs(both(x * torch.tensor([1.0, 1, 1, 9]), y)[0] - both(x, y)[0]) > 0.1
    assert abs(both(x.flip(0), y)[0] - both(x, y)[0]) > 0.1


@given(SEEDS)
@FEW
def test_a_distant_mean_changes_nothing_in_float32(seed):
    x, y = related(500, 64, 32, seed)
    assert both((x + 300).float(), y.float()) == pytest.approx(both(x.float(), y.float()), abs=1e-6)


@given(SIZES)
@FEW
def test_copies_are_at_1_and_nothing_is_beyond(sizes):
    x, y = related(*sizes)
    found = similarity_matrix([x, x.clone(), y, -3 * x])
    for values in (found.debiased, found.biased):
        assert values[np.ix_([0, 1, 3], [0, 1, 3])] == pytest.approx(np.ones((3, 3)), abs=1e-12)
        assert (np.abs(values) <= 1 + 1e-12).all()
        np.testing.assert_array_equal(values, values.T)
    assert found.undefined == (None,) * 4


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_population_value_of_correlated_gaussians_is_the_squared_correlation(rho):
    values = [both(*gaussians(400, 30, 30, rho, seed))[0] for seed in range(30)]
    assert np.mean(values) == pytest.approx(rho**2, abs=0.01)


def test_unrelated_features_read_high_if_biased_and_0_if_debiased():
    n, p = 100, 768
    debiased, biased = np.mean([both(*gaussians(n, p, p, 0, seed)) for seed in range(10)], axis=0)
    assert biased == pytest.approx(p / (n + p), abs=0.002)
    assert biased == pytest.approx(0.886, abs=0.003)
    assert debiased == pytest.approx(0, abs=0.005)


def test_negative_values_stand():
    values = [both(*gaussians(10, 5, 5, 0, seed))[0] for seed in range(20)]
    assert min(values) < -0.1 < 0.1 < max(values)


def test_biased_tends_to_the_limit_of_davari_when_a_subset_moves_away():
    x, _ = gaussians(60, 20, 20, 0, 0)
    x -= x.mean(dim=0)
    inside = torch.zeros(60, dtype=torch.float64)
    inside[:5] = 1
    direction = torch.zeros(20, dtype=torch.float64)
    direction[3] = 1e6
    u, gram = inside - inside.mean(), x @ x.T
    limit = u @ gram @ u / (gram.norm() * (u @ u))
    assert float(limit) < 0.3
    assert both(x, x + torch.outer(inside, direction))[1] == pytest.approx(float(limit), abs=1e-4)


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
    x, y = (one[:n] for one in related(4, 5, 5, 0))
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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_standardised_columns_have_mean_0_and_variance_1(dtype):
    x, _ = related(50, 6, 2, 0, dtype)
    x[:, 2] = 0.1
    found = standardised(x)
    assert found.dtype == dtype
    kept = x[:, [0, 1, 3, 4, 5]].double()
    expected = (kept - kept.mean(dim=0)) / kept.std(dim=0, correction=0)
    assert found.double().numpy() == pytest.approx(expected.numpy(), abs=1e-5 if dtype == torch.float32 else 1e-13)
    assert standardised(torch.ones(9, 3)).shape == (9, 0)


def test_a_rogue_dimension_has_no_more_say_once_standardised():
    x, y = related(80, 10, 10, 0)
    rogue = x * torch.tensor([1000.0] + [1.0] * 9)
    assert abs(both(rogue, y)[0] - both(x, y)[0]) > 0.05
    assert both(standardised(rogue), standardised(y)) == pytest.approx(both(standardised(x), standardised(y)), abs=1e-12)


@given(SIZES)
@FEW
def test_procrustes_agrees_with_the_best_rotation(sizes):
    n, p, _, seed = sizes
    x, y = related(n, p, p, seed)
    first, second = ((one - one.mean(dim=0)) / (one - one.mean(dim=0)).norm() for one in (x, y))
    best, _ = orthogonal_procrustes(first.numpy(), second.numpy())
    squared_distance = np.linalg.norm(first.numpy() @ best - second.numpy()) ** 2
    assert procrustes_similarity(x, y) == pytest.approx(1 - squared_distance / 2, abs=1e-9)


@given(SIZES)
@FEW
def test_procrustes_is_a_similarity(sizes):
    x, y = related(*sizes)
    value = procrustes_similarity(x, y)
    assert 0 <= value <= 1 + 1e-12
    assert procrustes_similarity(y, x) == pytest.approx(value)
    assert procrustes_similarity(3 * x @ rotation(sizes[1], 1) + 5, y) == pytest.approx(value)
    assert procrustes_similarity(x, x @ rotation(sizes[1], 1)) == pytest.approx(1)


def test_procrustes_of_constant_features_is_undefined():
    assert math.isnan(procrustes_similarity(torch.full((9, 3), 0.1), torch.randn(9, 3)))
