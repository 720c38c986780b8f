"""Ways of balancing against TorchJD's own examples, closed forms, and what they promise about conflicting gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchjd.aggregation import AlignedMTL, CAGrad, PCGrad, UPGrad
from torchjd.scalarization import GeometricMean

from mtlens.config.run_kinds import RUN_KINDS
from mtlens.training.balancing.aggregation import CAGRAD_RADIUS
from mtlens.training.balancing.base import Batch
from mtlens.training.balancing.methods import METHODS

DOCUMENTED = [[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]]  # the matrix of the examples in TorchJD's documentation
AGGREGATORS = {"upgrad": UPGrad(), "pcgrad": PCGrad(), "cagrad": CAGrad(c=CAGRAD_RADIUS), "aligned_mtl": AlignedMTL()}


def linear_batch(rows, shares=None, present=None):
    """T tasks whose gradients in one shared parameter are the rows, by heads that multiply it. rows: [T, n]."""
    rows = torch.as_tensor(rows, dtype=torch.float32)
    shared = nn.Parameter(torch.zeros(1, rows.shape[1]))
    heads = [nn.Linear(rows.shape[1], 1) for _ in rows]
    for head, row in zip(heads, rows, strict=True):
        head.weight.data = row[None].clone()
        nn.init.ones_(head.bias)
    features = shared * 1.0
    present = list(range(len(rows))) if present is None else present
    known = torch.tensor([task in present for task in range(len(rows))])
    losses = torch.where(known, torch.stack([head(features).squeeze() for head in heads]), 0.0)
    shares = torch.full((len(rows),), 1 / len(present)) if shares is None else torch.as_tensor(shares)
    batch = Batch(
        losses=losses,
        shares=torch.where(known, shares, 0.0),
        present=present,
        features=features,
        heads=heads,
        shared=[shared],
    )
    return batch, shared, heads


def update(name, rows, **more):
    """What a method puts into `grad` of the shared parameter."""
    batch, shared, _ = linear_batch(rows, **more)
    torch.manual_seed(0)
    METHODS[name](len(batch.losses)).backward(batch)
    return shared.grad[0]


@pytest.mark.parametrize("rows", [DOCUMENTED, [[1.0, 2.0, 0.0], [-1.0, 0.5, 3.0], [0.3, -2.0, 1.0]]])
@pytest.mark.parametrize("name", AGGREGATORS)
def test_aggregations_are_those_of_torchjd(name, rows):
    torch.manual_seed(0)
    expected = AGGREGATORS[name](torch.tensor(rows))
    scale = len(rows) if name == "pcgrad" else 1  # PCGrad sums where the others take the mean
    torch.testing.assert_close(update(name, rows), expected / scale, rtol=1e-4, atol=1e-5)


def test_upgrad_gives_the_result_of_torchjds_documentation():
    torch.testing.assert_close(update("upgrad", DOCUMENTED), torch.tensor([0.2929, 1.9004, 1.9004]), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["upgrad", "pcgrad"])
def test_without_a_conflict_the_update_is_that_of_the_joint_loss(name):
    rows, shares = [[1.0, 2.0, 0.0], [2.0, 0.5, 1.0]], [0.25, 0.75]
    joint, shared, heads = linear_batch(rows, shares)
    METHODS["none"](2).backward(joint)
    batch, aggregated, own = linear_batch(rows, shares)
    METHODS[name](2).backward(batch)
    torch.testing.assert_close(aggregated.grad, shared.grad)
    for head, other in zip(heads, own, strict=True):
        torch.testing.assert_close(head.bias.grad, other.bias.grad)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10))
def test_two_opposed_tasks_are_never_harmed_to_first_order(seed, scale):
    """A step against the update changes the loss of task j by minus the product of its gradient and the update.

    UPGrad's solver adds 1e-4 to the diagonal of the Gramian over its trace, so that it protects a task with a gradient that is
    much smaller than the other's less well.
    """
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(6, generator=generator)
    second = -scale * first + 0.3 * torch.randn(6, generator=generator)
    rows = torch.stack([first, second])
    for name, tolerance in (("upgrad", 1e-2), ("pcgrad", 1e-5)):
        products = rows @ update(name, rows)
        assert (products >= -tolerance * rows.norm(dim=1) * rows.norm(dim=1).max()).all()


def test_the_joint_update_does_harm_one_of_two_opposed_tasks():
    rows = torch.tensor([[1.0, 0.0], [-3.0, 0.1]])
    assert (rows @ update("none", rows)).min() < -0.9
    assert (rows @ update("upgrad", rows)).min() > -0.01


@pytest.mark.parametrize("name", METHODS)
def test_a_task_without_a_label_moves_nothing(name):
    rows = [[1.0, 2.0], [50.0, -30.0], [0.5, 1.0]]
    with_absent, without = update(name, rows, present=[0, 2]), update(name, [rows[0], rows[2]])
    torch.testing.assert_close(with_absent, without)
    batch, _, heads = linear_batch(rows, present=[0, 2])
    METHODS[name](3).backward(batch)
    moved = heads[1].weight.grad
    assert moved is None or not moved.any()


def test_uncertainties_move_to_the_logarithms_of_the_losses():
    balancing = METHODS["uncertainty"](2)
    (log_variances,) = balancing.weights
    losses, shares = torch.tensor([0.5, 3.0]), torch.tensor([0.5, 0.5])
    for _ in range(2):
        log_variances.grad = None
        batch = Batch(losses=losses, shares=shares, present=[0, 1], features=None, heads=[], shared=[])
        value = balancing.loss(batch)
        value.backward()
        expected = (shares * (torch.exp(-log_variances) * losses + log_variances)).sum()
        torch.testing.assert_close(value, expected.detach())
        torch.testing.assert_close(log_variances.grad, shares * (1 - torch.exp(-log_variances.detach()) * losses))
        log_variances.data = losses.log()  # where the gradient is 0
    assert log_variances.grad.abs().max() < 1e-6


def test_an_absent_task_keeps_its_uncertainty():
    balancing = METHODS["uncertainty"](2)
    (log_variances,) = balancing.weights
    log_variances.data = torch.tensor([0.0, 0.7])
    batch = Batch(
        losses=torch.tensor([0.5, 0.0]), shares=torch.tensor([1.0, 0.0]), present=[0], features=None, heads=[], shared=[]
    )
    balancing.loss(batch).backward()
    assert log_variances.grad[1].abs() < 1e-6


def test_scaled_losses_are_the_geometric_mean_of_torchjd_and_have_no_unit():
    def gradients(losses, shares):
        losses = torch.tensor(losses, requires_grad=True)
        batch = Batch(
            losses=losses, shares=torch.tensor(shares), present=range(len(losses)), features=None, heads=[], shared=[]
        )
        value = METHODS["scaled"](len(losses)).loss(batch)
        value.backward()
        return value.detach(), losses.grad

    value, gradient = gradients([0.2, 3.0, 1.1], [1 / 3] * 3)
    losses = torch.tensor([0.2, 3.0, 1.1], requires_grad=True)
    expected = GeometricMean()(losses)
    expected.backward()
    torch.testing.assert_close((value, gradient), (expected.detach(), losses.grad))
    _, in_one_unit = gradients([0.2, 3.0], [0.25, 0.75])
    _, in_another = gradients([20.0, 3.0], [0.25, 0.75])
    ratio = in_one_unit[0] * 0.2 / in_one_unit[1], in_another[0] * 20.0 / in_another[1]
    torch.testing.assert_close(*ratio)


def test_dynamic_weights_follow_the_last_two_epochs():
    balancing = METHODS["dwa"](2)
    batch, _, _ = linear_batch([[1.0], [1.0]])
    batch = Batch(**{**vars(batch), "losses": torch.tensor([0.4, 0.8])})
    for history in ([], [[1.0, 1.0]], [[1.0, 1.0], [0.5, float("nan")]]):
        balancing.start_epoch(history)
        assert balancing.loss(batch).item() == pytest.approx(0.6)
    balancing.start_epoch([[9.0, 9.0], [1.0, 1.0], [0.5, 0.9]])
    weights = 2 * torch.softmax(torch.tensor([0.5, 0.9]) / 2, dim=0)
    assert balancing.loss(batch).item() == pytest.approx((weights * torch.tensor([0.2, 0.4])).sum().item())


@pytest.mark.parametrize("name", AGGREGATORS)
def test_the_inner_products_are_told(name):
    batch, _, _ = linear_batch(DOCUMENTED)
    rows = np.array(DOCUMENTED) / 2
    np.testing.assert_allclose(METHODS[name](2).backward(batch), rows @ rows.T, rtol=1e-5)
    again, _, _ = linear_batch(DOCUMENTED)
    np.testing.assert_allclose(again.gramian(), rows @ rows.T, rtol=1e-5)


def test_every_arm_is_balanced_by_a_method_that_exists():
    assert {kind.balancing for kind in RUN_KINDS.values()} == set(METHODS)
