import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mtlens.errors import EvidenceError
from mtlens.grouping.estimators.linearised import Linearised, held_out_losses, linearised_affinity


def binary(seed, direction, n=300, d=4, offset=0.0):
    """A linear task: the difference of its two logits is x.w + offset, and its labels are drawn with w = direction."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, d))
    labels = (generator.random(n) < 1 / (1 + np.exp(-(x @ direction + offset)))).astype(np.int64)
    offsets = np.tile([0.0, offset], (n, 1))
    return Linearised(
        offsets=offsets, gradients=np.stack([-x / 2, x / 2], axis=1), labels=labels, is_training=np.arange(n) < n // 2
    )


def test_the_linearised_regression_is_a_logistic_regression():
    task, penalty = binary(0, np.array([2.0, -1.0, 0.0, 0.5])), 0.05
    x = 2 * task.gradients[:, 1]
    half = len(x) // 2
    reference = LogisticRegression(C=1 / (penalty * half), fit_intercept=False, tol=1e-8).fit(x[:half], task.labels[:half])
    log_probabilities = reference.predict_log_proba(x[half:])[np.arange(half), task.labels[half:]]
    assert held_out_losses([task], [0], penalty)[0] == pytest.approx(-log_probabilities.mean(), rel=1e-4)


def test_the_offset_enters_with_coefficient_one():
    task = binary(0, np.zeros(4), offset=1.5)
    stiff = held_out_losses([task], [0], 1e9)[0]  # no weight can move, so the offset alone predicts
    held_out = task.labels[~task.is_training]
    assert stiff == pytest.approx(np.mean(np.log1p(np.exp(1.5)) - 1.5 * held_out), rel=1e-6)


@pytest.mark.parametrize("num_tasks", [4, 8])  # all subsets, and a sample of them
def test_linearised_affinity_joins_twins_and_separates_opposites(num_tasks):
    direction = np.array([2.0, -2.0, 1.0, 0.0])
    tasks = [binary(seed, direction if seed % 2 else -direction, n=1000) for seed in range(num_tasks)]
    affinity = linearised_affinity(tasks, seed=3)
    like = np.arange(num_tasks)[:, None] % 2 == np.arange(num_tasks) % 2
    others = ~np.eye(num_tasks, dtype=bool)
    for task in range(num_tasks):
        column = affinity.values[:, task]
        assert column[like[:, task] & others[:, task]].min() > column[~like[:, task]].max()
    assert (affinity.errors[others] > 0).all()
    np.testing.assert_array_equal(linearised_affinity(tasks, seed=3).values, affinity.values)


LINEAR = {
    "offsets": np.zeros((4, 2)),
    "gradients": np.zeros((4, 2, 3)),
    "labels": np.array([0, 1, 1, 0]),
    "is_training": np.arange(4) < 2,
}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Linearised(**LINEAR | {"offsets": np.zeros((3, 2))}), r"offsets \[4, C\], .* found \(3, 2\)"),
        (lambda: Linearised(**LINEAR | {"gradients": np.zeros((4, 2))}), r"gradients \[4, C, d\]"),
        (lambda: Linearised(**LINEAR | {"is_training": np.ones(4, dtype=bool)}), "some held out; found 4 of 4"),
        (lambda: Linearised(**LINEAR | {"labels": np.array([0, 1, 2, 0])}), r"lie in 0\.\.1; found 0\.\.2"),
        (lambda: linearised_affinity([binary(0, np.ones(4)), binary(0, np.ones(3), d=3)]), r"found \[3, 4\]"),
    ],
)
def test_linearised_examples_that_cannot_be_used_are_refused(call, message):
    with pytest.raises(EvidenceError, match=message):
        call()
