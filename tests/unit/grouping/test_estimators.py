import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge as RidgeRegression

from mtlens.errors import EvidenceError
from mtlens.grouping.estimators import (
    CKA,
    COSINE,
    ESTIMATORS,
    FIRST_ORDER,
    LINEARISED,
    TAG,
    HigherOrder,
    Oracle,
    Ridge,
    TaskMeans,
)
from mtlens.grouping.estimators.affinity import first_order_affinity
from mtlens.grouping.estimators.base import error_over_others, mean_over_others
from mtlens.grouping.estimators.measured import pairwise_gains
from mtlens.grouping.measurements import FeatureAffinities, GradientAffinities, Measured
from mtlens.grouping.optimal_family import Candidates, best_family, best_partition
from mtlens.grouping.partitions import all_groups, membership, tasks_of
from tests.support.planted_tasks import FOUND, PLANTED, SINGLES, evidence, measured

NOTHING = GradientAffinities(), FeatureAffinities()
BY_AFFINITY = (TAG, FIRST_ORDER, LINEARISED, COSINE, CKA)


def known_to(estimator, everything):
    return everything.of_groups(estimator.discovery(everything.num_tasks).groups)


def truth(everything):
    return everything.table(all_groups(everything.num_tasks))[0]


def test_discovery_costs_for_four_tasks():
    costs = {estimator.name: estimator.discovery(4) for estimator in ESTIMATORS.values()}
    assert {name: (cost.trainings, cost.passes) for name, cost in costs.items()} == {
        "exhaustive oracle": (15, 0),
        "pairs (HOA)": (10, 0),
        "TAG (look-ahead)": (5, 11),
        "TAG (first order)": (5, 5),
        "Grad-TAE": (5, 5),
        "gradient cosine": (5, 5),
        "CKA": (5, 4),
        "task means": (5, 0),
        "ridge regression": (9, 0),
    }
    assert all(estimator.discovery(1).groups == (1,) for estimator in ESTIMATORS.values())


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=lambda estimator: estimator.name)
def test_what_was_measured_is_not_predicted(estimator):
    everything = measured(PLANTED, noise=0.02)
    known = known_to(estimator, everything)
    found = estimator.fit(known, *evidence(PLANTED)).predict(known.groups)
    expected, errors = everything.table(known.groups)
    np.testing.assert_array_equal(found.scores, expected)
    np.testing.assert_array_equal(found.errors, errors)


@pytest.mark.parametrize("estimator", list(ESTIMATORS.values())[1:], ids=lambda estimator: estimator.name)
def test_every_task_in_every_group_is_predicted_and_no_other(estimator):
    found = estimator.fit(known_to(estimator, measured(PLANTED)), *evidence(PLANTED)).predict(all_groups(5))
    np.testing.assert_array_equal(np.isnan(found.scores), ~membership(all_groups(5), 5))
    np.testing.assert_array_equal(np.isnan(found.errors), ~membership(all_groups(5), 5))


@pytest.mark.parametrize("estimator", [Oracle(), HigherOrder(), *BY_AFFINITY], ids=lambda estimator: estimator.name)
def test_planted_clusters_are_found_and_the_harmful_task_is_left_alone(estimator):
    known = known_to(estimator, measured(PLANTED, noise=0.0005))
    predicted = estimator.fit(known, *evidence(PLANTED)).predict(all_groups(5))
    candidates = Candidates.from_scores(all_groups(5), predicted.scores)
    assert best_partition(candidates).groups == FOUND
    assert best_family(candidates, budget=3).groups == FOUND


def test_ridge_finds_the_planted_clusters_from_all_and_all_but_one():
    everything = measured(PLANTED, noise=0.002, additive=True)
    predicted = Ridge().fit(known_to(Ridge(), everything), *NOTHING).predict(all_groups(5))
    assert best_partition(Candidates.from_scores(all_groups(5), predicted.scores)).groups == FOUND


@pytest.mark.parametrize("estimator", [HigherOrder(), *BY_AFFINITY], ids=lambda estimator: estimator.name)
def test_a_duplicate_joins_its_twin(estimator):
    affinity = np.full((4, 4), -0.02)
    affinity[1, 3] = affinity[3, 1] = 0.03
    known = known_to(estimator, measured(affinity, noise=0.001))
    predicted = estimator.fit(known, *evidence(affinity)).predict(all_groups(4))
    assert 0b1010 in best_partition(Candidates.from_scores(all_groups(4), predicted.scores)).groups


