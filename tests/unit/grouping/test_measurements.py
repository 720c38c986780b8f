import numpy as np
import pytest

from mtlens.errors import DataError, EvidenceError
from mtlens.grouping.measurements import Measured, Pairwise


def test_scores_of_some_seeds_and_groups():
    scores = {(1, 0): np.array([0.1, 0.2, np.nan]), (2, 1): np.array([0.5, np.nan, np.nan])}
    known = Measured(num_tasks=2, scores=scores)
    assert known.num_seeds == 3
    assert known.groups == (1, 2)
    means, errors = known.table([2, 1])
    np.testing.assert_allclose(means, [[np.nan, 0.5], [0.15, np.nan]])
    np.testing.assert_allclose(errors, [[np.nan, np.inf], [0.05, np.nan]])
    assert known.of_seeds([1, 2]).groups == (1,)
    assert known.of_groups([2]).groups == (2,)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Measured(num_tasks=2, scores={}), DataError, r"the same seeds, one at least; found \[\]"),
        (lambda: Measured(num_tasks=2, scores={(1, 0): np.zeros(0)}), DataError, r"one at least; found \[0\]"),
        (lambda: Measured(num_tasks=2, scores={(1, 0): np.ones(2), (2, 1): np.ones(3)}), DataError, r"found \[2, 3\] of them"),
        (lambda: Measured(num_tasks=2, scores={(1, 1): np.ones(2)}), DataError, "hold the task scored; found 0b1 with 1"),
        (
            lambda: Measured(num_tasks=2, scores={(4, 2): np.ones(2)}),
            DataError,
            "a group of 2 tasks should .* found 0b100 with 2",
        ),
        (lambda: Measured(num_tasks=2, scores={(1, 0): np.array([np.nan])}), DataError, r"finite scores; found \[nan\]"),
        (lambda: Measured(num_tasks=2, scores={(1, 0): np.array([np.inf])}), DataError, r"finite scores; found \[inf\]"),
        (lambda: Measured(num_tasks=2, scores={(1, 0): np.ones(1)}).singles, EvidenceError, "its own model; found none for 1"),
        (lambda: Pairwise(values=np.ones((2, 3)), errors=np.ones((2, 3))), EvidenceError, r"both be \[T, T\]; found \(2, 3\)"),
        (lambda: Pairwise(values=np.ones((2, 2)), errors=np.ones(2)), EvidenceError, r"found \(2, 2\) and \(2,\)"),
    ],
)
def test_measurements_that_cannot_be_used_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
