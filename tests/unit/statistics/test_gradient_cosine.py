"""Statements about cosines over seeds, and about all layers of a pair."""

import numpy as np
import pytest
from scipy import stats

from mtlens.statistics.gradient_cosine import SeedCosine, judge_directions, judge_layers, rate_interval


def judge(cosines, threshold=0.2, error=None):
    """One pair of two tasks."""
    (found,) = judge_directions([[SeedCosine(cosine=cosine, error=error) for cosine in cosines]], threshold, 2)
    return found


@pytest.mark.parametrize(
    ("cosines", "statement"),
    [
        ([0.5, 0.52, 0.48], "aligned"),
        ([-0.5, -0.52, -0.48], "opposed"),
        ([0.01, -0.02, 0.0], "unrelated"),
        ([0.1, 0.11, 0.1], "unrelated"),  # surely above 0, but small
        ([0.9, 0.1, 0.5], "inconclusive"),
        ([None, None, None], "not identifiable"),
        ([float("nan")], "inconclusive"),  # one seed decides nothing, not even that
        ([0.5, 0.5, None], "inconclusive"),
    ],
)
def test_statements(cosines, statement):
    assert judge(cosines).statement == statement


def test_the_interval_is_that_of_students_t():
    found = judge([0.1, 0.2, 0.6])
    half = 4.302652730 * np.std([0.1, 0.2, 0.6], ddof=1) / np.sqrt(3)
    assert (found.low, found.high) == (pytest.approx(0.3 - half), pytest.approx(0.3 + half))


def test_a_rate_has_the_interval_of_students_t_over_seeds():
    low, high = rate_interval([(rate, 10**6) for rate in (0.6, 0.7, 0.65, 0.5)])
    expected = stats.ttest_1samp([0.6, 0.7, 0.65, 0.5], 0).confidence_interval(0.95)
    assert (low, high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert rate_interval([(0.1, 8), (0.9, 8), (None, 8)]) == (None, None)
    assert rate_interval([(0.0, 8), (0.9, 8), (1.0, 8)]) == (0.0, 1.0)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.8])
def test_intervals_of_rates_hold_the_true_rate(rate):
    """Also where few microbatches give the same rate under each seed by chance."""
    drawn = np.random.default_rng(0).binomial(8, rate, size=(2000, 3)) / 8
    hits = [low <= rate <= high for low, high in (rate_interval([(float(x), 8) for x in seeds]) for seeds in drawn)]
    assert np.mean(hits) >= 0.95


@pytest.mark.parametrize("cosines", [[0.5, None, 0.4], [0.5, 0.4], [0.5, None, None, None]])
def test_fewer_than_three_identifiable_seeds_say_nothing(cosines):
    found = judge(cosines)
    known = sum(cosine is not None for cosine in cosines)
    assert (found.cosine, found.low, found.high, found.seeds) == (None, None, None, known)
    assert f"{known} of {len(cosines)}" in found.reason
    assert judge_layers(found, [(1, found)]).statement == "inconclusive"


def test_noise_within_the_seeds_is_the_least_that_there_is_between_them():
    lucky, same = judge([0.5, 0.5, 0.5], error=0.3), judge([0.5, 0.5, 0.5])
    assert same.low == same.high == 0.5
    assert lucky.high - lucky.low == pytest.approx(2 * 4.302652730 * 0.3 / np.sqrt(3))
    wide = judge([0.1, 0.5, 0.9], error=0.1)
    assert wide.low == judge([0.1, 0.5, 0.9]).low


def test_aligned_in_all_layers_or_not():
    whole, weak = judge([0.5, 0.52, 0.48]), judge([0.1, -0.1, 0.2])
    assert judge_layers(whole, [(0, whole), (1, whole)]).statement == "aligned"
    joint = judge_layers(whole, [(0, whole), (1, weak)])
    assert joint.statement == "inconclusive"
    assert "layer 1" in joint.reason
    assert judge_layers(judge([None, None, None]), []).statement == "not identifiable"
    assert judge_layers(judge([-0.5, -0.5, -0.51]), [(1, weak)]).statement == "opposed"


def test_an_interval_beyond_1_is_said_in_words():
    wild = judge([0.1, 2.4, 0.9])
    assert judge_layers(wild, [(0, wild)]).reason == (
        "seeds do not identify the cosine over the whole encoder: its interval, -1.77 to +4.03, goes beyond 1"
    )
    sure = judge([0.93, 0.99, 0.9])
    assert sure.high > 1
    assert judge_layers(sure, [(0, sure)]).reason.startswith("cosine +0.94 (+0.83 to +1.05)")


@pytest.mark.parametrize(("tasks", "seeds"), [(2, 3), (4, 3), (4, 8)])
def test_intervals_hold_the_true_cosine(tasks, seeds):
    """Cosines of 0.3 with what each task's model adds under each seed, and noise of the microbatches."""
    generator = np.random.default_rng(seeds)
    hits = []
    for _ in range(300):
        models = 0.1 * generator.normal(size=(tasks, seeds))
        pairs = [
            [
                SeedCosine(cosine=0.3 + a + b + 0.1 * generator.normal(), error=0.1)
                for a, b in zip(models[i], models[j], strict=True)
            ]
            for i in range(tasks)
            for j in range(i)
        ]
        hits += [found.low <= 0.3 <= found.high for found in judge_directions(pairs, 0.2, tasks)]
    assert 0.92 <= np.mean(hits) <= 0.995
