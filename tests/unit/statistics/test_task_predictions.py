"""What two kinds of models predict, and their scores."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from mtlens.errors import DataError
from mtlens.statistics.task_predictions import TaskPredictions
from tests.support.simulated_predictions import noisy, predictions


def test_scores_are_scikit_learns_macro_f1():
    task = noisy(np.random.default_rng(0))
    for kind, models in enumerate((task.baseline, task.candidate)):
        expected = [f1_score(task.labels, model, average="macro") for model in models]
        assert task.scores[kind] == pytest.approx(expected)


def test_discordance_counts_examples_that_one_kind_alone_gets_right():
    task = predictions([0, 0, 1, 1], [[0, 1, 1, 0]], [[0, 0, 0, 0]])  # both, candidate, baseline, neither
    assert task.disagreement_rate == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.array([], dtype=int)}, "task 't' should have labelled test examples; found none"),
        ({"baseline": np.zeros((0, 4), dtype=int)}, "predictions of at least one seed; found none"),
        ({"candidate": np.zeros((2, 4), dtype=int)}, r"baseline and candidate \[1, 4\]; found .*\(2, 4\)"),
        ({"cluster": np.arange(3)}, r"examples and clusters \[4\]"),
        ({"labels": np.array([0, 1, 2, 0])}, r"should lie in 0\.\.1; found 0\.\.2"),
        ({"baseline": np.array([[0, -1, 0, 0]])}, r"should lie in 0\.\.1; found -1\.\.1"),
    ],
)
def test_predictions_that_do_not_fit_together_are_refused(change, message):
    fields = {
        "task": "t",
        "num_classes": 2,
        "example": np.arange(4),
        "cluster": np.arange(4),
        "labels": np.array([0, 1, 1, 0]),
        "baseline": np.array([[0, 1, 1, 0]]),
        "candidate": np.array([[0, 1, 1, 0]]),
    }
    TaskPredictions(**fields)
    with pytest.raises(DataError, match=message):
        TaskPredictions(**{**fields, **change})
