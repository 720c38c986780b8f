"""What would settle an inconclusive comparison: how many seeds or test examples, if the true difference is the one seen."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlens.statistics.estimate import Estimate
from mtlens.statistics.power import ALPHA, POWER

MIN_SEEDS = 3
_MOST_SEEDS = 100
_MOST_GROWTH = 1000  # times the test examples at hand


def needed(estimate: Estimate, margin: float, num_examples: int, num_tests: int) -> str:
    """Seeds or test examples that reach a verdict with 90 % power, when all tests are as strict as Holm's first.

    Whichever verdict needs less: a match, or that the candidate is better or worse.
    """
    if estimate.num_seeds < MIN_SEEDS:
        return f"at least {MIN_SEEDS} seeds; found {estimate.num_seeds}"
    if estimate.num_clusters < 2:
        return "test examples of at least two groups; found one"
    seeds = np.arange(estimate.num_seeds, _MOST_SEEDS + 1)[:, None]
    growth = np.geomspace(1, _MOST_GROWTH, 61)[None, :]
    error, freedom = estimate.precision(seeds, growth)
    direction = "better" if estimate.difference > 0 else "worse"
    plans = [
        (
            _cheapest(_power_of_match(estimate.difference, margin, error, freedom, num_tests) >= POWER, seeds, growth),
            "it matches",
        ),
        (
            _cheapest(_power_of_difference(estimate.difference, error, freedom, num_tests) >= POWER, seeds, growth),
            f"it is {direction}",
        ),
    ]
    reachable = [(plan, verdict) for plan, verdict in plans if plan is not None]
    if not reachable:
        return f"out of reach: more than {_MOST_SEEDS} seeds and {_MOST_GROWTH:,} times the test examples"
    (num_seeds, times), verdict = min(reachable, key=lambda pair: pair[0][0] * pair[0][1])
    return f"{_in_words(num_seeds, times, estimate.num_seeds, num_examples)} would show that {verdict}"


def _power_of_match(
    difference: float, margin: float, error: NDArray[Any], freedom: NDArray[Any], num_tests: int
) -> NDArray[np.float64]:
    """Chance that both one-sided tests at the margin reject."""
    critical = special.stdtrit(freedom, 1 - ALPHA / num_tests)
    below, above = (margin - difference) / error - critical, (margin + difference) / error - critical
    return special.stdtr(freedom, below) + special.stdtr(freedom, above) - 1


def _power_of_difference(difference: float, error: NDArray[Any], freedom: NDArray[Any], num_tests: int) -> NDArray[np.float64]:
    """Chance that the one-sided test against no difference rejects."""
    return special.stdtr(freedom, abs(difference) / error - special.stdtrit(freedom, 1 - ALPHA / num_tests))


def _cheapest(enough: NDArray[np.bool_], seeds: NDArray[Any], growth: NDArray[Any]) -> tuple[int, float] | None:
    """More seeds alone, else more examples alone, else the smallest product of both; None where nothing is enough."""
    if enough[:, 0].any():
        return int(seeds[enough[:, 0].argmax(), 0]), 1.0
    if enough[0].any():
        return int(seeds[0, 0]), float(growth[0, enough[0].argmax()])
    if not enough.any():
        return None
    row, column = np.unravel_index(np.where(enough, seeds * growth, np.inf).argmin(), enough.shape)
    return int(seeds[row, 0]), float(growth[0, column])


def _in_words(num_seeds: int, times: float, seeds_now: int, examples_now: int) -> str:
    examples = f"about {float(f'{examples_now * times:.2g}'):,.0f} test examples"
    if times == 1:
        return f"about {num_seeds} seeds"
    return examples if num_seeds == seeds_now else f"about {num_seeds} seeds together with {examples}"
