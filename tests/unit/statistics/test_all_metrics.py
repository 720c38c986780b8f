"""Every metric agrees with scikit-learn or scipy, weighted or not, and its jackknife with really leaving clusters out."""

import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn

from mtlens.errors import ExperimentError
from mtlens.statistics.example_variance import influences
from mtlens.statistics.metrics import METRICS, find_metric, label_of, unit_of
from mtlens.statistics.task_predictions import TaskPredictions

CLASSES = ("none", "mild", "severe")
GENERATOR = np.random.default_rng(0)
NUM, SEEDS = 60, 2
LABELS = np.concatenate([GENERATOR.integers(0, 3, NUM - 3), [0, 1, 2]])
PREDICTED = np.where(GENERATOR.random((SEEDS, NUM)) < 0.6, LABELS, GENERATOR.integers(0, 3, (SEEDS, NUM)))
PROBABILITIES = GENERATOR.dirichlet(np.ones(3), (SEEDS, NUM)).round(2) + 0.5 * np.eye(3)[LABELS]
PROBABILITIES /= PROBABILITIES.sum(axis=2, keepdims=True)
NUMBERS = GENERATOR.normal(40, 10, NUM).round()
FORECASTS = (NUMBERS + GENERATOR.normal(0, 6, (SEEDS, NUM))).round()
SETS = GENERATOR.integers(0, 2, (NUM, 3))
CHOSEN = np.where(GENERATOR.random((SEEDS, NUM, 3)) < 0.8, SETS, 1 - SETS)
WEIGHTS = GENERATOR.integers(1, 4, NUM)


def kappa(t, p, w):
    return sklearn.cohen_kappa_score(t, p, weights="quadratic", sample_weight=w)


def one_against_rest(score):
    return lambda t, p, w: np.mean([score(t == c, p[:, c], sample_weight=w) for c in range(3)])


def of_repeated(correlation):
    """scipy has no weights: an example of weight w stands there w times."""
    return lambda t, p, w: correlation(np.repeat(t, w), np.repeat(p, w)).statistic


CLASSIFIED = {
    "macro_f1": lambda t, p, w: sklearn.f1_score(t, p, average="macro", sample_weight=w),
    "micro_f1": lambda t, p, w: sklearn.f1_score(t, p, average="micro", sample_weight=w),
    "f1(severe)": lambda t, p, w: sklearn.f1_score(t == 2, p == 2, sample_weight=w),
    "accuracy": lambda t, p, w: sklearn.accuracy_score(t, p, sample_weight=w),
    "balanced_accuracy": lambda t, p, w: sklearn.balanced_accuracy_score(t, p, sample_weight=w),
    "matthews": lambda t, p, w: sklearn.matthews_corrcoef(t, p, sample_weight=w),
    "quadratic_kappa": kappa,
    "mean_absolute_error": lambda t, p, w: sklearn.mean_absolute_error(t, p, sample_weight=w),
}
PROBABLE = {
    "roc_auc": one_against_rest(sklearn.roc_auc_score),
    "roc_auc(mild)": lambda t, p, w: sklearn.roc_auc_score(t == 1, p[:, 1], sample_weight=w),
    "pr_auc": one_against_rest(sklearn.average_precision_score),
    "pr_auc(severe)": lambda t, p, w: sklearn.average_precision_score(t == 2, p[:, 2], sample_weight=w),
    "loss": lambda t, p, w: sklearn.log_loss(t, p, sample_weight=w),
}
NUMERIC = {
    "mean_absolute_error": lambda t, p, w: sklearn.mean_absolute_error(t, p, sample_weight=w),
    "r2": lambda t, p, w: sklearn.r2_score(t, p, sample_weight=w),
    "pearson": of_repeated(stats.pearsonr),
    "spearman": of_repeated(stats.spearmanr),
}
LABELLED = {
    "macro_f1": lambda t, p, w: sklearn.f1_score(t, p, average="macro", sample_weight=w),
    "micro_f1": lambda t, p, w: sklearn.f1_score(t, p, average="micro", sample_weight=w),
    "f1(mild)": lambda t, p, w: sklearn.f1_score(t[:, 1], p[:, 1], sample_weight=w),
    "accuracy": lambda t, p, w: sklearn.accuracy_score(t, p, sample_weight=w),
}
CASES = [
    *((name, reference, LABELS, PREDICTED) for name, reference in CLASSIFIED.items()),
    *((name, reference, LABELS, PROBABILITIES) for name, reference in PROBABLE.items()),
    *((name, reference, NUMBERS, FORECASTS) for name, reference in NUMERIC.items()),
    *((name, reference, SETS, CHOSEN) for name, reference in LABELLED.items()),
]


