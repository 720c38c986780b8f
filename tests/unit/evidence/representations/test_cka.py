"""CKA, debiased and biased, against other implementations, its limits, and what should leave it as it is."""

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

from mtlens.evidence.representations.cka import similarity_matrix
from tests.support.feature_sets import FEW, SEEDS, SIZES, both, gaussians, related, rotation


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
    x, y = (features - features.mean(dim=0) for features in related(*sizes))
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
