"""How many seeds or test examples would settle an inconclusive comparison, if the true difference is the observed one."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mtlens.statistics.estimate import Estimate
from mtlens.statistics.power import ALPHA, POWER

MIN_SEEDS = 3
_MOST_SEEDS = 100
_MOST_GROWTH = 1000  # times the test examples at hand
_PARTS = 20  # of all numbers of seeds and examples, which are tried from the cheapest on


def needed(estimate: Estimate, margin: float, num_examples: int, num_tests: int) -> str:
    """Numbers of seeds or test examples that reach a verdict with 90 % power at the level of Holm's first step.

    For the verdict that needs fewer: a match, or better or worse.
    """
    if estimate.num_seeds < MIN_SEEDS:
        return f"at least {MIN_SEEDS} seeds; found {estimate.num_seeds}"
    if estimate.num_clusters < 2:
        return "test examples of at least two groups; found one"
    difference, direction = estimate.difference, "better" if estimate.difference > 0 else "worse"

    def matches(error: NDArray[Any], freedom: NDArray[Any]) -> NDArray[np.float64]:
        return _power_of_match(difference, margin, error, freedom, num_tests)

    def differs(error: NDArray[Any], freedom: NDArray[Any]) -> NDArray[np.float64]:
        return _power_of_difference(difference, error, freedom, num_tests)

    distances = special.ndtri(1 - ALPHA / num_tests) + special.ndtri(POWER)
    plans = [
        (_cheapest(estimate, matches, (margin - abs(difference)) / distances), "it matches"),
        (_cheapest(estimate, differs, abs(difference) / distances), f"it is {direction}"),
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


def _cheapest(estimate: Estimate, power: Callable[..., NDArray[np.float64]], largest_error: float) -> tuple[int, float] | None:
    """More seeds alone, else more examples alone, else the smallest product of both; None where nothing is enough.

    largest_error: standard error above which the power is too small with any degrees of freedom.
    """
    seeds, growth = np.arange(estimate.num_seeds, _MOST_SEEDS + 1), np.geomspace(1, _MOST_GROWTH, 61)

    def enough(seeds: NDArray[Any], growth: NDArray[Any]) -> NDArray[np.bool_]:
        error, freedom = estimate.precision(seeds, growth)
        found = error <= largest_error
        found[found] = power(error[found], freedom[found]) >= POWER
        return found

    if (by_seeds := enough(seeds, growth[:1])).any():
        return int(seeds[by_seeds.argmax()]), 1.0
    if (by_examples := enough(seeds[:1], growth)).any():
        return int(seeds[0]), float(growth[by_examples.argmax()])
    products = (seeds[:, None] * growth).ravel()
    for places in np.array_split(np.argsort(products, kind="stable"), _PARTS):
        by_both = enough(seeds[places // len(growth)], growth[places % len(growth)])
        if by_both.any():
            row, column = divmod(int(places[by_both.argmax()]), len(growth))
            return int(seeds[row]), float(growth[column])
    return None


def _in_words(num_seeds: int, times: float, seeds_now: int, examples_now: int) -> str:
    examples = f"about {float(f'{examples_now * times:.2g}'):,.0f} test examples"
    if times == 1:
        return f"about {num_seeds} seeds"
    return examples if num_seeds == seeds_now else f"about {num_seeds} seeds together with {examples}"
