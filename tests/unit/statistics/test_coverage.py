"""Verdicts on simulated experiments with known truth: a small, seeded version of the benchmark `interval_coverage`."""

import pytest

from experiments.benchmarks.interval_coverage import ROWS, simulate, true_difference, worse_by_the_margin

TRIALS = 40  # 200 intervals of tasks, and 40 experiments: two standard errors are .04 and .07 at the nominal rates


@pytest.mark.parametrize(
    ("name", "settled"),
    [("1", 0.4), ("3", 0.25), ("5", 0.5), ("7", 0.2), ("one task far noisier", 0.15)],
)
def test_rates_are_those_that_are_stated(name: str, settled: float) -> None:
    rates = simulate(ROWS[name], TRIALS)
    assert rates["coverage"] >= 0.90 - 0.04
    assert rates["coverage_of_mean"] >= 0.90 - 0.10
    assert rates["false_matches"] <= 0.05 + 0.07
    assert rates["settled"] >= settled


def test_the_candidate_of_the_false_matches_is_worse_by_the_margin() -> None:
    for row in ROWS.values():
        assert true_difference(worse_by_the_margin(row), 0) == pytest.approx(-row.margin)
