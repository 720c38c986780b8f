"""Masks cut from pools: their rate, their independence, and that the seed alone decides them."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional

from mtlens.training.dropout import SMALLEST_POOL, STEPS_PER_POOL, BulkDropout, MaskPool

RATE = 0.1


def dropped(masks: list[torch.Tensor]) -> np.ndarray:
    return np.concatenate([(mask == 0).numpy().ravel() for mask in masks])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.03])
def test_the_share_of_zeros_is_the_rate(rate: float) -> None:
    pool = MaskPool(rate, torch.float32, [3])
    zeros = dropped([pool.mask(torch.Size([1000, 1000]))])
    assert stats.binomtest(int(zeros.sum()), zeros.size, rate).pvalue > 1e-3
    assert pool.mask(torch.Size([1000])).max() == pytest.approx(1 / (1 - rate))


def test_elements_of_one_step_are_independent() -> None:
    """Neighbours, rows, and the same place of two masks, as pairs; and the gaps between zeros are geometric."""
    pool = MaskPool(RATE, torch.bfloat16, [5])
    pool.start_step()
    first, second = (dropped([pool.mask(torch.Size([700, 700]))]) for _ in range(2))
    for one, other in [(first[:-1], first[1:]), (first[:-700], first[700:]), (first, second)]:
        both = stats.binomtest(int(np.sum(one & other)), len(one), RATE**2)
        assert both.pvalue > 1e-3
    gaps = np.diff(np.flatnonzero(np.concatenate([first, second])))
    seen = np.array([np.sum(gaps == length) for length in range(1, 40)] + [np.sum(gaps >= 40)])
    chances = np.append(stats.geom.pmf(np.arange(1, 40), RATE), stats.geom.sf(39, RATE))
    assert stats.chisquare(seen, chances * seen.sum()).pvalue > 1e-3


def test_no_element_of_the_pool_is_used_twice_in_a_step() -> None:
    """A step that asks for more than the pool holds gets a larger one, and one that ends there goes on at the beginning."""
    pool = MaskPool(RATE, torch.float32, [0])
    pool.start_step()
    masks = [pool.mask(torch.Size([SMALLEST_POOL // 5])) for _ in range(12)]
    places = [mask.data_ptr() for mask in masks]
    assert len(set(places)) == len(places)
    zeros = dropped(masks).reshape(12, -1).astype(float)
    off_diagonal = np.corrcoef(zeros)[~np.eye(12, dtype=bool)]
    assert np.abs(off_diagonal).max() < 4.5 / np.sqrt(zeros.shape[1])


def test_steps_have_other_masks_and_the_pool_is_drawn_anew() -> None:
    pool = MaskPool(RATE, torch.float32, [0])
    of_steps = []
    for _ in range(2 * STEPS_PER_POOL):
        pool.start_step()
        of_steps.append(dropped([pool.mask(torch.Size([20_000]))]).astype(float))
    off_diagonal = np.corrcoef(of_steps)[~np.eye(len(of_steps), dtype=bool)]
    assert np.abs(off_diagonal).max() < 4.5 / np.sqrt(20_000)


def test_the_seed_alone_decides_the_masks() -> None:
    def masks(seed: int) -> torch.Tensor:
        torch.manual_seed(int(np.random.default_rng().integers(1000)))
        dropout, found = BulkDropout([seed, 1, 0]), []
        for _ in range(3):
            with dropout.step():
                found.append(functional.dropout(torch.ones(50, 50), RATE))
        return torch.stack(found)

    assert torch.equal(masks(1), masks(1))
    assert not torch.equal(masks(1), masks(2))


def test_dropout_of_modules_goes_by_the_pool_and_evaluation_does_not() -> None:
    values = torch.randn(64, 64, dtype=torch.bfloat16, requires_grad=True)
    module = torch.nn.Dropout(RATE)
    with BulkDropout([0]).step():
        found = module(values)
        assert torch.equal(module.eval()(values), values)
        assert torch.equal(functional.dropout(values, 1.0), torch.zeros_like(values))
    found.sum().backward()
    assert values.grad is not None
    kept = found != 0
    assert torch.equal(values.grad != 0, kept)
    assert torch.equal(found[kept], (values * values.grad)[kept])
    assert stats.binomtest(int((~kept).sum()), kept.numel(), RATE).pvalue > 1e-3
