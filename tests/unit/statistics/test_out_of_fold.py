from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from experiments.benchmarks.fold_coverage import draw_folds, rows, simulate
from mtlens.errors import DataError
from mtlens.statistics.equivalence import compare
from mtlens.statistics.out_of_fold import Pooled, estimate_out_of_fold, out_of_fold

FIVE = rows()["five folds"]


def drawn(name="five folds", seed=0):
    return draw_folds(rows()[name], np.random.default_rng(seed))


@pytest.mark.parametrize("name", ["five folds", "five folds, twice", "seven seeds"])
def test_pooled_scores_weigh_every_example_alike(name):
    task = drawn(name)[0]
    seeds, examples = np.nonzero(task.tested)
    weights = 1 / task.tested.sum(axis=0)[examples]
    expected = [
        f1_score(task.labels[examples], kind[seeds, examples], sample_weight=weights, average="macro")
        for kind in (task.baseline, task.candidate)
    ]
    np.testing.assert_allclose(task.mean_scores, expected)


def test_influences_of_single_seeds_add_to_those_of_all():
    task = drawn("seven seeds")[0]
    pooled = Pooled.of(task, np.unique(task.cluster))
    weights = 1 / np.bincount(task.fold_of_seed)[task.fold_of_seed]
    np.testing.assert_allclose(weights @ pooled.by_seed, pooled.moved, atol=2e-5)
    assert abs(pooled.moved.sum()) < 1e-3
    tested = task.fold_of_seed[:, None] == task.fold[np.unique(task.cluster, return_index=True)[1]]
    assert not pooled.by_seed[~tested].any()


def test_a_prediction_by_a_run_that_was_trained_on_the_text_is_refused():
    task = drawn()[0]
    with pytest.raises(DataError, match="each example by all runs that left its fold out"):
        replace(task, tested=np.ones_like(task.tested))
    with pytest.raises(DataError, match="each example by all runs that left its fold out"):
        replace(task, tested=np.zeros_like(task.tested))


def test_it_is_put_together_from_single_seeds():
    task = drawn("seven seeds")[0]
    again = out_of_fold([task.of_seed(seed) for seed in range(7)], task.fold_of_seed.tolist())
    for name in ("example", "cluster", "fold", "labels", "baseline", "candidate"):
        np.testing.assert_array_equal(getattr(again, name), getattr(task, name))


def test_more_seeds_leave_the_part_of_overlapping_training_sets():
    (first, *_), _ = estimate_out_of_fold(drawn("large seed effect"))
    assert first.seeds.value > 0
    error = first.precision(np.array([5, 10**9]), 10**9)[0]
    np.testing.assert_allclose(error**2, first.seeds.value * np.array([1 / 5 + 1 / 4, 1 / 4]), rtol=1e-3)


def test_tasks_without_a_disagreement_have_an_error_all_the_same():
    tasks = [replace(task, candidate=task.baseline) for task in drawn()]
    comparisons = compare(tasks, margin=0.05)
    assert all(comparison.difference == 0 and 0 < comparison.standard_error < 0.05 for comparison in comparisons)


def test_comparisons_say_how_they_were_made():
    comparisons = compare(drawn(), margin=0.05)
    assert [comparison.task for comparison in comparisons] == [*(f"task {place}" for place in range(5)), None]
    assert "pooled predictions of 5 folds" in comparisons[0].method
    assert "Nadeau and Bengio" in comparisons[0].method
    assert len(comparisons[0].baseline_per_seed) == 5
    assert comparisons[0].num_examples == 460


def test_intervals_hold_the_truth_and_false_matches_are_rare():
    found = simulate(FIVE, 30)
    assert 0.88 <= found["coverage"] <= 0.99
    assert found["settled"] > 0.25
    assert found["false_matches"] <= 0.1