def test_ridge_joins_a_duplicate_to_its_twin():
    affinity = np.full((4, 4), -0.02)
    affinity[1, 3] = affinity[3, 1] = 0.03
    known = known_to(Ridge(), measured(affinity, noise=0.001, additive=True))
    predicted = Ridge().fit(known, *NOTHING).predict(all_groups(4))
    assert 0b1010 in best_partition(Candidates.from_scores(all_groups(4), predicted.scores)).groups


def test_a_shuffled_task_that_gives_nothing_is_left_out_of_a_group_that_does_well():
    affinity = np.full((4, 4), 0.05)
    affinity[3], affinity[:, 3] = 0.0, 0.0
    everything = measured(affinity, num_seeds=20, noise=0.01)
    for estimator in (HigherOrder(), *BY_AFFINITY):
        predicted = estimator.fit(known_to(estimator, everything), *evidence(affinity)).predict(all_groups(4))
        family = best_partition(Candidates.from_scores(all_groups(4), predicted.scores))
        assert 0b0111 in family.groups


def test_pairs_are_exact_where_company_counts_by_its_mean():
    everything = measured(PLANTED, noise=0.0)
    found = HigherOrder().fit(known_to(HigherOrder(), everything), *NOTHING).predict(all_groups(5))
    np.testing.assert_allclose(found.scores, truth(everything))
    assert np.isinf(found.errors[(1 << 5) - 2]).all()  # no larger group says how far pairs carry
    assert np.nanmax(HigherOrder().fit(everything, *NOTHING).model(membership([7], 5))[1][0, :3]) < 1e-12


def test_the_error_of_pairs_is_that_of_the_mean_and_that_of_larger_groups():
    scores = {(group, j): np.array([0.5, 0.5]) for group in (1, 2, 4, 3, 5, 6) for j in tasks_of(group)}
    scores[3, 0] = np.array([0.5, 0.7])  # mean 0.6, standard error 0.1
    scores |= {(7, j): np.full(2, 0.5 + shift) for j, shift in enumerate((0.05, 0.1, 0.1))}
    scores_of_all, errors = HigherOrder().fit(Measured(num_tasks=3, scores=scores), *NOTHING).model(membership([7], 3))
    assert scores_of_all[0] == pytest.approx([0.55, 0.5, 0.5])
    spread = math.sqrt((0.1**2 + 0.1**2) / 3)
    assert errors[0] == pytest.approx([math.hypot(0.1 / 2, spread), spread, spread])


def test_groups_with_an_unknown_pair_are_not_predicted():
    everything = measured(PLANTED)
    known = everything.of_groups(group for group in known_to(HigherOrder(), everything).groups if group != 0b11)
    found = HigherOrder().fit(known, *NOTHING).predict([0b111, 0b1100, 0b10111])
    np.testing.assert_array_equal(np.isnan(found.scores[0]), [True, True, False, True, True])
    assert np.isfinite(found.scores[1, 2:4]).all()
    np.testing.assert_array_equal(np.isfinite(found.scores[2]), [False, False, True, False, True])


def test_the_oracle_knows_what_was_measured_and_no_more():
    known = measured(PLANTED).of_groups([3, 5])
    found = Oracle().fit(known, *NOTHING).predict([3, 7])
    np.testing.assert_array_equal(found.scores[0], known.table([3])[0][0])
    assert np.isnan(found.scores[1]).all()


def test_task_means_predict_the_mean_gain():
    everything = measured(PLANTED, noise=0.02)
    known = everything.of_groups([1, 2, 4, 8, 16, 0b11, 0b111, 0b11111])
    found = TaskMeans().fit(known, *NOTHING).predict([0b101, 0b11000])
    gains = [everything.table([group])[0][0, 0] - known.singles[0] for group in (0b11, 0b111, 0b11111)]
    assert found.scores[0, 0] == pytest.approx(known.singles[0] + np.mean(gains))
    assert found.errors[0, 0] == pytest.approx(np.std(gains, ddof=1))
    assert found.errors[1, 3] == np.inf  # one gain has no spread


