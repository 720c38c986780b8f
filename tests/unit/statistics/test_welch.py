"""The difference of two means, against scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from mtlens.statistics.welch import Summary, difference


def summary(values: list[float]) -> Summary:
    return Summary(
        mean=float(np.mean(values)), error=float(np.std(values, ddof=1)) / math.sqrt(len(values)), freedom=len(values) - 1
    )


def test_the_interval_is_that_of_welchs_test() -> None:
    first, second = [0.71, 0.74, 0.69, 0.73], [0.78, 0.83, 0.70]
    expected = stats.ttest_ind(second, first, equal_var=False).confidence_interval(0.9)
    found = difference(summary(first), summary(second), 0.9)
    assert found == pytest.approx((np.mean(second) - np.mean(first), expected.low, expected.high))


def test_one_seed_has_no_interval() -> None:
    alone = Summary(mean=0.7, error=math.nan, freedom=0)
    assert difference(alone, summary([0.8, 0.9])) == (pytest.approx(0.15), None, None)
    assert difference(*[Summary(mean=0.7, error=0.0, freedom=2)] * 2) == (0.0, 0.0, 0.0)
