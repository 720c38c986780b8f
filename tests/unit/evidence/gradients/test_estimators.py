"""Estimates of gradient alignment against closed forms, literal sums and simulations with known truth."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlens.errors import EvidenceError
from mtlens.evidence.gradients.estimators import Alignment, combine
from mtlens.evidence.gradients.gramian import Gramian, task_gradients
from tests.support.made_up_gradients import ESTIMATES, alignment_of, assert_same, cosine


def test_two_quadratics_have_the_closed_form():
    """L_a = |theta - centre_a - e_a^k|² / 2 with e_a^k = +-n_a in turns: D_ab = G_a.G_b - n_a.n_b / (K - 1)."""
    generator = np.random.default_rng(0)
    theta = torch.tensor(generator.normal(size=12), requires_grad=True)
    centres, noise = generator.normal(size=(2, 12)), generator.normal(size=(2, 12))
    gramian = Gramian(["theta"], 2)
    for sign in (1, -1, 1, -1, 1, -1):
        losses = [
            (theta - torch.from_numpy(centre + sign * e)).square().sum() / 2 for centre, e in zip(centres, noise, strict=True)
        ]
        gramian.add(task_gradients(losses, [theta]))
    found = gramian.result()["theta"]
    mean = theta.detach().numpy() - centres
    inner = mean @ mean.T - noise @ noise.T / 5
    np.testing.assert_allclose(found.inner, inner)
    np.testing.assert_allclose(found.debiased, inner / np.sqrt(np.outer(inner.diagonal(), inner.diagonal())))
    np.testing.assert_allclose(found.naive[0, 1], cosine(*mean))
    np.testing.assert_allclose(
        found.magnitude_similarity[0, 1], 2 * np.sqrt(inner[0, 0] * inner[1, 1]) / (inner[0, 0] + inner[1, 1])
    )
    even, odd = mean - noise, mean + noise
    np.testing.assert_allclose(found.split_half[0, 1], (cosine(even[0], odd[1]) + cosine(odd[0], even[1])) / 2)
    reliability = [cosine(even[0], odd[0]), cosine(even[1], odd[1])]
    np.testing.assert_allclose(found.split_half.diagonal(), reliability)
    np.testing.assert_allclose(found.ceiling[0, 1], np.sqrt(np.prod(reliability)))
    assert found.conflict_rate[0, 1] == np.mean([even[0] @ even[1] < 0, odd[0] @ odd[1] < 0])
    assert (found.num_microbatches == 6).all()


def test_identical_tasks_point_the_same_way():
    one = np.random.default_rng(0).normal(size=(6, 1, 30)) + 1
    found = alignment_of(np.concatenate([one, one], axis=1))
    for name in ("debiased", "naive", "magnitude_similarity"):
        np.testing.assert_allclose(getattr(found, name), np.ones((2, 2)), err_msg=name)
    np.testing.assert_allclose(found.split_half, np.full((2, 2), found.split_half[0, 0]))
    assert (found.conflict_rate == 0).all()


def test_opposite_tasks_conflict_in_every_microbatch():
    one = np.random.default_rng(0).normal(size=(6, 1, 30)) + 1
    found = alignment_of(np.concatenate([one, -3 * one], axis=1))
    np.testing.assert_allclose(found.debiased[0, 1], -1)
    np.testing.assert_allclose(found.magnitude_similarity[0, 1], 0.6)
    np.testing.assert_array_equal(found.conflict_rate, [[0, 1], [1, 0]])


def test_noise_alone_is_not_identifiable():
    """Gradients that cancel but for one: the squared norm is estimated below 0."""
    clear = np.ones((5, 1, 4))
    noise = np.array([1, -1, 1, -1, 1])[:, None, None] * clear
    found = alignment_of(np.concatenate([clear, noise], axis=1))
    np.testing.assert_allclose(found.inner[1, 1], (4 - 20) / 20)
    assert np.isnan(found.debiased).tolist() == [[False, True], [True, True]]
    assert np.isnan(found.magnitude_similarity).tolist() == [[False, True], [True, True]]
    np.testing.assert_allclose(found.naive, np.ones((2, 2)))
    np.testing.assert_allclose(found.split_half[1, 1], -1)
    assert np.isnan(found.ceiling).tolist() == [[False, True], [True, True]]


def test_one_microbatch_cannot_tell_signal_from_noise():
    found = alignment_of(np.ones((1, 2, 3)))
    for name in ("inner", "debiased", "split_half", "ceiling", "magnitude_similarity"):
        assert np.isnan(getattr(found, name)).all(), name
    np.testing.assert_allclose(found.naive, np.ones((2, 2)))


def test_parameters_that_no_task_uses_have_no_direction():
    found = alignment_of(np.zeros((4, 2, 3)))
    np.testing.assert_array_equal(found.inner, np.zeros((2, 2)))
    for name in ("debiased", "naive", "split_half", "ceiling", "magnitude_similarity"):
        assert np.isnan(getattr(found, name)).all(), name


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_inner_product_is_the_mean_over_pairs_of_microbatches(seed, num_microbatches, num_tasks, apart):
    generator = np.random.default_rng(seed)
    gradients = generator.normal(size=(num_microbatches, num_tasks, 7))
    present = generator.random((num_microbatches, num_tasks)) < 0.7
    present[~present.any(axis=1), 0] = True
    found = alignment_of(gradients, present, np.full((num_tasks, num_tasks), apart))
    for a, b in np.ndindex(num_tasks, num_tasks):
        first, second = np.flatnonzero(present[:, a]), np.flatnonzero(present[:, b])
        pairs = [(k, m) for k in first for m in second if k != m or (apart and a != b)]
        expected = np.mean([gradients[k, a] @ gradients[m, b] for k, m in pairs]) if pairs else np.nan
        np.testing.assert_allclose(found.inner[a, b], expected, atol=1e-12)
        common = np.intersect1d(first, second)
        conflicts = np.mean([gradients[k, a] @ gradients[k, b] < 0 for k in common]) if len(common) else np.nan
        np.testing.assert_array_equal(found.conflict_rate[a, b], conflicts)
        assert found.num_microbatches[a, b] == len(common)


def test_absent_tasks_change_nothing_for_the_others():
    gradients = np.random.default_rng(0).normal(size=(6, 3, 20)) + 0.5
    present = np.ones((6, 3), dtype=bool)
    present[[1, 4], 1] = False
    present[:, 2] = False
    found, alone = alignment_of(gradients, present), alignment_of(gradients[:, :1])
    for name in ESTIMATES:
        np.testing.assert_allclose(getattr(found, name)[:1, :1], getattr(alone, name), err_msg=name)
    assert found.num_microbatches.tolist() == [[6, 4, 0], [4, 4, 0], [0, 0, 0]]
    for name in ("inner", "debiased", "naive", "split_half", "conflict_rate", "magnitude_similarity"):
        value = getattr(found, name)
        assert np.isfinite(value[:2, :2]).all(), name
        assert np.isnan(value[2]).all(), name
    kept = gradients[present[:, 1], 1].sum(axis=0)
    np.testing.assert_allclose(found.naive[0, 1], cosine(gradients[:, 0].sum(axis=0), kept))


def test_tasks_that_never_meet_are_compared_across_microbatches():
    gradients = np.random.default_rng(0).normal(size=(8, 2, 20)) + 0.5
    present = np.zeros((8, 2), dtype=bool)
    present[:3, 0] = present[3:, 1] = True
    found = alignment_of(gradients, present)
    np.testing.assert_allclose(found.inner[0, 1], gradients[:3, 0].mean(axis=0) @ gradients[3:, 1].mean(axis=0))
    assert np.isnan(found.conflict_rate[0, 1])


def simulate(generator, *, num_microbatches, size, noise, correlation, repeats, independent=False):
    """Alignments from gradients of norm 1 and cosine 0.6 with noise of squared norm `noise` per microbatch."""
    truth = np.zeros((2, size))
    truth[0, 0], truth[1, :2] = 1, (0.6, 0.8)
    mixing = np.linalg.cholesky([[1, correlation], [correlation, 1]]) * np.sqrt(noise / size)
    pairs = ~np.eye(2, dtype=bool) if independent else None
    for _ in range(repeats):
        yield alignment_of(truth + mixing @ generator.normal(size=(num_microbatches, 2, size)), independent=pairs)


@pytest.mark.parametrize(("correlation", "independent"), [(0.5, False), (0.0, False), (0.0, True)])
def test_the_inner_product_is_unbiased(correlation, independent):
    found = list(
        simulate(
            np.random.default_rng(0),
            num_microbatches=3,
            size=10,
            noise=4.0,
            correlation=correlation,
            repeats=1500,
            independent=independent,
        )
    )
    inner = np.stack([one.inner for one in found])
    error = inner.std(axis=0, ddof=1) / np.sqrt(len(inner))
    assert (np.abs(inner.mean(axis=0) - [[1, 0.6], [0.6, 1]]) < 4 * error).all()
    squared_norm_of_mean = np.mean([one.half_products.sum(axis=(0, 1))[0, 0] / 9 for one in found])
    assert squared_norm_of_mean == pytest.approx(1 + 4 / 3, abs=4 * error[0, 0])  # what the correction takes away


@pytest.mark.parametrize(("correlation", "naive"), [(0.0, 0.06), (0.5, 0.51)])
def test_noise_shrinks_the_naive_cosine_and_not_the_debiased_one(correlation, naive):
    """t = 9 for the mean of 8 microbatches: (0.6 + 9 rho) / 10."""
    found = list(
        simulate(np.random.default_rng(1), num_microbatches=8, size=20_000, noise=72.0, correlation=correlation, repeats=40)
    )
    assert np.mean([one.naive[0, 1] for one in found]) == pytest.approx(naive, abs=0.005)
    assert np.mean([one.debiased[0, 1] for one in found]) == pytest.approx(0.6, abs=0.03)
    halves = np.mean([one.split_half for one in found], axis=0)  # t = 18 in a half, and independent noise
    np.testing.assert_allclose(halves, np.array([[1, 0.6], [0.6, 1]]) / 19, atol=0.005)
    ceiling = np.mean([one.ceiling[0, 1] for one in found])
    assert halves[0, 1] / ceiling == pytest.approx(0.6, abs=0.1)


def test_products_add_up_over_layers_and_cosines_do_not():
    generator = np.random.default_rng(0)
    gradients = [torch.tensor(generator.normal(size=(5, 2, size)) + shift) for size, shift in ((3, 2.0), (40, -0.2), (7, 0.5))]
    apart, together = Gramian(["a", "b", "a"], 2), Gramian(["all"] * 3, 2)
    for k in range(5):
        of_tasks = [[layer[k, task] for layer in gradients] for task in range(2)]
        apart.add(of_tasks)
        together.add(of_tasks)
    layers = apart.result()
    assert list(layers) == ["a", "b"]
    whole = combine(layers.values())
    assert_same(whole, together.result()["all"], rtol=1e-10)
    np.testing.assert_allclose(whole.inner, layers["a"].inner + layers["b"].inner)
    assert abs(whole.naive[0, 1] - np.mean([one.naive[0, 1] for one in layers.values()])) > 0.05


def test_nothing_to_estimate_from_is_refused():
    with pytest.raises(EvidenceError, match="at least one microbatch; found none"):
        Gramian(["all"], 2).result()
    with pytest.raises(EvidenceError, match="at least one block; found none"):
        combine([])


def test_blocks_of_other_microbatches_cannot_be_combined():
    gradients = np.ones((3, 2, 4))
    with pytest.raises(EvidenceError, match="found others in block 1"):
        combine([alignment_of(gradients), alignment_of(gradients[:2])])


def test_products_that_do_not_fit_together_are_refused():
    with pytest.raises(EvidenceError, match=r"products of 2 tasks in 3 microbatches should have shapes .*; found"):
        Alignment(
            half_products=np.ones((2, 2, 2, 2)),
            microbatch_products=np.ones((4, 2, 2)),
            present=np.ones((3, 2), dtype=bool),
            independent=np.zeros((2, 2), dtype=bool),
        )


def test_halves_of_the_microbatches_tell_the_error_of_the_cosine():
    """Root mean square of the errors said beside the spread of the estimates, over draws of noise around known gradients."""
    generator = np.random.default_rng(0)
    mean = np.stack([np.ones(40), np.ones(40)])
    mean[1, :20] = -0.5
    found = [alignment_of(mean + 1.5 * generator.normal(size=(8, 2, 40))) for _ in range(300)]
    cosines = np.array([one.debiased[0, 1] for one in found])
    said = np.sqrt(np.mean([one.standard_error[0, 1] ** 2 for one in found]))
    assert cosines.mean() == pytest.approx(cosine(*mean), abs=0.02)
    assert 0.85 <= said / cosines.std() <= 1.3
    np.testing.assert_allclose([one.standard_error[0, 0] for one in found], 0, atol=1e-9)  # a task with itself
