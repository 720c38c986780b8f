"""Tasks of numbers: cells, ranges, loss, and predictions on the scale of the training labels."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional

from mtlens.config.task import Task
from mtlens.errors import DataError
from mtlens.tasks import MISSING, Labels, joined, kind_of

AGE = Task(name="age", column="age", kind="number", missing=("unknown",), margin=0.5)
NUMBER = kind_of(AGE)


def read(*cells):
    return NUMBER.read(AGE, cells, lambda row: f"notes.csv:{row + 2}")


def test_cells_are_numbers_and_missing_ones_have_none():
    labels = read(" 3.5", "2e1", "", None, "unknown", "3.5")
    assert labels.codes.tolist() == [0, 1, MISSING, MISSING, MISSING, 0]
    assert labels.values is not None
    assert labels.values.tolist() == [[3.5], [20.0]]


@pytest.mark.parametrize("cell", ["old", "1,5", "nan", "inf"])
def test_a_cell_that_is_no_number_is_named(cell):
    with pytest.raises(DataError, match=f"notes.csv:3: column 'age' should hold a number; found '{cell}'; if it means not"):
        read("3", cell)


def test_tables_are_joined_by_value():
    first, second = read("1", "3"), read("2", "", "1")
    both = joined([first, Labels(codes=np.full(2, MISSING, dtype=np.int32)), second])
    assert both.codes.tolist() == [0, 2, MISSING, MISSING, 1, MISSING, 0]
    assert both.values.tolist() == [[1.0], [2.0], [3.0]]


def test_examples_are_counted_by_ranges_of_equal_size():
    members = NUMBER.members(AGE, read(*map(str, range(100)), ""))
    assert list(members) == ["0 to below 25", "25 to below 50", "50 to below 74", "74 to 99"]
    counts = np.array([mask.sum() for mask in members.values()])
    assert counts.sum() == 100
    assert np.ptp(counts) <= 2
    assert list(NUMBER.members(AGE, read("5", "5"))) == ["5"]


def test_the_loss_is_half_the_squared_error_of_standardised_numbers():
    labels = read("10", "20", "30", "")
    table = torch.from_numpy(NUMBER.label_table(AGE, labels, True))
    assert table.numpy() == pytest.approx((np.array([10, 20, 30]) - 20) / np.std([10, 20, 30]))
    logits = torch.randn(4, 1)
    codes = torch.from_numpy(labels.codes).long()
    expected = functional.mse_loss(logits[:3, 0], table, reduction="sum") / 2
    assert NUMBER.loss(AGE, logits, codes, table, "sum").item() == pytest.approx(expected.item())
    assert NUMBER.loss(AGE, logits, codes, table, "mean").item() == pytest.approx(expected.item() / 3)
    assert NUMBER.example_weights(table.numpy(), codes[:3].numpy()).sum() == 3


def test_predictions_are_on_the_scale_of_the_labels():
    labels = read("10", "20", "30")
    scale = NUMBER.scale(labels)
    table = torch.from_numpy(NUMBER.label_table(AGE, labels, False))
    said = NUMBER.predict(AGE, table[:, None], scale).numpy()
    stored = NUMBER.stored(AGE, labels, said)
    assert stored["predicted_number"] == pytest.approx(stored["true_number"])
    assert NUMBER.in_words(AGE, said[1]) == "20"
    assert NUMBER.agreement(AGE, said[1], said).argmax() == 1
    assert NUMBER.scale(read("7", "7")) == (7.0, 1.0)


def test_the_margin_has_the_slope_of_the_loss():
    """-log p is the loss but for a constant, and p / (1 - p) is finite everywhere."""
    table = torch.tensor([0.5])
    for error in (0.0, 0.3, -2.0):
        logits = torch.tensor([[0.5 + error]], requires_grad=True)
        margin = NUMBER.margin(AGE, logits, 0, table)
        (slope,) = torch.autograd.grad(functional.softplus(-margin), logits)
        assert slope.item() == pytest.approx(error, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": ("a", "b")}, "task 'age' of kind number should have no classes; found a, b"),
        (
            {"metric": "accuracy"},
            "of kind number should be one of mean_absolute_error, r2, pearson, spearman; found 'accuracy'",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Task(name="age", column="age", kind="number", **settings)
