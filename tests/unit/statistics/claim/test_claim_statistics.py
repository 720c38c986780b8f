"""Statistics of the claim against SciPy, scikit-learn, other estimators, and relations that were planted."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from mtlens.statistics.claim import noise
from mtlens.statistics.claim.intervals import FISHER, PLAIN, auc_variance, half_width, interval
from mtlens.statistics.claim.points import Point, Points
from mtlens.statistics.claim.predictor import predictor
from mtlens.statistics.claim.ranks import midranks, roc_auc, spearman
from mtlens.statistics.claim.verdict import judge_claim


def random(*shape: int, seed: int = 0, steps: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=shape)
    return np.round(values * steps) if steps else values


def pairs(
    num_tasks: int,
    slope: float,
    seed: int,
    *,
    experiment: str = "one",
    noises: tuple[float, float] = (0.0, 0.0),
    shift: float = 0,
) -> list[Point]:
    """Every pair of tasks: evidence, and gains that depend on it; both measured with noise of known size. shift: of both."""
    rng = np.random.default_rng(seed)
    found = []
    for a, b in combinations([f"t{i}" for i in range(num_tasks)], 2):
        evidence = rng.normal()
        measured = evidence + noises[0] * rng.normal() + shift
        for task in (a, b):
            gain = slope * evidence + noises[1] * rng.normal() + shift
            verdict = "better" if gain > shift else "worse"
            found.append(Point(experiment, experiment, (a, b), task, gain, noises[1], measured, noises[0], verdict))
    return found


@pytest.mark.parametrize("steps", [0, 2], ids=["continuous", "tied"])
def test_rank_correlation_and_area_are_those_of_scipy_and_scikit_learn(steps: int) -> None:
    x, y = random(1, 40, seed=1, steps=steps), random(1, 40, seed=2, steps=steps)
    kept = (y[0] > 0).astype(float)
    ones = np.ones((1, 40))
    assert midranks(x, ones)[0] + 0.5 == pytest.approx(stats.rankdata(x[0]))
    assert spearman(x, y, ones)[0] == pytest.approx(stats.spearmanr(x[0], y[0]).statistic)
    assert roc_auc(x, kept, ones)[0] == pytest.approx(roc_auc_score(kept, x[0]))


def test_whole_weights_are_copies_and_weight_0_is_absence() -> None:
    x, y = random(1, 25, seed=3, steps=3), random(1, 25, seed=4)
    kept = np.where(y[0] > 0.5, 1.0, np.where(y[0] < 0, 0.0, np.nan))
    weights = np.random.default_rng(5).integers(0, 4, size=(1, 25)).astype(float)
    copies = np.repeat(np.arange(25), weights[0].astype(int))
    assert spearman(x, y, weights)[0] == pytest.approx(stats.spearmanr(x[0, copies], y[0, copies]).statistic)
    counted = copies[np.isfinite(kept[copies])]
    assert roc_auc(x, kept, weights)[0] == pytest.approx(roc_auc_score(kept[counted], x[0, counted]))


def test_what_does_not_vary_has_no_correlation_and_one_class_no_area() -> None:
    x, ones = np.full((1, 6), 0.1) * 3, np.ones((1, 6))
    assert math.isnan(spearman(x, random(1, 6), ones)[0])
    assert math.isnan(roc_auc(x, np.ones(6), ones)[0])


def test_a_slope_with_errors_in_both_is_the_planted_one_and_that_of_orthogonal_regression() -> None:
    rng, n = np.random.default_rng(6), 4000
    truth = rng.normal(size=n)
    x, y = truth + 0.7 * rng.normal(size=n), 2 * truth + 0.7 * rng.normal(size=n)
    errors, ones = np.full(n, 0.7), np.ones((1, n))
    found = noise.slope(x[None], y[None], errors, ones, 1)[0]
    plain = stats.linregress(x, y).slope
    (s_xx, s_xy), (_, s_yy) = np.cov(x, y)
    orthogonal = (s_yy - s_xx + math.hypot(s_yy - s_xx, 2 * s_xy)) / (2 * s_xy)  # Deming regression with equal errors
    assert (found, orthogonal) == pytest.approx((2, 2), abs=0.1)
    assert plain < 1.5
    assert noise.slope(x[None], y[None], np.zeros(n), ones, 1)[0] == pytest.approx(plain)
    assert math.isnan(noise.slope(x[None], y[None], np.full(n, 1.3), ones, 1)[0])


def test_a_rank_correlation_without_noise_is_recovered_and_the_ceiling_is_that_of_repeated_measurement() -> None:
    rng, n = np.random.default_rng(7), 20_000
    x = rng.normal(size=n)
    y = 0.6 * x + 0.8 * rng.normal(size=n)
    noisy_x, noisy_y = x + 0.8 * rng.normal(size=n), y + 1.2 * rng.normal(size=n)
    ones = np.ones((1, n))
    reliabilities = [
        float(noise.reliability(values[None], np.full(n, error), ones, 1)[0])
        for values, error in ((noisy_x, 0.8), (noisy_y, 1.2))
    ]
    assert reliabilities == pytest.approx([1 / 1.64, 1 / 2.44], abs=0.02)
    measured = float(stats.spearmanr(noisy_x, noisy_y).statistic)
    assert noise.disattenuated(measured, *reliabilities) == pytest.approx(stats.spearmanr(x, y).statistic, abs=0.03)
    assert noise.ceiling(reliabilities[1]) == pytest.approx(stats.spearmanr(y, noisy_y).statistic, abs=0.02)
    assert noise.relative(noise.ceiling(0.5), noise.ceiling(0.5)) == pytest.approx(1)


def test_weights_of_points_follow_those_of_their_tasks() -> None:
    found = [
        Point("e", "d", ("a", "b", "c"), "a", 0.1, 0, 1, 0, "matches"),
        Point("e", "d", ("a", "b"), "b", 0.2, 0, 2, 0, "worse"),
    ]
    points = Points.of(found)
    assert points.weighted(np.array([[2.0, 3.0, 5.0]])).tolist() == [[3 * 2, 2 * (3 + 5) / 2]]
    assert points.without_each_task.tolist() == [[0, 0], [0, 0.5], [1, 0.5]]


def test_points_of_shared_runs_count_once_and_tasks_that_were_not_learnt_do_not() -> None:
    one = pairs(4, 1, 8)
    copies = [point._replace(experiment_id="two") for point in one[:4]]
    failed = [one[0]._replace(gain=9.0, verdict="not learnt")]
    points = Points.of([*copies, *one, *failed])
    assert (len(points.gains), points.num_experiments, points.num_tasks, points.groups) == (12, 1, 4, 6)


def test_the_jackknife_is_that_of_the_mean() -> None:
    values = random(9, seed=9)
    left_out = (values.sum() - values) / 8
    error = values.std(ddof=1) / 3
    assert half_width(left_out, 0.0) == pytest.approx(stats.t.ppf(0.975, 8) * error)
    low, high = interval(values.mean(), [left_out], PLAIN)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 8, values.mean(), error))


def test_a_perfect_relation_has_an_interval_too() -> None:
    low, high = interval(1.0, [np.ones(5)], FISHER, 0.1)
    assert low is not None
    assert high is not None
    assert low < 0.995 < high < 1
    assert 0 < auc_variance(1.0, 5, 5) < math.inf


def test_within_ignores_differences_between_experiments_and_across_sees_nothing_else() -> None:
    found = [
        point
        for place, name in enumerate("abcdef")
        for point in pairs(5, 0.0, 20 + place, experiment=name, noises=(0.1, 0.1), shift=10.0 * place)
    ]
    within, across = predictor(found, "within"), predictor(found, "across")
    assert within.low is not None
    assert within.high is not None
    assert within.low < 0 < within.high
    assert across.rank_correlation is not None
    assert across.rank_correlation > 0.9
    assert (across.experiments, across.groups, across.tasks, across.points) == (6, 60, 30, 120)


@pytest.mark.parametrize(
    ("found", "scope", "reason"),
    [
        (pairs(2, 1, 0), "within", "3 tasks at least; found 2"),
        ([*pairs(3, 1, 0)][:4], "within", "5 points at least; found 4"),
        (pairs(6, 1, 0), "across", "3 experiments at least; found 1"),
        ([], "within", "3 tasks at least; found 0"),
    ],
)
def test_too_little_is_said_and_undecided(found: list[Point], scope, reason: str) -> None:
    judged = predictor(found, scope)
    assert (judged.rank_correlation, judged.slope, judged.auc, judged.reason) == (None, None, None, reason)
    claim = judge_claim(judged, "tag", "rank_correlation", 0.3)
    assert (claim.verdict, claim.value) == ("undecided", None)
    assert reason in claim.statement


def test_claims_are_supported_not_supported_and_undecided() -> None:
    strong, none = (
        predictor(pairs(12, 1, 1, noises=(0.1, 0.1)), "within"),
        predictor(pairs(12, 0, 2, noises=(0.1, 1)), "within"),
    )
    assert judge_claim(strong, "tag", "rank_correlation", 0.5).verdict == "supported"
    assert judge_claim(strong, "tag", "auc", 0.7).verdict == "supported"
    assert judge_claim(none, "tag", "auc", 0.8).verdict == "not supported"
    assert judge_claim(none, "tag", "rank_correlation", 0.05).verdict == "undecided"


def test_noise_that_could_hide_a_relation_is_no_evidence_against_it() -> None:
    quiet = predictor([point._replace(gain_error=0.01) for point in pairs(12, 0, 3, noises=(0, 1))], "within")
    noisy = predictor(pairs(12, 0, 3, noises=(0, 1)), "within")
    assert quiet.high == noisy.high
    assert quiet.high is not None
    assert quiet.high < 0.6
    assert judge_claim(quiet, "tag", "rank_correlation", 0.6).verdict == "not supported"
    judged = judge_claim(noisy, "tag", "rank_correlation", 0.6)
    assert judged.verdict == "undecided"
    assert "noise in the gains could hide it" in judged.statement
