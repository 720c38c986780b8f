"""Order of batches and learning rates."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.learn.schedule import epoch_batches, learning_rate_factor
from backend.spec import Training


@pytest.fixture
def two_tables(encoded):
    """100 rows of table 0 and 20 of table 1."""
    return replace(encoded, sources=(np.arange(len(encoded.ids)) >= 100).astype(np.int16)), np.arange(120)


def updates_per_table(encoded, schedule):
    return np.bincount([encoded.sources[batch[0]] for batch in schedule]).tolist()


@pytest.mark.parametrize(("sampling", "expected"), [("proportional", [10, 2]), ("uniform", [6, 6])])
def test_tables_get_their_share_of_the_updates(two_tables, sampling, expected):
    encoded, rows = two_tables
    training = Training(batch_size=10, sampling=sampling)
    schedule = epoch_batches(encoded, rows, training, seed=0, epoch=0)
    assert updates_per_table(encoded, schedule) == expected


def test_temperature_lies_between_proportional_and_uniform(two_tables):
    encoded, rows = two_tables
    for temperature, expected in ((1, [10, 2]), (2, [8, 4]), (1e6, [6, 6])):
        training = Training(batch_size=10, sampling="temperature", temperature=temperature)
        assert updates_per_table(encoded, epoch_batches(encoded, rows, training, seed=0, epoch=0)) == expected


def test_a_batch_holds_rows_of_one_table(two_tables):
    encoded, rows = two_tables
    for batch in epoch_batches(encoded, rows, Training(batch_size=16), seed=3, epoch=1):
        assert len(set(encoded.sources[batch].tolist())) == 1


def test_proportional_epochs_see_every_row_once(two_tables):
    encoded, rows = two_tables
    schedule = epoch_batches(encoded, rows, Training(batch_size=16), seed=3, epoch=1)
    assert sorted(np.concatenate(schedule)) == rows.tolist()


def test_a_task_has_the_same_batches_alone_and_in_a_multi_task_model(encoded):
    """Where every example carries every label, pairs of runs of one seed see the same batches in the same order."""
    rows = np.arange(120)
    first, second = (epoch_batches(encoded, rows, Training(), seed=5, epoch=2) for _ in range(2))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in second]


def test_seeds_and_epochs_give_other_orders(encoded):
    orders = {
        tuple(np.concatenate(epoch_batches(encoded, np.arange(120), Training(), seed=seed, epoch=epoch)).tolist())
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(orders) == 4


@given(st.integers(1, 500), st.floats(0, 0.9))
def test_learning_rate_rises_to_its_peak_and_falls(total, warmup):
    factors = [learning_rate_factor(step, total, warmup) for step in range(total)]
    peak = int(np.argmax(factors))
    assert max(factors) == pytest.approx(1)
    assert all(0 < factor <= 1 for factor in factors)
    assert (np.diff(factors[: peak + 1]) > 0).all()
    assert (np.diff(factors[peak:]) <= 1e-12).all()


def test_learning_rate_is_that_of_transformers():
    import torch
    from transformers import get_linear_schedule_with_warmup

    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = get_linear_schedule_with_warmup(optimiser, num_warmup_steps=10, num_training_steps=100)
    theirs = []
    for _ in range(100):
        optimiser.step()
        theirs.append(scheduler.get_last_lr()[0])
        scheduler.step()
    ours = [learning_rate_factor(step, 100, 0.1) for step in range(100)]
    assert ours[10:] == pytest.approx(theirs[10:])
    assert ours[:9] == pytest.approx(theirs[1:10])  # ours starts one step up: a first update of size 0 is wasted
