"""Gradients of several tasks against autograd's Jacobians, and the sums that a Gramian keeps of them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from mtlens.data.tokenize import collate
from mtlens.errors import EvidenceError
from mtlens.evidence.gradients.estimators import combine
from mtlens.evidence.gradients.gramian import Gramian, task_gradients
from mtlens.evidence.gradients.parameter_blocks import Block, block_names
from mtlens.training.model import build_model
from tests.support.made_up_gradients import alignment_of, assert_same, cosine, microbatch


def test_gradients_and_products_are_those_of_the_jacobian():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    heads, inputs, labels = torch.randn(2, 3, 4, dtype=torch.float64), torch.randn(9, 5).double(), torch.randint(4, (9, 2))

    def losses(weights):
        hidden = torch.func.functional_call(net, weights, (inputs,))
        return torch.stack([functional.cross_entropy(hidden @ heads[task], labels[:, task]) for task in range(2)])

    weights = dict(net.named_parameters())
    found = task_gradients(list(losses(weights)), list(weights.values()))
    jacobian = torch.func.jacrev(losses)({name: weight.detach() for name, weight in weights.items()})
    for position, name in enumerate(weights):
        torch.testing.assert_close(torch.stack([own[position] for own in found]), jacobian[name])
    gramian = Gramian(list(weights), 2)
    gramian.add(found)
    rows = torch.cat([entries.flatten(1) for entries in jacobian.values()], dim=1).numpy()
    whole = combine(gramian.result().values())
    np.testing.assert_allclose(whole.microbatch_products[0], rows @ rows.T)
    np.testing.assert_allclose(whole.naive[0, 1], cosine(*rows))


def test_gradients_of_a_model_are_those_of_a_backward_pass_per_task(make_run, encoded, tiny_encoder):
    model = build_model(make_run(), tiny_encoder, encoded.vocabulary).eval()
    rows = np.flatnonzero((encoded.labels >= 0).all(axis=1))[:12]
    tokens, mask = (torch.from_numpy(array) for array in collate(encoded, rows))
    labels = torch.from_numpy(encoded.labels[rows].astype(np.int64))

    def losses():
        return [functional.cross_entropy(logits, labels[:, j]) for j, logits in enumerate(model(tokens, mask))]

    names, parameters = zip(*model.encoder.named_parameters(prefix="encoder"), strict=True)
    found = task_gradients(losses(), parameters)
    assert all(parameter.grad is None for parameter in model.parameters())
    for task in range(2):
        model.zero_grad()
        losses()[task].backward()
        torch.testing.assert_close(found[task], [parameter.grad for parameter in parameters])
    gramian = Gramian(block_names(names), 2)
    gramian.add(found)
    assert set(gramian.result()) == {
        Block(0, "embedding"),
        Block(0, "norm"),
        *(Block(layer, group) for layer in (1, 2) for group in ("attention", "feedforward", "norm")),
    }


def test_parameters_that_a_loss_does_not_use_have_gradient_zero():
    shared, own = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    first, second = task_gradients([shared.sum(), (shared.sum() * own).sum()], [shared, own])
    assert torch.equal(first[1], torch.zeros(3))
    assert torch.equal(second[1], torch.full((3,), 2.0))


def test_activation_checkpointing_must_not_be_reentrant():
    first, second, inputs = torch.randn(4, 4, requires_grad=True), torch.randn(4, 4, requires_grad=True), torch.randn(3, 4)

    def losses(**reentrant):
        hidden = inputs @ first
        hidden = checkpoint(lambda x: (x @ second).tanh(), hidden, **reentrant) if reentrant else (hidden @ second).tanh()
        return [hidden.sum(), hidden.square().sum()]

    plain = task_gradients(losses(), [first, second])
    torch.testing.assert_close(task_gradients(losses(use_reentrant=False), [first, second]), plain)
    with pytest.raises(RuntimeError, match="use_reentrant=True"):
        task_gradients(losses(use_reentrant=True), [first, second])
    with pytest.raises(EvidenceError, match="task 0 should depend on the parameters"):
        task_gradients(losses(use_reentrant=True), [second])


@given(st.permutations(range(4)), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_the_order_of_parameters_does_not_matter(order, seed):
    generator = torch.Generator().manual_seed(seed)
    shapes, blocks = (
        [(3, 2), (4,), (1,), (2, 5)],
        [Block(1, "attention"), Block(0, "norm"), Block(1, "attention"), Block(2, "norm")],
    )
    plain, permuted = Gramian(blocks, 2), Gramian([blocks[i] for i in order], 2)
    for _ in range(3):
        of_tasks = [[torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes] for _ in range(2)]
        plain.add(of_tasks)
        permuted.add([[own[i] for i in order] for own in of_tasks])
    expected, found = plain.result(), permuted.result()
    assert expected.keys() == found.keys()
    for block in blocks:
        assert_same(found[block], expected[block], rtol=1e-6, atol=1e-9)


def test_results_can_be_asked_for_on_the_way():
    gradients = np.random.default_rng(0).normal(size=(6, 2, 9)).astype(np.float32)
    gramian = Gramian(["all"], 2)
    for k, of_tasks in enumerate(gradients, start=1):
        gramian.add(microbatch(of_tasks))
        assert_same(gramian.result()["all"], alignment_of(gradients[:k]), rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_of_float32_are_those_of_float64(dtype):
    generator = torch.Generator().manual_seed(0)
    gradients = (torch.randn(16, 2, 300_000, generator=generator) * 3 + torch.rand(300_000, generator=generator)).to(dtype)
    found, exact = alignment_of(gradients), alignment_of(gradients.double())
    np.testing.assert_allclose(found.microbatch_products, exact.microbatch_products, rtol=1e-12)
    error = np.abs(found.half_products - exact.half_products)
    assert error.max() < 1e-6 * exact.half_products.max()


def test_autocast_does_not_reach_the_products():
    gradients = np.random.default_rng(0).normal(size=(3, 2, 50)).astype(np.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = alignment_of(gradients)
    assert_same(found, alignment_of(gradients), rtol=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_named_and_not_taken_in(value):
    gramian = Gramian([Block(0, "embedding"), Block(3, "attention")], 2)
    good = [[torch.ones(2), torch.ones(3)], [torch.ones(2), torch.tensor([1.0, 2.0, 3.0])]]
    gramian.add(good)
    bad = [good[0], [torch.ones(2), torch.tensor([1.0, value, 3.0])]]
    with pytest.raises(
        EvidenceError, match=r"task 1 should be finite; found NaN or infinity in layer 3 attention, microbatch 1$"
    ):
        gramian.add(bad)
    gramian.add(good)
    assert (gramian.result()[Block(3, "attention")].num_microbatches == 2).all()
    np.testing.assert_allclose(gramian.result()[Block(3, "attention")].inner, [[3, 6], [6, 14]])


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        ([[torch.ones(2)]], "should be of 2 tasks; found 1"),
        ([None, None], "a label for at least one task; found none"),
        ([[torch.ones(2)], [torch.ones(2), torch.ones(1)]], "task 1 should have gradients in 1 parameters; found 2"),
        ([[torch.ones(2)], [torch.ones(3)]], r"task 1 in parameter 0 should have shape \(2,\); found \(3,\)"),
    ],
)
def test_gradients_that_do_not_fit_are_refused(gradients, message):
    with pytest.raises(EvidenceError, match=message):
        Gramian(["all"], 2).add(gradients)


def test_parameters_keep_their_shape():
    gramian = Gramian(["all"], 2)
    gramian.add([None, [torch.ones(2)]])
    with pytest.raises(EvidenceError, match=r"task 0 in parameter 0 should have shape \(2,\); found \(1,\)"):
        gramian.add([[torch.ones(1)], None])


@pytest.mark.parametrize("constant", [torch.tensor(1.0), torch.tensor(1.0, requires_grad=True)])
def test_a_loss_of_nothing_shared_is_refused(constant):
    weight = torch.ones(2, requires_grad=True)
    with pytest.raises(EvidenceError, match="loss of task 1 should depend on the parameters; found none that it depends on"):
        task_gradients([weight.sum(), constant], [weight])


@pytest.mark.parametrize("independent", [np.ones((2, 3), dtype=bool), np.array([[False, True], [False, False]])])
def test_independence_is_a_relation_between_two_tasks(independent):
    with pytest.raises(EvidenceError, match=r"should be a symmetric \[2, 2\]"):
        Gramian(["all"], 2, independent=independent)
