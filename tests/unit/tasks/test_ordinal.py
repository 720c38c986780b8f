"""Tasks of ordered classes: the cumulative-link model against the logistic distribution of scipy."""

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from mtlens.config.task import Task
from mtlens.tasks import kind_of
from mtlens.tasks.ordinal import log_probabilities

GRADE = Task(name="grade", column="grade", classes=("none", "mild", "moderate", "severe"), kind="ordinal")
ORDINAL = kind_of(GRADE)


def test_probabilities_are_differences_of_the_logistic_distribution():
    logits = torch.randn(50, 3, dtype=torch.float64) * 3
    gaps = np.logaddexp(0, logits[:, 1:].numpy())
    above = np.concatenate([logits[:, :1].numpy(), logits[:, :1].numpy() - gaps.cumsum(axis=1)], axis=1)
    cumulative = np.pad(stats.logistic.cdf(above), ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
    found = ORDINAL.probabilities(GRADE, logits).numpy()
    assert found == pytest.approx(cumulative[:, :-1] - cumulative[:, 1:], abs=1e-12)
    assert found.sum(axis=1) == pytest.approx(np.ones(50))


def test_the_loss_is_the_weighted_log_likelihood_and_finite_far_out():
    logits = torch.tensor([[90.0, 0.0, -90.0], [-90.0, 0.0, 0.0], [0.5, 0.1, 0.2], [0.0, 0.0, 0.0]], requires_grad=True)
    labels, weights = torch.tensor([0, 3, 2, -1]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    total = ORDINAL.loss(GRADE, logits, labels, weights, "sum")
    expected = -(weights[labels[:3]] * log_probabilities(logits)[torch.arange(3), labels[:3]]).sum()
    assert total.item() == pytest.approx(expected.item())
    assert ORDINAL.loss(GRADE, logits, labels, weights, "mean").item() == pytest.approx(expected.item() / 8)
    (slopes,) = torch.autograd.grad(total, logits)
    assert torch.isfinite(slopes).all()
    assert not slopes[3].any()


def test_a_score_alone_fits_ordered_logits():
    """With fixed gaps it is the proportional-odds model: the score that maximises its likelihood is that of scipy's search."""
    gaps, labels = torch.tensor([0.3, 1.2]), torch.tensor([0, 1, 1, 2, 3, 3, 2, 1])

    def loss(score):
        logits = torch.cat([torch.full((8, 1), float(score)), gaps.expand(8, 2)], dim=1)
        return ORDINAL.loss(GRADE, logits, labels, torch.ones(4), "sum").item()

    thresholds = np.concatenate([[0.0], np.logaddexp(0, gaps.numpy()).cumsum()])

    def reference(score):
        upper = np.concatenate([stats.logistic.cdf(thresholds - score), [1.0]])
        return -np.log((upper - np.concatenate([[0.0], upper[:-1]]))[labels.numpy()]).sum()

    ours, theirs = (optimize.minimize_scalar(function, bounds=(-5, 5), method="bounded") for function in (loss, reference))
    assert ours.x == pytest.approx(theirs.x, abs=1e-3)
    assert ours.fun == pytest.approx(theirs.fun, rel=1e-5)


def test_the_margin_is_the_log_odds_of_the_class():
    logits = torch.randn(1, 3)
    probabilities = ORDINAL.probabilities(GRADE, logits)[0]
    for label in range(4):
        found = ORDINAL.margin(GRADE, logits, label, torch.ones(4))
        assert found.item() == pytest.approx(probabilities[label].logit().item(), abs=1e-4)


def test_two_classes_are_a_logistic_regression():
    task = GRADE.model_copy(update={"classes": ("no", "yes")})
    logits = torch.randn(5, ORDINAL.outputs(task))
    assert torch.allclose(ORDINAL.probabilities(task, logits)[:, 1], logits[:, 0].sigmoid())


def test_a_temperature_flattens_probabilities_as_it_was_fitted():
    logits = torch.randn(5, 3)
    flat = ORDINAL.calibrated(GRADE, logits, (), 2.0)
    powers = ORDINAL.probabilities(GRADE, logits).sqrt()
    assert torch.allclose(flat, powers / powers.sum(dim=1, keepdim=True))
