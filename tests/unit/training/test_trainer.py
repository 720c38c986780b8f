"""Training of one run: it learns, it is reproducible, it resumes exactly, and it stops where it should."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from mtlens.errors import TrainingError
from mtlens.training.checkpoint import capture, restore, trained_tensors
from mtlens.training.hardware import prepare
from mtlens.training.progress import Progress
from mtlens.training.trainer import Trainer, training_labels

ignore = lambda _: None  # noqa: E731 - a listener that hears nothing


@pytest.fixture
def hardware():
    return prepare("float32", threads=1, gpu=False)


def trained(run, encoded, folder, hardware, *, state=None, on_epoch=ignore, on_step=ignore):
    trainer = Trainer(run, encoded, folder, hardware)
    if state is not None:
        trainer.resume(state)
    trainer.fit(on_step, on_epoch)
    return trainer


def same_weights(first, second):
    pairs = zip(trained_tensors(first.model).items(), trained_tensors(second.model).items(), strict=True)
    return all(name == other and torch.equal(tensor, twin) for (name, tensor), (other, twin) in pairs)


def test_a_model_learns_what_stands_in_the_words(make_run, encoded, tiny_encoder, hardware):
    trainer = trained(make_run(epochs=10), encoded, tiny_encoder, hardware)
    assert all(prediction.score() > 0.95 for prediction in trainer.predict("test"))


def test_a_model_trained_on_shuffled_labels_learns_nothing(make_run, encoded, tiny_encoder, hardware):
    trainer = trained(make_run("grade", epochs=6, shuffle=True), encoded, tiny_encoder, hardware)
    assert trainer.predict("test")[0].score() < 0.6


def test_equal_seeds_give_equal_weights_and_others_do_not(make_run, encoded, tiny_encoder, hardware):
    first, second, other = (trained(make_run(seed=seed), encoded, tiny_encoder, hardware) for seed in (0, 0, 1))
    assert same_weights(first, second)
    assert not same_weights(first, other)


def test_a_single_task_step_is_the_step_of_a_table_that_serves_one_task(make_run, encoded, tiny_encoder, hardware):
    """Where only one task has labels, the multi-task model moves exactly like the single-task model."""
    labels = encoded.labels.copy()
    labels[:, 1] = np.where(encoded.splits == 0, -1, labels[:, 1])
    only_grade = replace(encoded, labels=labels)
    alone, together = (Trainer(make_run(*names), only_grade, tiny_encoder, hardware) for names in (["grade"], []))
    untouched = together.model.heads[1].weight.clone()
    for trainer in (alone, together):
        for _ in range(3):
            trainer.train_epoch(ignore)
            trainer.progress.finish_epoch(0.0, 0.0)
    torch.testing.assert_close(together.model.heads[1].weight, untouched, atol=0, rtol=0)
    assert together.progress.task_updates == [24, 0]
    torch.testing.assert_close(together.model.heads[0].weight, alone.model.heads[0].weight, atol=0, rtol=0)


@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_resumed_run_ends_as_if_it_had_not_been_interrupted(make_run, encoded, tiny_encoder, hardware, stop_after):
    states = []
    whole = trained(make_run(), encoded, tiny_encoder, hardware, on_epoch=lambda epoch: states.append(epoch.state()))
    resumed = trained(make_run(), encoded, tiny_encoder, hardware, state=states[stop_after - 1])
    assert same_weights(whole, resumed)
    assert resumed.progress.history == whole.progress.history
    assert resumed.progress.task_updates == whole.progress.task_updates


def test_the_best_epoch_is_kept(make_run, encoded, tiny_encoder, hardware):
    scores = []
    trainer = trained(
        make_run(epochs=5, learning_rate=3e-2),  # too fast on purpose: the last epoch is not the best
        encoded,
        tiny_encoder,
        hardware,
        on_epoch=lambda epoch: scores.append((epoch.validation, -epoch.loss)),
    )
    assert scores[trainer.progress.best_epoch - 1] == max(scores) > scores[-1]
    validation = np.mean([prediction.score() for prediction in trainer.predict("validation")])
    assert validation == pytest.approx(max(scores)[0])


def test_patience_stops_a_run_that_gets_no_better(make_run, encoded, tiny_encoder, hardware):
    trainer = trained(
        make_run(epochs=30, patience=2, learning_rate=1e-9, head_learning_rate=1e-9), encoded, tiny_encoder, hardware
    )
    assert trainer.progress.epoch < 30
    assert trainer.progress.epoch - trainer.progress.best_epoch == 2


def test_a_loss_that_is_not_finite_names_step_and_task(make_run, encoded, tiny_encoder, hardware):
    trainer = Trainer(make_run(), encoded, tiny_encoder, hardware)
    with torch.no_grad():
        trainer.model.heads[1].bias.fill_(torch.nan)
    with pytest.raises(
        TrainingError, match=r"loss of task 'side' should be finite; found nan at step 1 \(learning rate 0.003\)"
    ):
        trainer.fit(ignore, ignore)


def test_a_loss_that_only_validation_sees_is_not_finite_either(make_run, encoded, tiny_encoder, hardware):
    """The last update of a run may be the one that goes wrong."""
    run = make_run(
        "grade", epochs=1, batch_size=120, learning_rate=1e30, head_learning_rate=1e30, gradient_clip=1e30, warmup=0.0
    )
    with pytest.raises(TrainingError, match=r"loss of task 'grade' should be finite; found .* at validation"):
        Trainer(run, encoded, tiny_encoder, hardware).fit(ignore, ignore)


def test_reported_losses_are_those_of_the_model(make_run, encoded, tiny_encoder, hardware):
    run = make_run("grade", epochs=1, batch_size=120, learning_rate=1e-12, head_learning_rate=1e-12)
    steps, epochs = [], []
    trainer = trained(run, encoded, tiny_encoder, hardware, on_step=steps.append, on_epoch=epochs.append)
    prediction = trainer.predict("train")[0]
    expected = functional.nll_loss(torch.from_numpy(prediction.said).log(), torch.from_numpy(prediction.labels.codes).long())
    assert steps[0].losses[0] == pytest.approx(expected.item(), rel=1e-4)
    assert epochs[0].training_loss == pytest.approx(expected.item(), rel=1e-4)
    assert epochs[0].training_loss != pytest.approx(epochs[0].loss, rel=1e-4)


def test_updates_are_counted_per_task(make_run, encoded, tiny_encoder, hardware):
    trainer = trained(make_run(), encoded, tiny_encoder, hardware)
    assert trainer.progress.updates == 3 * 8
    assert trainer.progress.task_updates == [24, 24]


def test_shuffled_labels_keep_their_counts_and_leave_evaluation_alone(make_run, encoded):
    run = make_run("side", shuffle=True)
    given, shuffled = encoded.select(run.tasks).labels[:, 0], training_labels(encoded.select(run.tasks), run)[:, 0]
    train = encoded.splits == 0
    assert sorted(given[train]) == sorted(shuffled[train])
    assert (given[train] != shuffled[train]).any()
    assert (given[~train] == shuffled[~train]).all()
    assert ((given == -1) == (shuffled == -1)).all()


def test_two_shuffled_tasks_are_related_no_more(make_run, encoded):
    run = make_run("grade", "side", shuffle=True)
    selected = encoded.select(run.tasks)
    twins = replace(selected, labels=np.repeat(selected.labels[:, :1], 2, axis=1))
    first, second = training_labels(twins, run)[twins.splits == 0].T
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.3


def test_only_encoder_matrices_are_decayed(make_run, encoded, tiny_encoder, hardware):
    trainer = Trainer(make_run(), encoded, tiny_encoder, hardware)
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    decayed = [names[id(p)] for group in trainer.optimiser.param_groups if group["weight_decay"] > 0 for p in group["params"]]
    assert decayed
    assert all(
        name.startswith("encoder.encoder.layer") and name.endswith("weight") and "LayerNorm" not in name for name in decayed
    )
    assert sum(len(group["params"]) for group in trainer.optimiser.param_groups) == len(names)


def test_bfloat16_stays_close_to_float32(make_run, encoded, tiny_encoder):
    plain = trained(make_run(epochs=6), encoded, tiny_encoder, prepare("float32", threads=1, gpu=False))
    half = trained(make_run(epochs=6), encoded, tiny_encoder, prepare("bfloat16", threads=1, gpu=False))
    assert all(parameter.dtype == torch.float32 for parameter in half.model.parameters())
    for first, second in zip(plain.predict("test"), half.predict("test"), strict=True):
        assert first.score() == pytest.approx(second.score(), abs=0.05)


@pytest.mark.parametrize("damage", [lambda s: s[: len(s) // 2], lambda s: b"", lambda s: s[:8] + b"x" + s[9:]])
def test_a_damaged_state_is_refused(make_run, encoded, tiny_encoder, hardware, damage):
    trainer = Trainer(make_run(), encoded, tiny_encoder, hardware)
    state = capture(Progress(task_updates=[0, 0]), trainer.model, trainer.best, trainer.optimiser)
    with pytest.raises(TrainingError, match="saved state should fit the run"):
        restore(damage(state), trainer.model, trainer.optimiser)


def test_a_state_of_another_model_is_refused(make_run, encoded, tiny_encoder, hardware):
    trainer, other = (Trainer(make_run(*names), encoded, tiny_encoder, hardware) for names in ((), ("grade",)))
    state = capture(other.progress, other.model, other.best, other.optimiser)
    with pytest.raises(TrainingError, match="saved state should fit the run"):
        trainer.resume(state)
