import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from mtlens.errors import DataError
from mtlens.statistics import bootstrap
from mtlens.statistics.bootstrap import Estimate, TaskPredictions, estimate, resampled_differences


def predictions(labels, baseline, candidate, *, cluster=None, num_classes=None, task="t"):
    labels, baseline, candidate = np.asarray(labels), np.atleast_2d(baseline), np.atleast_2d(candidate)
    return TaskPredictions(
        task=task,
        num_classes=num_classes or int(max(labels.max(), baseline.max(), candidate.max())) + 1,
        example=np.arange(len(labels)),
        cluster=np.arange(len(labels)) if cluster is None else np.asarray(cluster),
        labels=labels,
        baseline=baseline,
        candidate=candidate,
    )


def noisy(generator, *, n=120, seeds=3, classes=3, error=0.3, cluster_size=1):
    labels = generator.integers(classes, size=n)
    wrong = (generator.random((2, seeds, n)) < error) * generator.integers(1, classes, size=(2, seeds, n))
    both = (labels + wrong) % classes
    return predictions(labels, both[0], both[1], cluster=np.arange(n) // cluster_size, num_classes=classes)


def test_scores_are_scikit_learns_macro_f1():
    task = noisy(np.random.default_rng(0))
    for kind, models in enumerate((task.baseline, task.candidate)):
        expected = [f1_score(task.labels, model, average="macro") for model in models]
        assert task.scores[kind] == pytest.approx(expected)


def test_discordance_counts_examples_that_one_kind_alone_gets_right():
    task = predictions([0, 0, 1, 1], [[0, 1, 1, 0]], [[0, 0, 0, 0]])  # both, candidate, baseline, neither
    assert task.disagreement_rate == 0.5


def test_each_resample_is_the_difference_on_the_drawn_clusters():
    generator = np.random.default_rng(3)
    task = noisy(generator, n=40, cluster_size=4)
    draws = np.random.default_rng(7).integers(10, size=(5, 10))
    resampled = resampled_differences([task], num_resamples=5, seed=7)
    for drawn, found in zip(draws, resampled[:, 0], strict=True):
        rows = np.concatenate([np.flatnonzero(task.cluster == cluster) for cluster in drawn])
        expected = [
            f1_score(task.labels[rows], candidate[rows], average="macro", zero_division=0)
            - f1_score(task.labels[rows], baseline[rows], average="macro", zero_division=0)
            for baseline, candidate in zip(task.baseline, task.candidate, strict=True)
        ]
        assert found == pytest.approx(expected)


def test_resamples_do_not_depend_on_the_memory_they_may_take(monkeypatch):
    task = noisy(np.random.default_rng(0))
    at_once = resampled_differences([task], num_resamples=50, seed=1)
    monkeypatch.setattr(bootstrap, "_WEIGHTS_AT_ONCE", 700)
    np.testing.assert_array_equal(resampled_differences([task], num_resamples=50, seed=1), at_once)


def test_memory_stays_bounded_with_many_clusters():
    task = noisy(np.random.default_rng(0), n=20_000, seeds=1)
    tracemalloc.start()
    resampled_differences([task], num_resamples=600, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 12_000_000 * 2  # all weights at once, with their draws, would take twice 96 MB


def test_standard_error_of_accuracy_agrees_with_the_closed_form():
    # labels half and half, errors half and half in both classes: macro-F1 then moves as accuracy does
    n = 2000
    labels = np.arange(n) % 2
    flip = np.zeros((2, 1, n), dtype=int)
    flip[0, 0, :100] = 1
    flip[1, 0, 100:200] = 1
    task = predictions(labels, labels ^ flip[0], labels ^ flip[1])
    found = resampled_differences([task], num_resamples=4000, seed=0).std()
    assert found == pytest.approx(math.sqrt(200 / n / n), rel=0.04)


def test_clusters_that_agree_count_once():
    # each example stands in the data k times, in one cluster: the standard error is that of the single examples
    generator = np.random.default_rng(5)
    once = noisy(generator, n=300)
    k = 4
    repeated = predictions(
        np.repeat(once.labels, k),
        np.repeat(once.baseline, k, axis=1),
        np.repeat(once.candidate, k, axis=1),
        cluster=np.repeat(once.cluster, k),
    )
    np.testing.assert_allclose(
        resampled_differences([repeated], num_resamples=200, seed=0), resampled_differences([once], num_resamples=200, seed=0)
    )


def test_variance_of_the_difference_agrees_with_drawing_new_test_sets():
    generator = np.random.default_rng(11)
    drawn = [noisy(generator, n=400, seeds=2) for _ in range(300)]
    true_variance = np.var([np.diff(task.scores.mean(axis=1)) for task in drawn])
    estimates = [estimate([task], resampled_differences([task], num_resamples=100, seed=0)) for task in drawn[:60]]
    assert np.mean([e.examples + e.noise for e in estimates]) == pytest.approx(true_variance, rel=0.25)
    # these models err independently, so nearly all of the variance is private to a seed
    assert np.mean([e.examples for e in estimates]) < 0.15 * true_variance


def test_the_variance_is_unbiased_with_few_clusters():
    generator = np.random.default_rng(4)
    labels = np.arange(800) % 2
    differences, variances = [], []
    for _ in range(300):
        rates = generator.uniform(0, 0.2, size=(2, 4)).repeat(200, axis=1)  # four clusters, each with its own error rates
        wrong = generator.random((2, 800)) < rates
        task = predictions(labels, labels ^ wrong[0], labels ^ wrong[1], cluster=np.arange(800) // 200)
        known = estimate([task], resampled_differences([task], num_resamples=200, seed=0))
        differences.append(known.difference)
        variances.append(known.examples + known.noise)
    assert np.mean(variances) == pytest.approx(np.var(differences), rel=0.15)


def test_without_variance_by_examples_it_is_a_one_sample_t_test():
    per_seed = np.array([0.01, -0.02, 0.03, 0.015, 0.0])
    known = Estimate(
        difference=float(per_seed.mean()),
        num_seeds=5,
        num_clusters=1000,
        examples=0.0,
        noise=0.0,
        seeds=float(per_seed.var(ddof=1)) / 5,
        unseen=0.0,
    )
    for level in (0.90, 0.95):
        expected = stats.ttest_1samp(per_seed, 0).confidence_interval(level)
        assert known.interval(level) == pytest.approx((expected.low, expected.high))
    for bound in (-0.02, 0.0, 0.02):
        assert known.p_above(bound) == pytest.approx(stats.ttest_1samp(per_seed, bound, alternative="greater").pvalue)
        assert known.p_below(bound) == pytest.approx(stats.ttest_1samp(per_seed, bound, alternative="less").pvalue)


def test_two_variances_have_the_degrees_of_freedom_of_welchs_test():
    generator = np.random.default_rng(2)
    first, second = generator.normal(size=6), generator.normal(scale=3, size=9)
    welch = stats.ttest_ind(first, second, equal_var=False)
    known = Estimate(
        difference=float(first.mean() - second.mean()),
        num_seeds=6,
        num_clusters=9,
        examples=float(second.var(ddof=1)) / 9,
        noise=0.0,
        seeds=float(first.var(ddof=1)) / 6,
        unseen=0.0,
    )
    assert known.degrees_of_freedom == pytest.approx(welch.df)
    assert known.difference / known.standard_error == pytest.approx(welch.statistic)


def test_precision_grows_with_what_each_part_depends_on():
    base = {"difference": 0.0, "num_seeds": 3, "num_clusters": 100, "examples": 0.0, "noise": 0.0, "seeds": 0.0, "unseen": 0.0}
    error = {part: Estimate(**{**base, part: 1.0}).precision for part in ("examples", "seeds", "unseen")}
    assert error["examples"](30, 1)[0] == pytest.approx(1.0)
    assert error["examples"](3, 4)[0] == pytest.approx(1 / 2)
    assert error["seeds"](12, 1)[0] == pytest.approx(1 / 2)
    assert error["seeds"](3, 100)[0] == pytest.approx(1.0)
    assert error["unseen"](3, 4)[0] == pytest.approx(1 / 4)
    both = Estimate(**{**base, "noise": 1.0, "seeds": 1.0}).precision  # all of it noise, seen twice
    assert both(12, 4)[0] == pytest.approx(math.sqrt(2 / 16))


def test_one_seed_or_one_cluster_has_no_error_estimate():
    generator = np.random.default_rng(0)
    for task in (noisy(generator, seeds=1), noisy(generator, cluster_size=120)):
        known = estimate([task], resampled_differences([task], num_resamples=50, seed=0))
        assert known.standard_error == math.inf
        assert known.degrees_of_freedom == 0
        assert known.interval(0.9) == (-math.inf, math.inf)
        assert known.p_above(-0.5) == known.p_below(0.5) == 1


def test_a_resample_without_examples_of_a_task_is_left_out():
    generator = np.random.default_rng(0)
    large, small = noisy(generator, n=100), noisy(generator, n=2)
    resampled = resampled_differences([large, small], num_resamples=200, seed=0)
    missed = np.isnan(resampled[:, 1]).any(axis=1)
    assert missed.mean() == pytest.approx(math.exp(-2), abs=0.1)
    assert not np.isnan(resampled[:, 0]).any()
    assert math.isfinite(estimate([large, small], resampled).standard_error)


def test_perfect_agreement_still_leaves_room_for_what_was_not_seen():
    for n in (50, 200, 1000):
        labels = np.arange(n) % 2
        same = np.tile(labels, (3, 1))
        task = predictions(labels, same, same)
        known = estimate([task], resampled_differences([task], num_resamples=50, seed=0))
        assert known.examples == known.noise == known.seeds == known.difference == 0
        assert 1.645 * known.standard_error == pytest.approx(3.0 / n, rel=0.01)  # rule of three


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.array([], dtype=int)}, "task 't' should have labelled test examples; found none"),
        ({"baseline": np.zeros((0, 4), dtype=int)}, "predictions of at least one seed; found none"),
        ({"candidate": np.zeros((2, 4), dtype=int)}, r"baseline and candidate \[1, 4\]; found .*\(2, 4\)"),
        ({"cluster": np.arange(3)}, r"examples and clusters \[4\]"),
        ({"labels": np.array([0, 1, 2, 0])}, r"should lie in 0\.\.1; found 0\.\.2"),
        ({"baseline": np.array([[0, -1, 0, 0]])}, r"should lie in 0\.\.1; found -1\.\.1"),
    ],
)
def test_predictions_that_do_not_fit_together_are_refused(change, message):
    fields = {
        "task": "t",
        "num_classes": 2,
        "example": np.arange(4),
        "cluster": np.arange(4),
        "labels": np.array([0, 1, 1, 0]),
        "baseline": np.array([[0, 1, 1, 0]]),
        "candidate": np.array([[0, 1, 1, 0]]),
    }
    TaskPredictions(**fields)
    with pytest.raises(DataError, match=message):
        TaskPredictions(**{**fields, **change})
