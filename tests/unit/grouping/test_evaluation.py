import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mtlens.errors import DataError, EvidenceError
from mtlens.grouping.estimators import CKA, ESTIMATORS, HigherOrder, Oracle, TaskMeans
from mtlens.grouping.evaluation import judge, rank_correlation
from mtlens.grouping.measurements import FeatureAffinities, GradientAffinities, Measured
from mtlens.grouping.optimal_family import Candidates, best_family
from mtlens.grouping.partitions import all_groups, growth_strings, partition_of
from tests.support.planted_tasks import PLANTED, SINGLES, evidence, measured

BUDGETS = (1.0, 2.0, 3.0, 5.0)
BASELINES = ["task means", "all in one", "all single", "random partition"]


def rows(judgement):
    return {row.method: row for row in judgement.rows}


@pytest.fixture(scope="module")
def planted():
    return judge(measured(PLANTED, num_seeds=4, noise=0.0005), *evidence(PLANTED), budgets=BUDGETS)


def test_the_table_holds_the_oracle_every_method_and_every_baseline(planted):
    methods = [estimator.name for estimator in ESTIMATORS.values() if estimator not in (Oracle(), TaskMeans())]
    assert [row.method for row in planted.rows] == ["exhaustive oracle", *methods, *BASELINES]
    assert planted.budgets == BUDGETS
    assert all(len(row.regret) == len(row.permuted_regret) == 4 and len(row.rank_correlation) == 5 for row in planted.rows)
    assert [rows(planted)[name].trainings for name in ("exhaustive oracle", "pairs (HOA)", "CKA", "all in one")] == [
        31,
        15,
        6,
        0,
    ]
    assert rows(planted)["TAG (look-ahead)"].passes == 13


def test_methods_that_know_the_affinities_have_no_regret_and_their_permutations_do(planted):
    for name in ("exhaustive oracle", "pairs (HOA)", "gradient cosine"):
        row = rows(planted)[name]
        assert row.regret == pytest.approx((0, 0, 0, 0), abs=1e-3)
        assert row.permuted_regret[2] > 0.01
        assert min(row.rank_correlation[:4]) > 0.9  # task 4 gains the same in every group


def test_task_means_rank_no_group_above_another_although_they_do_well_when_pooled():
    profits = np.zeros((5, 5)) + np.array([0.2, 0.1, 0.0, -0.1, -0.2])  # which task profits matters more than from whom
    found = rows(judge(measured(profits + PLANTED, noise=0.01), *evidence(PLANTED), budgets=(3,)))["task means"]
    assert found.rank_correlation == (0, 0, 0, 0, 0)
    assert found.pooled_correlation > 0.6


def test_without_noise_scores_and_regrets_are_those_of_brute_force():
    everything = measured(PLANTED, num_seeds=2)
    truth = everything.table(all_groups(5))[0]
    costs = {group: 1.0 if group.bit_count() > 1 else 0.5 for group in all_groups(5)}
    judgement = judge(everything, *evidence(PLANTED), budgets=BUDGETS, estimators=[], cost=costs.__getitem__)
    best = [best_family(Candidates.from_scores(all_groups(5), truth, costs.__getitem__), budget=budget) for budget in BUDGETS]
    assert judgement.oracle_scores == pytest.approx([-family.total / 5 for family in best])
    assert rows(judgement)["exhaustive oracle"].rank_correlation[:4] == pytest.approx([1] * 4)
    assert math.isnan(rows(judgement)["exhaustive oracle"].rank_correlation[4])  # it gains the same in every group

    partitions = [partition_of(string) for string in growth_strings(5)]
    scores = [sum(np.nansum(truth[group - 1]) for group in partition) / 5 for partition in partitions]
    for place, budget in enumerate(BUDGETS):
        affordable = [
            score
            for score, partition in zip(scores, partitions, strict=True)
            if sum(costs[group] for group in partition) <= budget
        ]
        regret = {name: judgement.oracle_scores[place] - rows(judgement)[name].regret[place] for name in BASELINES[1:]}
        assert regret["random partition"] == pytest.approx(np.mean(affordable))
        assert regret["all in one"] == pytest.approx(scores[0])
        assert regret["all single"] == pytest.approx(SINGLES[:5].mean()) or (budget < 2.5 and math.isnan(regret["all single"]))


def test_baselines_predict_nothing(planted):
    for name in BASELINES[1:]:
        row = rows(planted)[name]
        assert np.isnan([*row.rank_correlation, *row.permuted_regret, row.pooled_correlation]).all()


