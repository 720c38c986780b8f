"""Merged task vectors against the published formulas, written anew for one weight at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtlens.config.run_kinds import RUN_KINDS
from mtlens.training.merging import COEFFICIENTS, METHODS
from mtlens.training.merging.dare import DROPPED
from mtlens.training.merging.ties import KEPT

EXAMPLE = torch.tensor(
    [[9.0, -1.0, 0.5, -8.0, 0.1, 2.0, 0.0, 7.0, -0.3, 3.0], [-10.0, 6.0, 0.2, -7.0, 0.1, 1.0, 0.0, 1.0, 0.0, 2.0]]
)


def merge(name, vectors, seed=0):
    return METHODS[name](torch.as_tensor(vectors, dtype=torch.float32), torch.Generator().manual_seed(seed))


def ties_by_hand(vectors):
    """Algorithm 1 of Yadav et al. 2023, weight by weight: trim, elect a sign, take the mean of those that have it."""
    vectors = np.asarray(vectors, dtype=np.float64)
    kept = max(1, round(KEPT * vectors.shape[1]))
    trimmed = np.zeros_like(vectors)
    for row, vector in zip(trimmed, vectors, strict=True):
        largest = np.argsort(-np.abs(vector), kind="stable")[:kept]
        row[largest] = vector[largest]
    merged = []
    for column in trimmed.T:
        sign = np.sign(np.maximum(column, 0).sum() - np.maximum(-column, 0).sum())
        agreeing = [change for change in column if change != 0 and np.sign(change) == sign]
        merged.append(np.mean(agreeing) if agreeing else 0.0)
    return np.array(merged)


def test_ties_on_an_example_by_hand():
    """Two of ten weights are kept in each: 9 and -8, -10 and -7. The signs of the sums are elected."""
    assert merge("ties", EXAMPLE).tolist() == [-10, 0, 0, -7.5, 0, 0, 0, 0, 0, 0]


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(5, 60))
def test_ties_follows_its_paper(seed, num_tasks, size):
    vectors = np.random.default_rng(seed).normal(size=(num_tasks, size)).astype(np.float32)
    np.testing.assert_allclose(merge("ties", vectors), ties_by_hand(vectors), rtol=1e-5, atol=1e-6)


def test_average_and_task_arithmetic_are_mean_and_sum():
    np.testing.assert_allclose(merge("average", EXAMPLE), EXAMPLE.numpy().mean(axis=0))
    np.testing.assert_allclose(merge("task_arithmetic", EXAMPLE), EXAMPLE.numpy().sum(axis=0))


def test_dare_keeps_the_expectation_of_task_arithmetic():
    vectors = np.ones((2, 200_000))
    merged = merge("dare", vectors)
    assert set(merged.unique().tolist()) == {0.0, 1 / (1 - DROPPED), 2 / (1 - DROPPED)}
    assert merged.mean().item() == pytest.approx(2.0, rel=0.01)
    assert torch.equal(merged, merge("dare", vectors))
    assert not torch.equal(merged, merge("dare", vectors, seed=1))


@pytest.mark.parametrize("name", ["average", "ties"])
def test_equal_task_vectors_merge_to_themselves_where_they_were_kept(name):
    merged = merge(name, torch.stack([EXAMPLE[0], EXAMPLE[0]]))
    kept = merged != 0
    assert kept.sum() == (2 if name == "ties" else 9)
    assert torch.equal(merged[kept], EXAMPLE[0][kept])


def test_every_method_has_coefficients_and_an_arm():
    derived = {kind.derivation for kind in RUN_KINDS.values()} - {"", "heads"}
    assert derived == set(METHODS) == set(COEFFICIENTS)
