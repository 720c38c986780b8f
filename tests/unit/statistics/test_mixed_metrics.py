"""Verdicts by metrics of ranks, probabilities and errors: their direction, their intervals, and means over different ones."""

import numpy as np
import pytest

from experiments.benchmarks.metric_coverage import SETTINGS, coverage, draw
from mtlens.statistics.equivalence import compare
from mtlens.statistics.estimate import estimate_differences
from mtlens.statistics.out_of_fold import estimate_out_of_fold, out_of_fold
from mtlens.statistics.shown import Unit, shared_unit
from mtlens.statistics.task_predictions import TaskPredictions

NUM = 200


def ages(generator, *, name="age", errors=(5.0, 4.0), seeds=3):
    labels = generator.normal(60, 15, NUM)
    baseline, candidate = (labels + error * generator.normal(size=(seeds, NUM)) for error in errors)
    return TaskPredictions(
        task=name, num_classes=0, metric="mean_absolute_error", example=np.arange(NUM), cluster=np.arange(NUM),
        labels=labels, baseline=baseline, candidate=candidate,
    )  # fmt: skip


def grades(generator, *, metric="macro_f1", rates=(0.1, 0.1)):
    labels = generator.integers(0, 2, NUM)
    baseline, candidate = (np.where(generator.random((3, NUM)) < rate, 1 - labels, labels) for rate in rates)
    return TaskPredictions(
        task="grade", num_classes=2, metric=metric, example=np.arange(NUM), cluster=np.arange(NUM), labels=labels,
        baseline=baseline, candidate=candidate,
    )  # fmt: skip


def test_smaller_errors_are_better():
    generator = np.random.default_rng(0)
    task = ages(generator)
    found, mean = compare([task], margin=0.2)
    errors = [np.abs(kind - task.labels).mean() for kind in (task.baseline, task.candidate)]
    assert (found.baseline_mean, found.candidate_mean) == pytest.approx(errors)
    assert found.difference == pytest.approx(errors[0] - errors[1])
    assert (found.verdict, mean.verdict, mean.metric) == ("better", "better", "mean_absolute_error")
    assert np.isnan(found.disagreement_rate)
    assert compare([ages(generator, errors=(4.0, 5.0))], margin=0.2)[0].verdict == "worse"


def test_the_error_of_a_mean_error_is_that_of_a_mean():
    """With one seed's noise the variance by examples is that of the mean of paired differences."""
    task = ages(np.random.default_rng(1), seeds=2)
    (estimate,), _ = estimate_differences([task])
    paired = (np.abs(task.baseline - task.labels) - np.abs(task.candidate - task.labels)).mean(axis=0)
    assert estimate.examples is not None
    shared = estimate.examples.shared + estimate.examples.private / 2
    assert shared == pytest.approx(paired.var(ddof=1) / NUM, rel=0.02)


def test_a_mean_over_different_metrics_is_over_differences_divided_by_margins():
    generator = np.random.default_rng(2)
    tasks, margins = [ages(generator), grades(generator)], {"age": 0.5, "grade": 0.04}
    age, grade, mean = compare(tasks, margin=margins)
    assert (age.margin, grade.margin, mean.margin) == (0.5, 0.04, 1.0)
    assert mean.difference == pytest.approx((age.difference / 0.5 + grade.difference / 0.04) / 2)
    assert mean.metric is None
    assert np.isnan([mean.baseline_mean, mean.candidate_mean]).all()
    per_seed = np.array(mean.candidate_per_seed) - np.array(mean.baseline_per_seed)
    assert per_seed.mean() == pytest.approx(mean.difference)
    assert mean.method.endswith("mean over tasks of differences divided by their margins")
    one_margin = compare(tasks, margin={"age": 1.0, "grade": 0.08})[-1]  # all in units twice as large
    assert one_margin.difference == pytest.approx(mean.difference / 2)
    assert one_margin.standard_error == pytest.approx(mean.standard_error / 2)


def test_the_same_metric_with_other_margins_is_averaged_in_margins_too():
    generator = np.random.default_rng(3)
    first, second = ages(generator), ages(generator, name="other")
    assert compare([first, second], margin=0.5)[-1].metric == "mean_absolute_error"
    assert compare([first, second], margin={"age": 0.5, "other": 1.0})[-1].metric is None


def test_units_do_not_change_the_verdict_of_a_task():
    """Ages in months are errors twelve times as large, with twelve times the margin."""
    task = ages(np.random.default_rng(4))
    months = TaskPredictions(**{
        **vars(task), "labels": 12 * task.labels, "baseline": 12 * task.baseline, "candidate": 12 * task.candidate,
    })  # fmt: skip
    years, mean = compare([task], margin=0.5)
    other, other_mean = compare([months], margin=6.0)
    assert other.difference == pytest.approx(12 * years.difference)
    assert other.p_equivalence == pytest.approx(years.p_equivalence)
    assert other_mean.p_better == pytest.approx(mean.p_better)


def test_guessed_numbers_are_not_learnt():
    task = ages(np.random.default_rng(5))
    order = np.random.default_rng(6).permutation(NUM)
    guessed = TaskPredictions(
        **{**vars(task), "baseline": task.baseline[:, order], "candidate": task.candidate[:, order[::-1]]}
    )
    assert compare([guessed], margin=5.0)[0].verdict == "not learnt"


@pytest.mark.parametrize("metric", ["roc_auc", "mean_absolute_error"])
def test_folds_pool_scores_of_any_metric(metric):
    setting = next(setting for setting in SETTINGS.values() if setting.metric == metric)
    task = draw(setting, np.random.default_rng(7))[0]
    fold = np.arange(setting.examples) % 3
    parts = []
    for seed in range(3):
        rows = fold == seed
        parts.append(
            TaskPredictions(
                task="t", num_classes=2, metric=metric, example=np.flatnonzero(rows), cluster=task.cluster[rows],
                labels=task.labels[rows], baseline=task.baseline[[seed]][:, rows], candidate=task.candidate[[seed]][:, rows],
            )
        )  # fmt: skip
    pooled = out_of_fold(parts, [0, 1, 2])
    of_folds = np.mean([part.differences for part in parts])  # equal folds
    (estimate,), mean = estimate_out_of_fold([pooled])
    assert estimate.difference == pytest.approx(of_folds)
    assert 0 < estimate.standard_error < 1
    assert mean.difference == pytest.approx(estimate.difference)


@pytest.mark.parametrize("name", ["area under ROC, patients of 4", "mean absolute error"])
def test_intervals_hold_the_true_difference_as_often_as_they_say(name):
    """200 intervals of tasks and 40 of means: two standard errors are .04 and .09."""
    rates = coverage(SETTINGS[name], 40)
    assert rates["coverage"] >= 0.90 - 0.05
    assert rates["coverage_of_mean"] >= 0.90 - 0.10
    assert rates["width"] < 4 * abs(rates["true_difference"]) + 0.1


def test_scores_are_shown_in_the_unit_of_their_metric():
    assert (Unit("macro_f1").score(0.873), Unit("mean_absolute_error").score(4.2), Unit(None).difference(0.5)) == (
        "87.3", "4.200", "+0.50",
    )  # fmt: skip
    assert Unit("f1(severe)").margin_in_words(0.02) == "2 points of F1 of severe"
    assert Unit("mean_absolute_error").margin_in_words(0.5) == "0.5 in mean absolute error"
    assert shared_unit(["r2", "r2"], [0.1, 0.1]) == Unit("r2")
    assert shared_unit(["r2", "r2"], [0.1, 0.2]) is None
