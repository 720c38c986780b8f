"""Look-ahead affinities against closed forms, and from a trained model by way of the store."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch.nn import functional

from mtlens.config.experiment import Experiment
from mtlens.config.sections import Search
from mtlens.evidence.checkpoints import load_trained
from mtlens.evidence.gradients.gradient_rows import gradient_batches_of
from mtlens.evidence.gradients.lookahead import affinities, look_ahead
from mtlens.evidence.gradients.task_gradients import encoder_parameters
from mtlens.evidence.jobs import LookAhead, Trained, plan_evidence
from mtlens.evidence.run import collect
from mtlens.store.workspace.evidence_folder import LOOKAHEAD, EvidenceFolder
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.hardware import prepare
from mtlens.training.run import encoder_directory, execute

SGD, ADAM = torch.optim.SGD, torch.optim.AdamW


def quadratics(generator, num_tasks=3, size=6):
    """Shared weights, and tasks with loss |theta - target|^2 / 2."""
    theta = torch.tensor(generator.normal(size=size), requires_grad=True)
    targets = torch.tensor(generator.normal(size=(num_tasks, size)))
    return theta, targets, lambda: [((theta - target) ** 2).sum() / 2 for target in targets]


def test_quadratics_under_gradient_descent_have_the_closed_form():
    theta, targets, losses = quadratics(np.random.default_rng(0))
    rate = 0.05
    lookahead, first_order = affinities(losses, [theta], SGD([theta], lr=rate), rate=rate)
    gradients = (theta - targets).detach().numpy()
    start = (gradients**2).sum(axis=1) / 2
    products = gradients @ gradients.T
    # |theta - eta g_i - c_j|^2 / 2 = L_j - eta g_i.g_j + eta^2 |g_i|^2 / 2
    np.testing.assert_allclose(lookahead, (products - rate * products.diagonal()[:, None] / 2) / start, rtol=1e-9)
    np.testing.assert_allclose(first_order, products / start, rtol=1e-12)


def test_a_linear_model_of_several_tensors_agrees_with_autograd_and_with_steps_by_hand():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 20), generator=generator)
    shared = torch.randn(5, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    heads = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64)

    def at(weights, offset):
        return [
            functional.cross_entropy((inputs @ weights + offset) @ head, own) for head, own in zip(heads, labels, strict=True)
        ]

    rate, clip = 0.3, 0.1
    optimiser = SGD([shared, bias], lr=rate)
    lookahead, _ = affinities(lambda: at(shared, bias), [shared, bias], optimiser, rate=rate, clip=clip)
    for i in range(2):
        gradients = torch.autograd.grad(at(shared, bias)[i], [shared, bias])
        length = torch.sqrt(sum((gradient**2).sum() for gradient in gradients)).item()
        assert length > clip
        after = at(*(one - rate * clip / length * by for one, by in zip((shared, bias), gradients, strict=True)))
        expected = [(1 - after[j] / at(shared, bias)[j]).item() / rate for j in range(2)]
        np.testing.assert_allclose(lookahead[i], expected, rtol=1e-4)  # clipping divides by the length plus 1e-6


@pytest.mark.parametrize("is_fresh", [True, False])
def test_weights_and_the_optimisers_state_are_left_exactly_as_they_were(is_fresh):
    theta, _, losses = quadratics(np.random.default_rng(2))
    optimiser = ADAM([theta], lr=0.1, weight_decay=0.1)
    for _ in range(0 if is_fresh else 3):
        sum(losses()).backward()
        optimiser.step()
        optimiser.zero_grad()
    weights = theta.detach().clone()
    state = {name: value.clone() for name, value in optimiser.state[theta].items()} if not is_fresh else {}
    first = affinities(losses, [theta], optimiser, rate=0.1)
    assert torch.equal(theta, weights)
    assert theta.grad is None
    assert optimiser.state.get(theta, {}).keys() == state.keys()
    assert all(torch.equal(optimiser.state[theta][name], value) for name, value in state.items())
    for one, other in zip(first, affinities(losses, [theta], optimiser, rate=0.1), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_step_is_that_of_the_optimiser():
    theta, targets, losses = quadratics(np.random.default_rng(3))
    rate = 1e-3
    lookahead, _ = affinities(losses, [theta], ADAM([theta], lr=rate, weight_decay=0.0), rate=rate)
    gradients = (theta - targets).detach().numpy()
    start = (gradients**2).sum(axis=1) / 2
    # the first step of Adam is the learning rate times the gradient's signs
    after = ((theta.detach().numpy() - rate * np.sign(gradients)[:, None] - targets.numpy()) ** 2).sum(axis=2) / 2
    np.testing.assert_allclose(lookahead, (1 - after / start) / rate, rtol=1e-5)


def test_tasks_without_labels_or_without_loss_have_no_affinity():
    theta, _, losses = quadratics(np.random.default_rng(4), num_tasks=2)
    optimiser = SGD([theta], lr=0.1)
    for odd in (None, (theta * 0).sum()):
        found = affinities(lambda odd=odd: [losses()[0], odd, losses()[1]], [theta], optimiser, rate=0.1)
        for one, whole in zip(found, affinities(losses, [theta], optimiser, rate=0.1), strict=True):
            assert np.isnan(one[1]).all()
            assert np.isnan(one[:, 1]).all()
            np.testing.assert_array_equal(one[np.ix_([0, 2], [0, 2])], whole)
    assert all(np.isnan(affinity).all() for affinity in affinities(lambda: [None, None], [theta], optimiser, rate=0.1))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace.open(tmp_path_factory.mktemp("lookahead"))


@pytest.fixture(scope="module")
def run(make_run, encoded, workspace):
    run = make_run()
    assert execute(run, encoded, workspace, threads=1).reason == ""
    return run


def test_a_piece_holds_each_ordered_pair_at_each_epoch(run, encoded, workspace):
    evidence_job = LookAhead(run=run, microbatches=4, microbatch_size=15)
    assert collect(evidence_job, encoded, workspace, threads=1).reason == ""
    rows = pq.read_table(EvidenceFolder(workspace, evidence_job.job_id).path / LOOKAHEAD).to_pylist()
    epochs = RunFolder(workspace, run.run_id).facts()["epochs_run"]
    assert [(row["epoch"], row["task_from"], row["task_for"]) for row in rows] == [
        (epoch, *pair) for epoch in range(1, epochs + 1) for pair in (("grade", "side"), ("side", "grade"))
    ]
    assert {row["microbatches"] for row in rows} == {4}
    assert all(np.isfinite([row["lookahead"], row["first_order"]]).all() for row in rows)


def test_a_model_that_was_looked_at_is_exactly_as_it_was(run, encoded, workspace):
    hardware = prepare("float32", threads=1, gpu=False)
    model = load_trained(run, workspace, encoder_directory(run), encoded.vocabulary)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    batches = gradient_batches_of(encoded.select(run.tasks), run, 3, 15, hardware)
    lookahead, first_order = look_ahead(model, run, batches, hardware, lambda: None)
    assert lookahead.shape == first_order.shape == (3, 2, 2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in encoder_parameters(model)[1])
    assert np.isfinite([lookahead, first_order]).all()


def test_it_is_asked_for_where_groupings_are_searched(run, tasks):
    experiment = Experiment(name="e", data={"spine": {"region": "lumbar"}}, tasks=tasks, margin=0.1, seeds=(0,))
    kinds = {}
    for search in (None, Search()):
        _, others = plan_evidence(experiment.model_copy(update={"search": search}), [Trained(role="multi", run=run)])
        kinds[search is None] = [evidence_job.kind for evidence_job in others]
    assert kinds == {True: ["gradients", "similarity"], False: ["lookahead", "gradients", "linearised", "similarity"]}
