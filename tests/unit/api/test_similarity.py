"""CKA and gradient alignment of one's own tensors are those of the evidence, and what does not fit is named."""

import numpy as np
import pytest
import torch

import mtlens
from mtlens.errors import EvidenceError
from mtlens.evidence.representations.cka import similarity_matrix


def test_cka_is_that_of_the_evidence():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((40, 6))
    y = x @ generator.standard_normal((6, 9)) + generator.standard_normal((40, 9))
    found = mtlens.cka(x, y)
    expected = similarity_matrix([torch.tensor(x), torch.tensor(y)])
    assert found.value == pytest.approx(expected.debiased[0, 1], abs=1e-12)
    assert found.low < found.value < found.high
    centred = [values - values.mean(axis=0) for values in (x, y)]
    norms = [np.linalg.norm(left.T @ right) for left, right in ((centred[0], centred[1]), (centred[0],) * 2, (centred[1],) * 2)]
    assert found.biased == pytest.approx(norms[0] ** 2 / (norms[1] * norms[2]), abs=1e-12)


def test_tensors_that_require_gradients_are_taken_as_they_are():
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    own = x.clone().requires_grad_()
    assert mtlens.cka(own, 2 * own).value == pytest.approx(1, abs=1e-5)
    assert mtlens.cka(own, own).value == mtlens.cka(x.numpy(), x.numpy()).value
    assert own.requires_grad


def test_reversed_and_read_only_arrays_are_taken():
    x = np.random.default_rng(0).standard_normal((20, 4))
    x.flags.writeable = False
    assert mtlens.cka(x, x[:, ::-1]).value == pytest.approx(1)


def test_what_is_undefined_says_why():
    found = mtlens.cka(np.ones((20, 3)), np.random.default_rng(0).standard_normal((20, 3)))
    assert np.isnan(found.value)
    assert found.undefined == "x: constant features"
    assert "undefined: x: constant features" in found._repr_html_()


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((5, 3)), np.zeros((6, 3)), "feature sets should hold the same examples; found 5 in x and 6 in y"),
        (np.zeros(5), np.zeros((5, 3)), r"should be a floating-point matrix \[n, p\] with n > 0; found float64 \[5\] in x"),
        (np.zeros((5, 3)), np.zeros((5, 3), int), r"found int64 \[5, 3\] in y"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "should be finite; found nan"),
        ("features", np.zeros((5, 3)), r"x should be an array or tensor of numbers \[examples, features\]; found str$"),
        ([[1.0], [1.0, 2.0]], np.zeros((5, 3)), r"x should be .* \[examples, features\]; found rows of different lengths$"),
    ],
)
def test_features_that_do_not_fit_are_named_in_one_line(x, y, message):
    with pytest.raises(EvidenceError, match=message) as caught:
        mtlens.cka(x, y)
    assert "\n" not in str(caught.value)


def test_alignment_is_the_mean_over_pairs_of_different_microbatches():
    gradients = np.random.default_rng(0).standard_normal((3, 6, 40)) + 0.5
    found = mtlens.gradient_alignment(dict(zip(("a", "b", "c"), gradients, strict=True)))
    pairs = [(k, m) for k in range(6) for m in range(6) if k != m]
    inner = np.array([[np.mean([gradients[s, k] @ gradients[t, m] for k, m in pairs]) for t in range(3)] for s in range(3)])
    means = gradients.mean(axis=1)
    frame = found.to_frame()
    assert frame[["task_a", "task_b"]].values.tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    for row, (s, t) in zip(frame.itertuples(), ((0, 1), (0, 2), (1, 2)), strict=True):
        assert row.cosine == pytest.approx(inner[s, t] / np.sqrt(inner[s, s] * inner[t, t]))
        assert row.naive == pytest.approx(means[s] @ means[t] / np.linalg.norm(means[s]) / np.linalg.norm(means[t]))
        assert row.conflict_rate == np.mean([gradients[s, k] @ gradients[t, k] < 0 for k in range(6)])
    assert "a, b" in found._repr_html_()


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        ([np.zeros((4, 5))], r"gradients should map two or more tasks to \[microbatches, parameters\]; found list"),
        ({"a": np.ones((4, 5))}, "gradients should map two or more tasks .*; found 1 tasks"),
        (
            {"a": np.ones((4, 5)), "b": np.ones((3, 5))},
            r"gradients of 'a' .*; found float64 \[4, 5\] among \[\[3, 5\], \[4, 5\]\]",
        ),
        ({"a": np.ones((1, 5)), "b": np.ones((1, 5))}, r"two or more microbatches"),
        ({"a": np.ones((4, 5), int), "b": np.ones((4, 5), int)}, r"should be floating-point .*; found int64 \[4, 5\]"),
        ({"a": np.ones((4, 5)), "b": np.full((4, 5), np.inf)}, "gradient of task 1 should be finite"),
        ({"a": np.ones((4, 5)), "b": "x"}, r"gradients of 'b' should be an array or tensor of numbers .*; found str"),
    ],
)
def test_gradients_that_do_not_fit_are_named_in_one_line(gradients, message):
    with pytest.raises(EvidenceError, match=message) as caught:
        mtlens.gradient_alignment(gradients)
    assert "\n" not in str(caught.value)