def test_the_oracle_does_not_profit_from_luck():
    # all groups are equally good, and all differences are noise: chosen and scored on the same seeds they would look good
    everything = measured(np.zeros((4, 4)), num_seeds=4, noise=0.1)
    judgement = judge(everything, *evidence(np.zeros((4, 4))), budgets=(4,), estimators=[])
    lucky = best_family(Candidates.from_scores(all_groups(4), everything.table(all_groups(4))[0]), budget=4)
    assert -lucky.total / 4 - SINGLES[:4].mean() > 0.05
    assert abs(judgement.oracle_scores[0] - SINGLES[:4].mean()) < 0.05
    assert all(abs(correlation) < 0.7 for correlation in rows(judgement)["exhaustive oracle"].rank_correlation)


def test_methods_see_one_half_of_the_seeds_and_only_what_they_pay_for():
    seen = []

    class Spy(HigherOrder):
        def fit(self, measured, gradients, features):
            seen.append(measured)
            return HigherOrder().fit(measured, gradients, features)

    judge(
        measured(PLANTED, num_seeds=5, noise=0.01),
        GradientAffinities(),
        FeatureAffinities(),
        budgets=(2,),
        estimators=[Spy(name="spy")],
    )
    assert {known.num_seeds for known in seen} == {2, 3}
    assert {known.groups for known in seen} == {HigherOrder().discovery(5).groups}


def test_the_same_seed_gives_the_same_table():
    everything = measured(PLANTED, num_seeds=3, noise=0.02)
    first, second, other = (
        judge(everything, *evidence(PLANTED), budgets=(2, 3), estimators=[CKA], seed=seed) for seed in (0, 0, 1)
    )
    assert rows(first)["CKA"] == rows(second)["CKA"]
    assert rows(first)["CKA"].permuted_regret != rows(other)["CKA"].permuted_regret


def test_the_permuted_control_keeps_what_tasks_score_alone():
    # only the first two tasks profit from one another, and alone all score differently
    affinity = np.full((3, 3), -0.1)
    affinity[0, 1] = affinity[1, 0] = 0.1
    found = rows(judge(measured(affinity, num_seeds=2), *evidence(affinity), budgets=(3,), estimators=[HigherOrder()]))
    # where the permutation moves the pair it takes one twin and the outsider together, and each loses 0.1 instead of gaining
    possible = [0.0, (0.1 + 0.2 + 0.1) / 3]
    assert any(found["pairs (HOA)"].permuted_regret[0] == pytest.approx(share * possible[1]) for share in (0, 0.5, 1))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12))
@settings(deadline=None)
def test_rank_correlation_is_spearmans(pairs):
    first, second = np.array(pairs, dtype=float).T
    found = rank_correlation(first, second)
    if len(set(second)) == 1:
        assert math.isnan(found)
    elif len(set(first)) == 1:
        assert found == 0
    else:
        assert found == pytest.approx(stats.spearmanr(first, second).statistic)
        assert rank_correlation(first + 1e-15 * np.arange(len(first)), second) == found


def test_one_group_of_two_has_nothing_to_rank():
    found = judge(
        measured(np.zeros((2, 2)), num_seeds=2, noise=0.1),
        GradientAffinities(),
        FeatureAffinities(),
        budgets=(1,),
        estimators=[],
    )
    assert np.isnan(rows(found)["exhaustive oracle"].rank_correlation).all()


def test_experiments_that_were_not_searched_exhaustively_are_not_judged():
    everything = measured(PLANTED)
    with pytest.raises(DataError, match="found no score of task 0 in group 0b111"):
        judge(everything.of_groups(set(all_groups(5)) - {7}), *evidence(PLANTED), budgets=(2,))
    scores = dict(everything.scores)
    scores[3, 1] = np.array([0.5, np.nan, 0.5])
    with pytest.raises(DataError, match="under every seed; found no score of task 1 in group 0b11"):
        judge(Measured(num_tasks=5, scores=scores), *evidence(PLANTED), budgets=(2,))
    with pytest.raises(DataError, match="there should be two at least; found one"):
        judge(everything.of_seeds([0]), *evidence(PLANTED), budgets=(2,))
    with pytest.raises(EvidenceError, match=r"TAG \(look-ahead\) should be given the affinities of 5 tasks; found none"):
        judge(everything, GradientAffinities(), FeatureAffinities(), budgets=(2,))
    with pytest.raises(DataError, match=r"should pay for a family with every task; found none for 0\.5"):
        judge(everything, *evidence(PLANTED), budgets=(0.5,))
