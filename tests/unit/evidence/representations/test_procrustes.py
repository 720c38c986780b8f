"""Procrustes similarity, and features standardised before they are compared."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.linalg import orthogonal_procrustes

from mtlens.evidence.representations.cka import procrustes_similarity, standardised
from tests.support.feature_sets import FEW, SIZES, both, related, rotation


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
