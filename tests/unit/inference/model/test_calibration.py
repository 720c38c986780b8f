"""Temperatures: better probabilities where the validation texts show it, and 1 where they do not."""

import numpy as np
import pytest
from scipy.special import log_softmax

from mtlens.inference.model.calibration import calibrate, fit_temperature, log_loss, rescaled


def world(generator, n, *, sharp, factor, classes=2):
    """Labels drawn from true probabilities, and what a model says: the true ones at another temperature."""
    logits = generator.normal(size=(n, classes)) * sharp
    true = np.exp(log_softmax(logits, axis=1))
    labels = (true.cumsum(axis=1) > generator.random((n, 1))).argmax(axis=1)
    return labels, np.exp(log_softmax(logits / factor, axis=1))


def test_temperature_scaling_recovers_the_temperature_and_changes_no_class():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(20_000, 4)) * 2
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (true.cumsum(axis=1) > generator.random((len(true), 1))).argmax(axis=1)
    sure = rescaled(true, 0.4)
    assert fit_temperature(labels, sure) == pytest.approx(1 / 0.4, rel=0.05)
    assert (rescaled(sure, 2.5).argmax(axis=1) == sure.argmax(axis=1)).all()


def test_texts_that_are_all_read_right_do_not_make_it_sure_of_everything():
    """65 texts read right say that at most some of a hundred are read wrong, and no more."""
    labels = np.arange(65) % 2
    said = np.where(np.arange(2) == labels[:, None], 0.93, 0.07)
    one = calibrate(labels, said)
    assert one.temperature > 0.5
    assert rescaled(said, one.temperature).max() < 0.99


def test_it_stays_1_where_nothing_is_to_be_gained():
    kept = [calibrate(*world(np.random.default_rng(seed), 150, sharp=2, factor=1)).temperature for seed in range(20)]
    assert kept.count(1.0) >= 17


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_model_that_is_too_sure_or_too_modest_is_corrected(factor):
    generator = np.random.default_rng(0)
    labels, said = world(generator, 2000, sharp=2, factor=factor)
    one = calibrate(labels, said)
    assert one.temperature == pytest.approx(1 / factor, rel=0.15)
    assert one.after < one.before
    new_labels, new_said = world(generator, 5000, sharp=2, factor=factor)
    assert log_loss(new_labels, rescaled(new_said, one.temperature)) < log_loss(new_labels, new_said)


@pytest.mark.parametrize("n", [20, 60])
@pytest.mark.parametrize("factor", [0.8, 1.0, 2.0])
@pytest.mark.parametrize("classes", [2, 4])
def test_few_texts_never_make_probabilities_much_worse(n, factor, classes):
    """Loss on new texts over 40 worlds, where the likelihood alone makes it up to eight times as large."""
    generator = np.random.default_rng(0)
    before, after = [], []
    for _ in range(40):
        one = calibrate(*world(generator, n, sharp=4, factor=factor, classes=classes))
        labels, said = world(generator, 2000, sharp=4, factor=factor, classes=classes)
        before.append(log_loss(labels, said))
        after.append(log_loss(labels, rescaled(said, one.temperature)))
    assert np.mean(after) < 1.02 * np.mean(before)
    assert max(np.divide(after, before)) < 1.6


def test_the_fit_is_the_largest_posterior_density():
    """Against a grid."""
    labels, said = world(np.random.default_rng(1), 40, sharp=3, factor=0.7, classes=3)
    room = np.bincount(labels)[labels] + 3
    targets = np.full((40, 3), 1.0) / room[:, None]
    targets[np.arange(40), labels] = (room - 2) / room
    grid = np.linspace(-2, 2, 4001)
    density = [(targets * log_softmax(np.log(said) / np.exp(log), axis=1)).sum() - log**2 / (2 * 0.5**2) for log in grid]
    assert np.log(fit_temperature(labels, said)) == pytest.approx(grid[np.argmax(density)], abs=2e-3)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_too_few_texts_to_tell_keep_1(n):
    assert calibrate(np.zeros(n, dtype=int), np.full((n, 2), 0.5)).temperature == 1.0
