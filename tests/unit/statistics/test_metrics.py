import warnings
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from mtlens.statistics.metrics.accuracy import Accuracy
from mtlens.statistics.metrics.calibration_error import expected_calibration_error
from mtlens.statistics.metrics.confusion import confusion, f1_per_class
from mtlens.statistics.metrics.macro_f1 import MacroF1, macro_f1
from mtlens.statistics.multiple_testing import holm

CLASSES = 4
PAIRS = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=40)


@given(PAIRS)
@settings(deadline=None)
def test_metrics_agree_with_scikit_learn(pairs):
    labels, predicted = np.array(pairs, dtype=np.int16).T
    matrix = confusion(labels, predicted, CLASSES)
    assert (matrix == confusion_matrix(labels, predicted, labels=range(CLASSES))).all()
    assert Accuracy().score(labels, predicted[None], CLASSES) == pytest.approx(accuracy_score(labels, predicted))
    assert MacroF1().score(labels, predicted[None], CLASSES)[0] == macro_f1(matrix)
    occurring = np.union1d(labels, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns where precision or recall alone is undefined
        assert macro_f1(matrix) == pytest.approx(f1_score(labels, predicted, average="macro"))
        per_class = f1_score(labels, predicted, average=None, labels=occurring)
    assert f1_per_class(matrix)[occurring] == pytest.approx(per_class)
    assert np.isnan(np.delete(f1_per_class(matrix), occurring)).all()


def test_a_stack_of_confusion_matrices_is_scored_like_each_alone():
    stack = np.random.default_rng(0).integers(0, 5, size=(2, 3, CLASSES, CLASSES))
    for metric in (f1_per_class, macro_f1):
        values = metric(stack)
        for index in np.ndindex(2, 3):
            np.testing.assert_array_equal(values[index], metric(stack[index]))


@pytest.mark.parametrize("metric", [MacroF1(), Accuracy()])
def test_weighted_sums_of_statistics_give_the_score_of_repeated_examples(metric):
    generator = np.random.default_rng(1)
    labels, predicted = generator.integers(0, CLASSES, 50), generator.integers(0, CLASSES, (3, 50))
    weights = generator.integers(0, 4, (2, 50))
    scores = metric.scores((metric.statistics(labels, predicted, CLASSES) @ weights.T).T, CLASSES)
    for r, weight in enumerate(weights):
        repeated = np.repeat(np.arange(50), weight)
        np.testing.assert_array_equal(scores[r], metric.score(labels[repeated], predicted[:, repeated], CLASSES))


@pytest.mark.parametrize(("metric", "exact"), [(Accuracy(), 1 / 4), (MacroF1(), None)])
def test_scores_by_chance_are_those_of_permuted_labels(metric, exact):
    generator = np.random.default_rng(2)
    labels, predicted = np.arange(200) % 4, generator.integers(0, 4, (3, 200))
    mean, spread = metric.by_chance(labels, predicted, 4)
    permuted = [metric.score(generator.permutation(labels), predicted, 4).mean() for _ in range(500)]
    assert mean == pytest.approx(np.mean(permuted), abs=5 * spread / np.sqrt(200))
    assert spread == pytest.approx(np.std(permuted), rel=0.25)
    assert exact is None or mean == pytest.approx(exact, abs=5 * spread / np.sqrt(200))


def test_nothing_to_score_is_nan():
    empty = np.zeros((CLASSES, CLASSES), dtype=int)
    assert np.isnan(macro_f1(empty))
    nothing = np.empty(0, dtype=int)
    for metric in (MacroF1(), Accuracy()):
        assert np.isnan(metric.score(nothing, nothing[None], CLASSES)).all()


def test_class_numbers_beyond_the_square_root_of_int16_do_not_overflow():
    labels = np.array([999, 0], dtype=np.int16)
    assert confusion(labels, labels, 1000)[999, 999] == 1


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = np.array([[0.8, 0.2]] * 10)
    labels = np.array([0] * 6 + [1] * 4)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(0.2)
    labels = np.array([0] * 8 + [1] * 2)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(0.0)


def test_calibration_gaps_of_different_bins_do_not_cancel():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]])
    labels = np.array([1, 0])  # overconfident by 0.9 in one bin, underconfident by 0.4 in the other
    assert expected_calibration_error(labels, probabilities) == pytest.approx((0.9 + 0.4) / 2)
    assert expected_calibration_error(labels, probabilities, num_bins=1) == pytest.approx((0.9 - 0.4) / 2)


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 20))
@settings(max_examples=50, deadline=None)
def test_calibration_error_agrees_with_a_loop_over_bins(seed, num_classes, num_bins):
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(num_classes), size=60)
    labels = generator.integers(num_classes, size=60)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    expected = 0.0
    for low in range(num_bins):
        inside = (confidence > low / num_bins) & (confidence <= (low + 1) / num_bins)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(labels, probabilities, num_bins) == pytest.approx(expected)


def test_holm_rejects_step_by_step():
    # at 5 %: 0.005 < 0.05/4 and 0.01 < 0.05/3 are rejected; 0.03 > 0.05/2 stops, so 0.04 is kept although 0.04 < 0.05/1
    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx((0.03, 0.06, 0.06, 0.02))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
@settings(deadline=None)
def test_adjusted_p_below_alpha_is_exactly_holms_rejection(p_values, alpha):
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    rejected = set()
    for step, index in enumerate(order):
        if p_values[index] * (len(p_values) - step) >= alpha:
            break
        rejected.add(index)
    adjusted = holm(p_values)
    assert {i for i, p in enumerate(adjusted) if p < alpha} == rejected
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


@pytest.mark.parametrize(
    ("labels", "predicted"),
    [
        ((0, 0, 1, 2, 2, 2), [(0, 2, 1, 2, 0, 1), (0, 0, 2, 2, 0, 1)]),
        ((0, 1, 1, 1, 1, 0), [(0, 0, 0, 1, 1, 1), (0, 1, 0, 1, 1, 1)]),
    ],
)
def test_macro_f1_by_chance_has_the_moments_of_all_orders(labels, predicted):
    scores = [
        np.mean([f1_score(order, own, average="macro", zero_division=np.nan) for own in predicted])
        for order in permutations(labels)
    ]
    assert MacroF1().by_chance(np.array(labels), np.array(predicted), 4) == pytest.approx((np.mean(scores), np.std(scores)))


def test_a_constant_prediction_knows_nothing():
    labels, constant = np.array([0, 0, 0, 1]), np.zeros((1, 4), dtype=np.int64)
    score = macro_f1(confusion(labels, constant[0], 2))
    assert MacroF1().by_chance(labels, constant, 2) == (pytest.approx(score), pytest.approx(0.0))
