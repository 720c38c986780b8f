"""Variances between runs that leave out one fold each, against planted parts."""

import numpy as np
import pytest

from experiments.benchmarks.fold_coverage import rows, simulate
from mtlens.statistics.run_variance import BetweenRuns, moderated_over_tasks

FOLDS, CLUSTERS = 5, 40  # clusters of one fold


def planted(generator, *, seeds, of_seed=0.0, of_training=0.0, of_examples=0.02):
    """Influences `[S, G]` of one task, whose sums over a fold have the planted standard deviations."""
    fold_of_seed = np.arange(seeds) % FOLDS
    by_seed = np.zeros((seeds, FOLDS * CLUSTERS))
    examples = generator.normal(0, of_examples / np.sqrt(CLUSTERS), FOLDS * CLUSTERS)
    training = generator.normal(0, of_training, FOLDS)
    for seed, fold in enumerate(fold_of_seed):
        own = slice(fold * CLUSTERS, (fold + 1) * CLUSTERS)
        shift = training[fold] + generator.normal(0, of_seed)
        by_seed[seed, own] = examples[own] + shift / CLUSTERS
    return BetweenRuns.of(by_seed / FOLDS, fold_of_seed)


def share(generator, **parts):
    tasks = [planted(generator, **parts) for _ in range(300)]
    return moderated_over_tasks(tasks, parts["seeds"])[0].training_sets


def test_sums_of_squares_are_those_of_an_analysis_of_variance():
    found = BetweenRuns.of(np.array([[3.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 3.0]]) / 2, np.array([0, 1, 0, 1]))
    assert found.repeated == 2
    assert found.total.total == pytest.approx(np.var([3, 1, 1, 3], ddof=1))
    assert found.total.examples == pytest.approx(np.mean([9, 1, 1, 9]))
    assert found.within.total == pytest.approx((1 + 1 + 1 + 1) / 2)  # deviations of 1 from the mean 2 of either fold
    assert found.within.examples == pytest.approx((1 + 1 + 1 + 1) / 2)


@pytest.mark.parametrize(("of_seed", "of_training", "expected"), [(0.1, 0.0, 0.0), (0.1, 0.1, 0.5), (0.05, 0.15, 0.9)])
def test_the_share_of_training_sets_is_found(of_seed, of_training, expected):
    found = share(np.random.default_rng(0), seeds=20, of_seed=of_seed, of_training=of_training)
    assert found == pytest.approx(expected, abs=0.12)


def test_without_a_fold_that_is_left_out_twice_all_of_it_is_that_of_training_sets():
    assert share(np.random.default_rng(0), seeds=5, of_seed=0.1) == 1.0


def test_large_effects_of_seeds_leave_intervals_that_hold_the_truth():
    found = simulate(rows()["large seed effect, twice"], 25)
    assert 0.86 <= found["coverage"] <= 0.98
    assert found["settled"] > 0.4  # .12 where all of the variance is corrected
    assert found["false_matches"] <= 0.12
