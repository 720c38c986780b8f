"""Order of batches and learning rates."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlens.config.sections import Training
from mtlens.training.batches import epoch_batches, learning_rate_factor


@pytest.fixture
def two_tables(encoded):
    """100 training rows in table 0, which labels the grade, and 20 in table 1, which labels the side."""
    sources = (np.arange(len(encoded.ids)) >= 100).astype(np.int16)
    labels = np.where(sources[:, None] == [0, 1], np.abs(encoded.labels), -1)
    return replace(encoded, sources=sources, labels=labels)


def updates_per_table(encoded, schedule):
    return np.bincount([encoded.sources[batch[0]] for batch in schedule]).tolist()


@pytest.mark.parametrize(("sampling", "expected"), [("proportional", [10, 2]), ("uniform", [6, 6])])
def test_tables_get_their_share_of_the_updates(two_tables, sampling, expected):
    training = Training(batch_size=10, sampling=sampling)
    assert updates_per_table(two_tables, epoch_batches(two_tables, training, seed=0, epoch=0)) == expected


def test_temperature_lies_between_proportional_and_uniform(two_tables):
    for temperature, expected in ((1, [10, 2]), (2, [8, 4]), (1e6, [6, 6])):
        training = Training(batch_size=10, sampling="temperature", temperature=temperature)
        assert updates_per_table(two_tables, epoch_batches(two_tables, training, seed=0, epoch=0)) == expected


def test_a_table_that_is_drawn_more_often_starts_new_passes(two_tables):
    schedule = epoch_batches(two_tables, Training(batch_size=10, sampling="uniform"), seed=0, epoch=0)
    small = np.concatenate([batch for batch in schedule if two_tables.sources[batch[0]] == 1])
    assert np.bincount(small)[100:120].tolist() == [3] * 20


def test_a_batch_holds_rows_of_one_table_and_of_the_training_split(two_tables):
    for batch in epoch_batches(two_tables, Training(batch_size=16), seed=3, epoch=1):
        assert len(set(two_tables.sources[batch].tolist())) == 1
        assert (two_tables.splits[batch] == 0).all()


def test_proportional_epochs_see_every_row_once(two_tables):
    schedule = epoch_batches(two_tables, Training(batch_size=16), seed=3, epoch=1)
    assert sorted(np.concatenate(schedule)) == list(range(120))


def labelled_batches(encoded, tasks, name):
    """What a task meets in an epoch: the rows of each batch that carry its label, batches without any left out."""
    chosen = encoded.select(tasks)
    column = [task.name for task in tasks].index(name)
    schedule = epoch_batches(chosen, Training(batch_size=16), seed=5, epoch=2)
    met = [batch[chosen.labels[batch, column] >= 0].tolist() for batch in schedule]
    return [batch for batch in met if batch]


@pytest.mark.parametrize("name", ["grade", "side"])
def test_a_task_meets_the_same_batches_alone_and_in_a_multi_task_model(encoded, two_tables, tasks, name):
    """With labels missing, and with texts of its own: as many updates, on the same examples, in the same order."""
    rare = replace(encoded, labels=np.where(np.arange(240)[:, None] % 10 < [10, 2], encoded.labels, -1))
    alone = tuple(task for task in tasks if task.name == name)
    for examples in (encoded, rare, two_tables):
        assert labelled_batches(examples, alone, name) == labelled_batches(examples, tasks, name) != []


def test_seeds_and_epochs_give_other_orders(encoded):
    orders = {
        tuple(np.concatenate(epoch_batches(encoded, Training(), seed=seed, epoch=epoch)).tolist())
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
