"""Variances between seeds, moderated over tasks."""

import numpy as np
import pytest
from scipy import stats

from mtlens.statistics.seed_variance import fit_prior, moderate

SQUEEZED = [  # by squeezeVar of InMoose 0.9, which ports limma to Python: variances, freedom, prior freedom and variance
    ([0.01, 1.1, 0.7, 30.0, 0.2, 0.9], 2, 0.9785961559269838, 0.28498192341288436),
    ([0.001, 0.02, 0.004, 0.5, 0.03, 0.0008, 0.2], 4, 0.932699191824803, 0.005043693992986862),
    ([1.0, 50.0], 9, 0.7921802329432395, 1.5026832742940683),
    ([0.4, 1.1, 0.7, 3.0, 0.2, 0.9], 2, np.inf, 1.05),
]


@pytest.mark.parametrize(("variances", "freedom", "prior", "centre"), SQUEEZED)
def test_the_prior_is_that_of_limma(variances, freedom, prior, centre):
    assert fit_prior(variances, freedom) == pytest.approx((prior, centre))


def test_the_moderated_variance_is_that_of_limma():
    squeezed = [0.0017646, 0.01717199, 0.00419735, 0.40641121, 0.02528114, 0.00160242, 0.1631367]
    variances = SQUEEZED[1][0]
    found = moderate(variances, 5)
    lent = [task.prior > 0 for task in found]
    assert sum(lent) >= 3  # a task far above the others may keep its own
    expected = [s if is_lent else own for s, own, is_lent in zip(squeezed, variances, lent, strict=True)]
    assert [task.value for task in found] == pytest.approx(expected, rel=1e-5)


def test_the_prior_is_found_again():
    generator = np.random.default_rng(0)
    true = 2.0 * 8 / generator.chisquare(8, size=4000)
    variances = true * generator.chisquare(4, size=4000) / 4
    prior, centre = fit_prior(variances.tolist(), 4)
    assert prior == pytest.approx(8, rel=0.15)
    assert centre == pytest.approx(2.0, rel=0.05)


def test_one_task_keeps_its_variance_and_its_degrees_of_freedom():
    (alone,) = moderate([0.3], 5)
    assert (alone.value, alone.freedom(5), alone.freedom(9)) == (0.3, 4, 8)


def test_tasks_alike_share_all_that_they_know():
    tasks = moderate([1.0, 1.1, 0.9, 1.0], 3)
    assert [task.value for task in tasks] == pytest.approx([1.0] * 4)
    assert {task.freedom(3) for task in tasks} == {8.0}


def test_a_task_far_noisier_keeps_its_own_variance():
    *quiet, noisy = moderate([1.0, 1.2, 0.8, 1.1, 0.9, 1.0, 400.0], 3)
    assert (noisy.value, noisy.freedom(3)) == (400.0, 2)
    assert all(task.freedom(3) > 2 for task in quiet)


def test_tasks_without_any_variance_can_be_moderated():
    assert [task.value for task in moderate([0.0, 0.0, 0.0], 3)] == [0.0, 0.0, 0.0]
    assert all(np.isfinite(task.value) and task.value >= 0 for task in moderate([0.0, 1e-4, 2e-4], 3))


@pytest.mark.parametrize("scales", [(1.0,) * 5, (1.0, 1.0, 1.0, 1.0, 8.0)])
def test_intervals_of_every_task_hold_the_truth_as_often_as_they_say(scales):
    generator = np.random.default_rng(1)
    held = np.zeros((600, 5))
    for trial in range(600):
        seeds = generator.normal(scale=scales, size=(3, 5))
        tasks = moderate(seeds.var(axis=0, ddof=1).tolist(), 3)
        half = [stats.t.ppf(0.95, task.freedom(3)) * np.sqrt(task.value / 3) for task in tasks]
        held[trial] = np.abs(seeds.mean(axis=0)) <= half
    assert held.mean(axis=0).min() > 0.86  # a plain moderated variance covers the noisy task in about 70 %
    assert 0.87 < held.mean() < 0.94
