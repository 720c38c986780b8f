"""What is recorded about conflicts while a model trains, and that measuring them changes nothing."""

import numpy as np
import pytest
import torch

from mtlens.training.balancing.base import Batch
from mtlens.training.checkpoint import trained_tensors
from mtlens.training.conflicts import ConflictMeter
from mtlens.training.hardware import prepare
from mtlens.training.trainer import Trainer

ignore = lambda _: None  # noqa: E731 - a listener that hears nothing


@pytest.fixture
def hardware():
    return prepare("float32", threads=1, gpu=False)


def fit(run, encoded, folder, hardware, *, state=None, on_epoch=ignore):
    trainer = Trainer(run, encoded, folder, hardware)
    if state is not None:
        trainer.resume(state)
    trainer.fit(ignore, on_epoch)
    return trainer


def test_rates_and_cosines_are_means_over_pairs_and_batches(tasks):
    meter = ConflictMeter((*tasks, tasks[0].model_copy(update={"name": "third"})), torch.device("cpu"))
    batch = Batch(losses=torch.zeros(3), shares=torch.zeros(3), present=[0, 1], features=None, heads=[], shared=[])
    assert meter.facts() == {}
    meter.add(batch, torch.tensor([[4.0, -1.0], [-1.0, 1.0]]))  # cosine -0.5
    meter.add(batch, torch.tensor([[1.0, 0.25], [0.25, 1.0]]))
    facts = meter.facts()
    assert (facts["conflict_rate"], facts["gradient_cosine"]) == (0.5, -0.125)
    assert [pair["tasks"] for pair in facts["conflicts"]] == [["grade", "side"]]


def test_measuring_changes_no_weight(make_run, encoded, tiny_encoder, hardware):
    run = make_run(epochs=2)
    plain = fit(run, encoded, tiny_encoder, hardware)
    measured = fit(run.model_copy(update={"measure_conflicts": True}), encoded, tiny_encoder, hardware)
    for tensor, twin in zip(trained_tensors(plain.model).values(), trained_tensors(measured.model).values(), strict=True):
        assert torch.equal(tensor, twin)
    assert plain.conflicts.facts() == {}
    assert -1 <= measured.conflicts.facts()["gradient_cosine"] <= 1
    assert measured.conflicts.seconds > 0


@pytest.mark.parametrize("balancing", ["uncertainty", "scaled", "dwa", "upgrad", "pcgrad", "aligned_mtl", "cagrad"])
def test_a_resumed_arm_ends_as_if_it_had_not_been_interrupted(make_run, encoded, tiny_encoder, hardware, balancing):
    run = make_run(epochs=4, patience=0).model_copy(update={"balancing": balancing, "measure_conflicts": True})
    states = []
    whole = fit(run, encoded, tiny_encoder, hardware, on_epoch=lambda epoch: states.append(epoch.state()))
    resumed = fit(run, encoded, tiny_encoder, hardware, state=states[2])
    for tensor, twin in zip(trained_tensors(whole.model).values(), trained_tensors(resumed.model).values(), strict=True):
        assert torch.equal(tensor, twin)
    np.testing.assert_array_equal(whole.conflicts.tallies, resumed.conflicts.tallies)
    assert whole.conflicts.facts() == resumed.conflicts.facts()


def test_aggregation_leaves_heads_to_their_own_task(make_run, encoded, tiny_encoder, hardware):
    """The gradient of a head in its first update is the one of the joint loss, whatever the aggregation does to the encoder."""
    gradients = {}
    for balancing in ("none", "upgrad"):
        run = make_run(epochs=1).model_copy(update={"balancing": balancing})
        trainer = Trainer(run, encoded, tiny_encoder, hardware)
        trainer.model.train()
        rows = np.arange(16)
        tokens, mask, labels = trainer._part(rows)
        trainer.balancing.backward(trainer._forward(tokens, mask, labels, trainer.loss.totals(trainer.labels[rows])))
        gradients[balancing] = [parameter.grad for parameter in trainer.model.heads.parameters()]
    for joint, aggregated in zip(gradients["none"], gradients["upgrad"], strict=True):
        torch.testing.assert_close(joint, aggregated)