@pytest.mark.parametrize(("name", "reference", "labels", "predicted"), CASES)
def test_a_metric_agrees_with_the_library_of_reference_weighted_or_not(name, reference, labels, predicted):
    metric = find_metric(name, CLASSES)
    for weights in (np.ones(NUM, dtype=int), WEIGHTS):
        expected = [reference(labels, of_model, weights) for of_model in predicted]
        assert metric.score(labels, predicted, 3, weights) == pytest.approx(expected, abs=1e-10)
        assert metric.value(labels, predicted[0], 3, weights) == pytest.approx(expected[0], abs=1e-10)
    assert metric.score(labels, predicted, 3) == pytest.approx([reference(labels, p, np.ones(NUM, int)) for p in predicted])


def test_every_registered_metric_is_checked():
    elsewhere = {"ece", "span_f1"}  # in test_metrics and test_span_f1
    assert {name.partition("(")[0] for name, *_ in CASES} | elsewhere == METRICS.keys()


def test_weighted_calibration_error_is_that_of_repeated_examples():
    metric = METRICS["ece"]
    repeated = np.repeat(np.arange(NUM), WEIGHTS)
    expected = metric.value(LABELS[repeated], PROBABILITIES[0, repeated], 3)
    assert metric.value(LABELS, PROBABILITIES[0], 3, WEIGHTS) == pytest.approx(expected)


def two_kinds(name, labels, predicted):
    return TaskPredictions(
        task="t", num_classes=3, class_names=CLASSES, metric=name, example=np.arange(NUM), cluster=np.arange(NUM) // 4,
        labels=labels, baseline=predicted[:1], candidate=predicted[1:],
    )  # fmt: skip


@pytest.mark.parametrize(("name", "reference", "labels", "predicted"), CASES)
def test_the_jackknife_is_what_leaving_each_cluster_out_gives(name, reference, labels, predicted):
    """To first order for metrics of ranks, exactly for the others; a positive difference favours the candidate."""
    task, clusters = two_kinds(name, labels, predicted), np.arange(NUM // 4)
    sign = unit_of(name)[1]

    def difference(rows):
        baseline, candidate = (reference(labels[rows], of_model[rows], np.ones(len(rows), int)) for of_model in predicted)
        return sign * (candidate - baseline)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        left_out = np.array([difference(np.flatnonzero(task.cluster != cluster)) for cluster in clusters])
    whole = difference(np.arange(NUM))
    assert task.differences == pytest.approx([whole])
    moved = influences(task, clusters)[:, 0] / np.sqrt((len(clusters) - 1) / len(clusters))
    is_of_ranks = name.partition("(")[0] in ("roc_auc", "pr_auc", "spearman")
    if not is_of_ranks:
        assert moved == pytest.approx(whole - left_out, abs=1e-10)
    else:
        assert np.corrcoef(moved, whole - left_out)[0, 1] > 0.99
        assert (moved**2).sum() == pytest.approx(((whole - left_out) ** 2).sum(), rel=0.15)


def test_derivatives_of_rank_metrics_are_those_of_weights():
    weights = GENERATOR.uniform(0.5, 2, NUM)
    for name, labels, predicted in (
        ("pr_auc(severe)", LABELS, PROBABILITIES[0]), ("spearman", NUMBERS, FORECASTS[0]), ("pr_auc", LABELS, PROBABILITIES[0]),
    ):  # fmt: skip
        metric = find_metric(name, CLASSES)
        score, slopes = metric.derive(labels, predicted, 3, weights)
        numeric = []
        for i in range(NUM):
            more = weights.copy()
            more[i] += 1e-6
            numeric.append((metric.derive(labels, predicted, 3, more)[0] - score) / 1e-6)
        assert slopes == pytest.approx(numeric, abs=1e-5)
        assert weights @ slopes == pytest.approx(0.0, abs=1e-9)


def test_constant_predictions_have_no_correlation_and_constant_labels_no_score():
    for name in ("pearson", "spearman"):
        metric = METRICS[name]
        assert metric.value(NUMBERS, np.full(NUM, 3.0), 0) == 0.0
        assert np.isnan(metric.value(np.full(NUM, 3.0), NUMBERS, 0))
    assert METRICS["matthews"].value(LABELS, np.zeros(NUM, dtype=int), 3) == 0.0
    assert np.isnan(METRICS["roc_auc"].value(np.zeros(NUM, dtype=int), PROBABILITIES[0], 3))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("f1", r"metric f1 of more than two classes should name one, as f1\(severe\); found none"),
        ("f1(large)", "metric f1 should name a class of the task; found 'large'"),
        ("accuracy(mild)", r"metric should be one of macro_f1, .*; found 'accuracy\(mild\)'"),
        ("bleu", "metric should be one of macro_f1"),
    ],
)
def test_names_that_are_no_metric_are_refused(name, message):
    with pytest.raises(ExperimentError, match=message):
        find_metric(name, CLASSES)


def test_names_in_words():
    assert (label_of("f1(severe)"), label_of("roc_auc"), label_of("other")) == ("F1 of severe", "area under ROC", "other")
    assert unit_of("mean_absolute_error") == (1.0, -1.0)
