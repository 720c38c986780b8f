"""A difference with its standard error and degrees of freedom."""

import math

import numpy as np
import pytest
from scipy import stats

from mtlens.statistics.estimate import Estimate, estimate_differences
from mtlens.statistics.example_variance import ExampleVariance
from mtlens.statistics.seed_variance import SeedVariance
from tests.support.simulated_predictions import noisy, predictions

NOTHING = ExampleVariance(shared=0.0, private=0.0, unseen=0.0, freedom=1000.0)


def known(*, difference=0.0, num_seeds=3, seeds=0.0, prior=0.0, **examples):
    return Estimate(
        difference=difference,
        num_seeds=num_seeds,
        num_clusters=100,
        examples=ExampleVariance(**{**vars(NOTHING), **examples}),
        seeds=SeedVariance(value=seeds, prior=prior),
    )


def test_without_variance_by_examples_it_is_a_one_sample_t_test():
    per_seed = np.array([0.01, -0.02, 0.03, 0.015, 0.0])
    estimate = known(difference=float(per_seed.mean()), num_seeds=5, seeds=float(per_seed.var(ddof=1)))
    for level in (0.90, 0.95):
        expected = stats.ttest_1samp(per_seed, 0).confidence_interval(level)
        assert estimate.interval(level) == pytest.approx((expected.low, expected.high))
    for bound in (-0.02, 0.0, 0.02):
        assert estimate.p_above(bound) == pytest.approx(stats.ttest_1samp(per_seed, bound, alternative="greater").pvalue)
        assert estimate.p_below(bound) == pytest.approx(stats.ttest_1samp(per_seed, bound, alternative="less").pvalue)


def test_two_variances_have_the_degrees_of_freedom_of_welchs_test():
    generator = np.random.default_rng(2)
    first, second = generator.normal(size=6), generator.normal(scale=3, size=9)
    welch = stats.ttest_ind(first, second, equal_var=False)
    estimate = known(
        difference=float(first.mean() - second.mean()),
        num_seeds=6,
        seeds=float(first.var(ddof=1)),
        shared=float(second.var(ddof=1)) / 9,
        freedom=8,
    )
    assert estimate.degrees_of_freedom == pytest.approx(welch.df)
    assert estimate.difference / estimate.standard_error == pytest.approx(welch.statistic)


def test_precision_grows_with_what_each_part_depends_on():
    assert known(shared=1.0).precision(30, 1)[0] == pytest.approx(1.0)
    assert known(shared=1.0).precision(3, 4)[0] == pytest.approx(1 / 2)
    assert known(seeds=3.0).precision(12, 1)[0] == pytest.approx(1 / 2)
    assert known(seeds=3.0).precision(3, 100)[0] == pytest.approx(1.0)
    assert known(unseen=1.0).precision(3, 4)[0] == pytest.approx(1 / 4)
    # noise that is private to a seed and an example is a part of the variance between seeds, and is not added to it
    assert known(seeds=3.0, private=3.0).precision(12, 4)[0] == pytest.approx(math.sqrt(1 / 16))
    assert known(seeds=3.0, private=3.0).standard_error == pytest.approx(1.0)


def test_what_other_tasks_lend_raises_the_degrees_of_freedom():
    assert known(seeds=1.0).degrees_of_freedom == pytest.approx(2)
    assert known(seeds=1.0, prior=6.0).degrees_of_freedom == pytest.approx(8)
    assert known(seeds=1.0, prior=6.0).precision(10, 1)[1] == pytest.approx(15)


def test_one_seed_or_one_cluster_has_no_error_estimate():
    generator = np.random.default_rng(0)
    for task in (noisy(generator, seeds=1), noisy(generator, cluster_size=120)):
        for estimate in (*estimate_differences([task])[0], estimate_differences([task])[1]):
            assert estimate.standard_error == math.inf
            assert estimate.degrees_of_freedom == 0
            assert estimate.interval(0.9) == (-math.inf, math.inf)
            assert estimate.p_above(-0.5) == estimate.p_below(0.5) == 1


def test_private_noise_is_counted_once():
    generator = np.random.default_rng(8)
    drawn = [noisy(generator, n=600, seeds=10) for _ in range(200)]  # models that err independently of each other
    true_variance = np.var([np.diff(task.scores.mean(axis=1)) for task in drawn])
    estimated = [estimate_differences([task])[0][0].standard_error ** 2 for task in drawn]
    assert np.mean(estimated) == pytest.approx(true_variance, rel=0.25)


def test_a_variance_between_seeds_below_the_private_noise_is_raised_to_it():
    labels = np.arange(40) % 2
    candidate = np.tile(labels, (3, 1))
    for seed in range(3):
        candidate[seed, 4 * seed : 4 * seed + 4] ^= 1  # the seeds agree in number, and err on other examples
    (estimate,), _ = estimate_differences([predictions(labels, np.tile(labels, (3, 1)), candidate)])
    assert estimate.examples is not None
    assert estimate.seeds is not None
    assert estimate.seeds.value == pytest.approx(estimate.examples.private)
    assert estimate.seeds.value > 0


def test_the_mean_has_the_larger_of_its_own_variance_and_of_independent_tasks():
    labels = np.arange(4000) % 2

    def with_errors(*shares):
        models = np.stack([labels ^ (np.arange(4000) < 4000 * share) for share in shares])
        return predictions(labels, np.tile(labels, (3, 1)), models)

    together = [with_errors(0.1, 0.2, 0.3), with_errors(0.1, 0.2, 0.3)]
    opposite = [with_errors(0.1, 0.2, 0.3), with_errors(0.3, 0.2, 0.1)]
    of_task = estimate_differences(together)[0][0].seeds
    shared, cancelled = estimate_differences(together)[1].seeds, estimate_differences(opposite)[1].seeds
    assert of_task is not None
    assert shared is not None
    assert cancelled is not None
    assert shared.value == pytest.approx(of_task.value, rel=0.01)
    assert cancelled.value == pytest.approx(of_task.value / 2, rel=0.01)
