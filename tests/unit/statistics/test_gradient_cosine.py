"""Statements about cosines over seeds, and about all layers of a pair."""

import numpy as np
import pytest

from mtlens.statistics.gradient_cosine import judge_direction, judge_layers


@pytest.mark.parametrize(
    ("cosines", "statement"),
    [
        ([0.5, 0.52, 0.48], "aligned"),
        ([-0.5, -0.52, -0.48], "opposed"),
        ([0.01, -0.02, 0.0], "unrelated"),
        ([0.1, 0.11, 0.1], "unrelated"),  # surely above 0, but small
        ([0.9, 0.1, 0.5], "inconclusive"),
        ([None, None, None], "not identifiable"),
        ([float("nan")], "not identifiable"),
        ([0.5, 0.5, None], "inconclusive"),
    ],
)
def test_statements(cosines, statement):
    assert judge_direction(cosines, 0.2).statement == statement


def test_the_interval_is_that_of_students_t():
    found = judge_direction([0.1, 0.2, 0.6], 0.2)
    half = 4.302652730 * np.std([0.1, 0.2, 0.6], ddof=1) / np.sqrt(3)
    assert (found.low, found.high) == (pytest.approx(0.3 - half), pytest.approx(0.3 + half))


def test_seeds_that_cannot_tell_are_counted_out():
    found = judge_direction([0.5, None, 0.4], 0.2)
    assert (found.seeds, found.cosine) == (2, pytest.approx(0.45))
    assert "2 of 3" in found.reason


def test_aligned_in_all_layers_or_not():
    whole = judge_direction([0.5, 0.52, 0.48], 0.2)
    weak = judge_direction([0.1, -0.1, 0.2], 0.2)
    assert judge_layers(whole, [(0, whole), (1, whole)])[0] == "aligned"
    statement, words = judge_layers(whole, [(0, whole), (1, weak)])
    assert statement == "inconclusive"
    assert "layer 1" in words
    assert judge_layers(judge_direction([None], 0.2), [])[0] == "not identifiable"
    assert judge_layers(judge_direction([-0.5, -0.5, -0.51], 0.2), [(1, weak)])[0] == "opposed"


def test_an_interval_beyond_1_is_said_in_words():
    wild = judge_direction([0.1, 2.4, 0.9], 0.2)
    assert judge_layers(wild, [(0, wild)])[1] == (
        "seeds do not identify the cosine over the whole encoder: its interval, -1.77 to +4.03, goes beyond 1"
    )
    sure = judge_direction([0.93, 0.99, 0.9], 0.2)
    assert sure.high > 1
    assert judge_layers(sure, [(0, sure)])[1].startswith("cosine +0.94 (+0.83 to +1.05)")