def test_ridge_agrees_with_scikit_learn():
    everything = measured(PLANTED, noise=0.02, additive=True)
    known = known_to(Ridge(), everything)
    predicted = Ridge().fit(known, *NOTHING).predict(all_groups(5)).scores
    member = membership(all_groups(5), 5).astype(float)
    candidates = []
    for penalty in np.logspace(-2, 3, 11):
        squares, gains = 0.0, np.full_like(predicted, np.nan)
        for task in range(5):
            rows = [group - 1 for group in known.groups if group >> task & 1 and group.bit_count() > 1]
            y = truth(everything)[rows, task] - known.singles[task]
            gains[:, task] = RidgeRegression(alpha=penalty, fit_intercept=False).fit(member[rows], y).predict(member)
            for left_out in range(len(rows)):
                kept = np.delete(rows, left_out)
                model = RidgeRegression(alpha=penalty, fit_intercept=False).fit(member[kept], np.delete(y, left_out))
                squares += float((y[left_out] - model.predict(member[rows[left_out], None])[0]) ** 2)
        candidates.append((squares, gains))
    gains = min(candidates, key=lambda candidate: candidate[0])[1]
    unmeasured = [group - 1 for group in all_groups(5) if group not in known.groups]
    expected = np.where(member, known.singles + gains, np.nan)[unmeasured]
    np.testing.assert_allclose(predicted[unmeasured], expected)


def test_ridge_knows_less_of_groups_unlike_those_it_saw():
    known = known_to(Ridge(), measured(PLANTED, noise=0.02, additive=True))
    errors = Ridge().fit(known, *NOTHING).model(membership([0b11111, 0b01111, 0b00011], 5))[1][:, 0]
    assert errors[2] > errors[1] > 0
    fewer = known.of_groups(group for group in known.groups if group != 0b11110)
    assert Ridge().fit(fewer, *NOTHING).model(membership([0b00110], 5))[1].shape == (1, 5)


def test_pairwise_gains_are_relative_and_paired_by_seed():
    scores = {
        (1, 0): np.array([0.4, 0.6]),
        (2, 1): np.array([0.8, 0.8]),
        (3, 0): np.array([0.5, 0.8]),
        (3, 1): np.array([0.8, np.nan]),
    }
    scores |= {(4, 2): np.zeros(2), (5, 0): np.array([0.5, np.nan]), (5, 2): np.ones(2)}
    found = pairwise_gains(Measured(num_tasks=3, scores=scores))
    np.testing.assert_allclose(found.values, [[np.nan, 0.0, np.nan], [0.3, np.nan, np.nan], [0.2, np.nan, np.nan]], atol=1e-12)
    assert found.errors[1, 0] == pytest.approx(np.std([0.1, 0.2], ddof=1) / math.sqrt(2) / 0.5)
    assert found.errors[0, 1] == np.inf


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_affinities_get_the_mean_and_the_spread_of_the_measured_gains(scale):
    everything = measured(PLANTED, noise=0.02)
    affinity = scale * np.random.default_rng(1).normal(size=(5, 5)) + 7
    known = everything.of_groups([1, 2, 4, 8, 16, 0b11, 0b1100, 0b11111])
    scores = COSINE.fit(known, *evidence(affinity)).model(membership(known.groups, 5))[0]
    places, gains = known.gains()
    predicted = (scores - known.singles)[tuple(places.T)]
    assert (predicted.mean(), predicted.std()) == pytest.approx((gains.mean(), gains.std()))
    # the order is that of the affinities
    given = mean_over_others(membership(known.groups, 5), affinity)[tuple(places.T)]
    assert np.corrcoef(given, predicted)[0, 1] == pytest.approx(1)


def test_affinities_that_agree_with_the_gains_are_certain_and_others_are_not():
    everything = measured(PLANTED)
    errors = {
        sign: TAG.fit(everything, *evidence(sign * PLANTED, error=0.0)).model(membership([7], 5))[1][0, 0] for sign in (1, -1)
    }
    gains = everything.gains()[1]
    assert errors[1] == pytest.approx(0, abs=1e-12)
    # a method with the opposite order errs by twice each gain's distance from the mean
    beyond = (mean_over_others(membership([7], 5), PLANTED)[0, 0] - gains.mean()) / gains.std()
    spread = 2 * gains.std() * math.sqrt(len(gains) / (len(gains) - 2))
    assert errors[-1] == pytest.approx(spread * math.sqrt(1 + (1 + beyond**2) / len(gains)))


