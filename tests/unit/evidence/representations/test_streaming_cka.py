import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlens.errors import EvidenceError
from mtlens.evidence.representations.cka import similarity_matrix
from mtlens.evidence.representations.streaming_cka import StreamingCka

FEW = settings(max_examples=40, deadline=None)


def related(n, p, q, seed, dtype=torch.float64):
    """X [n, p] and Y [n, q] that have a part in common."""
    generator = torch.Generator().manual_seed(seed)
    x, noise, mixing = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((n, p), (n, q), (p, q)))
    return (x + 2).to(dtype), (x @ mixing / math.sqrt(p) + noise - 1).to(dtype)


def streamed(x, y, sizes):
    """Debiased and biased CKA of X and Y in batches of the sizes given."""
    stream = StreamingCka()
    for batch in zip(x.split(sizes), y.split(sizes), strict=True):
        stream.update(*batch)
    return stream.debiased(), stream.biased()


def at_once(x, y):
    found = similarity_matrix([x.double(), y.double()])
    return found.debiased[0, 1], found.biased[0, 1]


@given(st.lists(st.integers(1, 12), min_size=4, max_size=12), st.integers(1, 20), st.integers(1, 20), st.integers(0, 10_000))
@FEW
def test_however_cut_a_stream_has_the_value_of_the_whole(sizes, p, q, seed):
    x, y = related(sum(sizes) + 4, p, q, seed)
    expected = pytest.approx(at_once(x, y), abs=1e-10)
    assert streamed(x, y, [*sizes, 4]) == expected
    assert streamed(x, y, [*reversed(sizes), 3, 1]) == expected
    assert streamed(x, y, 1) == expected


def test_batches_far_apart_are_put_about_one_mean():
    x, y = related(60, 8, 5, 0)
    x[30:] += 100
    y[:30] -= 50
    expected = pytest.approx(at_once(x, y), abs=1e-10)
    assert streamed(x, y, 30) == expected
    assert streamed(x, y, [59, 1]) == expected


def test_float32_features_far_from_0_lose_nothing():
    x, y = related(200, 20, 10, 0)
    shifted = (x + 300).float()
    assert streamed(shifted, y, 64) == pytest.approx(at_once(shifted, y), abs=1e-12)
    assert streamed(shifted, y, 64) == pytest.approx(at_once(x, y), abs=1e-6)


def test_values_may_be_asked_for_on_the_way():
    x, y = related(40, 5, 5, 0)
    stream = StreamingCka()
    for start in range(0, 40, 10):
        stream.update(x[start : start + 10], y[start : start + 10])
        assert stream.debiased() == pytest.approx(at_once(x[: start + 10], y[: start + 10])[0], abs=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constant_features_and_too_few_examples_are_undefined(dtype):
    x, y = related(20, 5, 5, 0, dtype)
    constant = torch.full((20, 5), 0.1, dtype=dtype)
    jittered = constant.clone()
    jittered[::2] *= 1 + torch.finfo(dtype).eps
    for undefined in (streamed(x, constant, 6), streamed(jittered, y, 6), streamed(x[:3], y[:3], 2)):
        assert all(math.isnan(value) for value in undefined)
    assert all(math.isfinite(value) for value in streamed(x[:4], y[:4], 3))
    assert math.isnan(StreamingCka().debiased())


def test_examples_at_equal_distances_have_no_estimated_self_similarity():
    x, _ = related(12, 5, 5, 0)
    simplex = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64))[0]
    debiased, biased = streamed(x, simplex, 5)
    assert math.isnan(debiased)
    assert 0 < biased < 1


def test_a_batch_that_does_not_fit_is_refused_and_leaves_no_trace():
    x, y = related(20, 5, 3, 0)
    stream = StreamingCka()
    for bad, message in (
        ((x[:4], y[:3]), "a batch of x and y should hold the same examples; found 4 and 3"),
        ((x[:4], y[:4].long()), r"floating-point matrix \[n, p\] with n > 0; found int64 \[4, 3\] in y"),
        ((x[:0], y[:0]), r"found float64 \[0, 5\] in x"),
    ):
        with pytest.raises(EvidenceError, match=message):
            stream.update(*bad)
    stream.update(x[:10], y[:10])
    broken = x[10:].clone()
    broken[6, 2] = math.nan
    with pytest.raises(EvidenceError, match="should be finite; found nan in example 16 of x"):
        stream.update(broken, y[10:])
    with pytest.raises(EvidenceError, match="batches of y should have 3 columns; found 2"):
        stream.update(x[10:], y[10:, :2])
    stream.update(x[10:], y[10:])
    assert stream.debiased() == pytest.approx(at_once(x, y)[0], abs=1e-12)


def test_infinite_values_are_refused_in_the_first_batch_too():
    x, y = related(8, 2, 2, 0)
    y[5, 1] = -math.inf
    with pytest.raises(EvidenceError, match="found -inf in example 5 of y"):
        StreamingCka().update(x, y)
