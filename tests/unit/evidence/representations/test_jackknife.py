import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlens.evidence.representations.cka import Interval, jackknife, similarity_matrix


def gaussians(n, p, rho, seed, dtype=torch.float64):
    """X and Y [n, p], isotropic, with correlation rho between equal columns."""
    x, z = torch.randn(2, n, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x.to(dtype), (rho * x + math.sqrt(1 - rho**2) * z).to(dtype)


def debiased(x, y):
    return similarity_matrix([x, y]).debiased[0, 1]


def numbers(interval):
    return interval.value, interval.low, interval.high, interval.standard_error


@given(st.integers(7, 30), st.integers(1, 12), st.floats(0, 0.99), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_standard_error_is_that_of_leaving_out_each_example(n, p, rho, seed):
    x, y = gaussians(n, p, rho, seed)
    found = jackknife([x, y], [(0, 1)])[0]
    kept = ~torch.eye(n, dtype=torch.bool)
    without = np.array([debiased(x[rows], y[rows]) for rows in kept])
    expected = math.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    assert found.value == pytest.approx(debiased(x, y), abs=1e-12)
    assert found.standard_error == pytest.approx(expected, abs=1e-10)


def test_ends_lie_at_student_s_quantile():
    found = jackknife(gaussians(11, 4, 0.5, 0), [(0, 1)])[0]
    assert found.high - found.value == pytest.approx(2.228139 * found.standard_error)  # t of 10 degrees of freedom, 97.5 %
    assert found.value - found.low == pytest.approx(2.228139 * found.standard_error)


def test_every_pair_has_the_interval_it_has_alone():
    sets = [gaussian for seed in range(3) for gaussian in gaussians(150, 5 + seed, 0.5, seed)]
    sets[2] = sets[0] + sets[1] * 0.3
    pairs = [(5, 0), *itertools.combinations(range(6), 2), (0, 0), (0, 5)]
    found = jackknife(sets, pairs)
    values = similarity_matrix(sets).debiased
    for (a, b), interval in zip(pairs, found, strict=True):
        assert interval.value == pytest.approx(values[a, b], abs=1e-12)
        assert numbers(interval) == pytest.approx(numbers(jackknife([sets[b], sets[a]], [(0, 1)])[0]), abs=1e-12)
    assert numbers(found[-2]) == pytest.approx((1, 1, 1, 0))


def test_float32_agrees_with_float64():
    pairs = [(0, 1)]
    single, double = (jackknife(gaussians(300, 40, 0.4, 0, dtype), pairs)[0] for dtype in (torch.float32, torch.float64))
    assert numbers(single) == pytest.approx(numbers(double), abs=1e-5)


@pytest.mark.parametrize(("n", "p", "rho"), [(15, 5, 0.6), (60, 8, 0.6), (60, 8, 0.95)])
def test_intervals_cover_the_population_value(n, p, rho):
    found = [jackknife(gaussians(n, p, rho, seed), [(0, 1)])[0] for seed in range(300)]
    covered = np.mean([one.low <= rho**2 <= one.high for one in found])
    assert 0.92 <= covered <= 0.995
    assert np.mean([one.standard_error for one in found]) / np.std([one.value for one in found]) < 1.5


def test_intervals_of_unrelated_features_hold_0_where_a_bootstrap_sees_similarity():
    x, y = gaussians(60, 100, 0, 0)
    found = jackknife([x, y], [(0, 1)])[0]
    assert found.low < 0 < found.high < 0.1
    draws = torch.randint(60, (20, 60), generator=torch.Generator().manual_seed(0))
    assert min(debiased(x[rows], y[rows]) for rows in draws) > 0.5


@pytest.mark.parametrize(
    "features",
    [
        gaussians(3, 4, 0.5, 0),
        (gaussians(20, 4, 0.5, 0)[0], torch.full((20, 4), 0.1)),
        (gaussians(20, 4, 0.5, 0)[0], torch.eye(20, dtype=torch.float64)),
    ],
    ids=["three examples", "constant features", "equal distances"],
)
def test_undefined_similarities_have_no_interval(features):
    assert all(math.isnan(number) for number in numbers(jackknife(features, [(0, 1)])[0]))
    assert all(math.isnan(number) for number in numbers(jackknife(features, [(1, 1)])[0]))


def test_a_value_may_be_defined_where_its_error_is_not():
    x, _ = gaussians(20, 4, 0.5, 0)
    two_examples = torch.zeros(20, 2, dtype=torch.float64)
    two_examples[3], two_examples[8] = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0])
    for features in (gaussians(4, 6, 0.5, 0), (x, two_examples)):
        found = jackknife(features, [(0, 1)])[0]
        assert found.value == pytest.approx(debiased(*features))
        assert all(math.isnan(number) for number in numbers(found)[1:])


def test_no_pairs_have_no_intervals():
    assert jackknife(gaussians(9, 2, 0, 0), []) == []
    assert isinstance(jackknife(gaussians(9, 2, 0, 0), [(1, 0)])[0], Interval)