def test_errors_of_affinities_reach_the_prediction():
    everything = measured(PLANTED)
    errors = TAG.fit(everything, *evidence(PLANTED, error=0.01)).model(membership([3, 7], 5))[1]
    assert errors[0, 0] == pytest.approx(0.01)  # the slope is 1
    assert errors[1, 0] == pytest.approx(0.01 / math.sqrt(2))


def test_an_affinity_that_is_not_identifiable_leaves_its_groups_unpredicted():
    affinity = PLANTED.copy()
    affinity[0, 1] = np.nan
    found = TAG.fit(measured(PLANTED).of_groups([1, 2, 4, 8, 16, 0b1100]), *evidence(affinity)).predict([3, 7])
    np.testing.assert_array_equal(np.isnan(found.scores), [[False, True, True, True, True], [False, True, False, True, True]])


def test_equal_affinities_predict_the_mean_gain_everywhere():
    everything = measured(PLANTED)
    found = CKA.fit(known_to(CKA, everything), *evidence(np.ones((5, 5)))).predict([3])
    gains = known_to(CKA, everything).gains()[1]
    np.testing.assert_allclose(found.scores[0, :2], SINGLES[:2] + gains.mean())


@given(st.integers(1, 6), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_means_over_others_agree_with_a_loop(num_tasks, seed):
    generator = np.random.default_rng(seed)
    matrix = np.where(generator.random((num_tasks, num_tasks)) < 0.1, np.nan, generator.normal(size=(num_tasks, num_tasks)))
    member = membership(all_groups(num_tasks), num_tasks)
    means, errors = mean_over_others(member, matrix), error_over_others(member, np.abs(matrix))
    for group in all_groups(num_tasks):
        for j in range(num_tasks):
            others = [matrix[i, j] for i in tasks_of(group) if i != j]
            if j not in tasks_of(group) or not others or np.isnan(others).any():
                assert np.isnan(means[group - 1, j])
                assert errors[group - 1, j] == np.inf
            else:
                assert means[group - 1, j] == pytest.approx(np.mean(others))
                assert errors[group - 1, j] == pytest.approx(np.linalg.norm(others) / len(others))


def test_first_order_affinity_is_the_limit_of_the_look_ahead():
    generator = np.random.default_rng(0)
    target, theta, rate = generator.normal(size=(3, 8)), generator.normal(size=8), 1e-7

    def losses(theta):
        return ((theta - target) ** 2).sum(axis=1) / 2

    gradients = theta - target
    lookahead = [[(1 - losses(theta - rate * g)[j] / losses(theta)[j]) / rate for j in range(3)] for g in gradients]
    np.testing.assert_allclose(first_order_affinity(gradients @ gradients.T, losses(theta)), lookahead, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TAG.fit(measured(PLANTED), *NOTHING), "the affinities of 5 tasks; found none"),
        (lambda: TAG.fit(measured(PLANTED), *evidence(np.eye(3))), "of 5 tasks; found those of 3"),
        (lambda: TAG.fit(measured(PLANTED).of_groups([1, 2, 4, 8, 16]), *evidence(PLANTED)), "group of two or more"),
        (lambda: Ridge().fit(measured(PLANTED).of_groups([1, 2, 4, 8, 16]), *NOTHING), "found singletons only"),
        (lambda: TaskMeans().fit(measured(PLANTED).of_groups([3]), *NOTHING), "its own model; found none for 0"),
        (lambda: first_order_affinity(np.eye(2), np.array([1.0, 0.0])), r"positive losses; found \(2, 2\)"),
        (lambda: first_order_affinity(np.eye(3), np.ones(2)), r"\[T, T\] for T positive losses; found \(3, 3\)"),
    ],
)
def test_estimators_without_what_they_need_say_so(call, message):
    with pytest.raises(EvidenceError, match=message):
        call()
