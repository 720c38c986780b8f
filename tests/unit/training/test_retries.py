"""Collapsed models: detected while they train, recorded, and trained anew as often as the file says."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mtlens.config.sections import Training
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import Labels
from mtlens.training.checkpoint import trained_tensors
from mtlens.training.evaluation import Prediction
from mtlens.training.hardware import prepare
from mtlens.training.run import execute
from mtlens.training.trainer import Trainer

ignore = lambda _: None  # noqa: E731 - a listener that hears nothing


@pytest.fixture
def hardware():
    return prepare("float32", threads=1, gpu=False)


@pytest.fixture
def collapsing(monkeypatch):
    """Makes a given number of attempts of every run count as collapsed."""

    def install(times):
        monkeypatch.setattr(Trainer, "collapsed", lambda self: ["grade"] if self.progress.attempt < times else [])

    return install


def prediction(tasks, labels, predicted):
    probabilities = np.eye(3, dtype=np.float32)[predicted]
    rows = np.arange(len(labels))
    return Prediction(task=tasks[0], rows=rows, labels=Labels(codes=np.array(labels, np.int32)), said=probabilities)


def test_one_class_for_all_texts_is_a_collapse(tasks):
    assert prediction(tasks, [0, 1, 2, 0], [0, 0, 0, 0]).collapsed
    assert not prediction(tasks, [0, 1, 2, 0], [0, 0, 1, 0]).collapsed
    assert not prediction(tasks, [0, 0], [0, 0]).collapsed  # there is nothing else to predict


def test_a_model_that_cannot_learn_is_told_in_every_epoch(make_run, encoded, tiny_encoder, hardware):
    """Labels of one class alone in training: the model predicts it everywhere."""
    labels = encoded.labels.copy()
    labels[(encoded.splits == 0) & (labels[:, 0] >= 0), 0] = 1
    trainer = Trainer(make_run("grade", epochs=3), replace(encoded, labels=labels), tiny_encoder, hardware)
    told = []
    trainer.fit(ignore, lambda epoch: told.append(epoch.collapsed))
    assert told == [["grade"]] * 3
    assert trainer.collapsed() == ["grade"]


def test_permuted_labels_count_as_no_collapse(make_run, encoded, tiny_encoder, hardware):
    trainer = Trainer(make_run("grade", epochs=1, shuffle=True, learning_rate=1e-9), encoded, tiny_encoder, hardware)
    trainer.fit(ignore, ignore)
    assert trainer.collapsed() == []


def test_a_retry_begins_at_the_same_weights_and_sees_other_batches(make_run, encoded, tiny_encoder, hardware, collapsing):
    plain = Trainer(make_run(retries=2), encoded, tiny_encoder, hardware)
    plain.fit(ignore, ignore)
    collapsing(1)
    retried, told = Trainer(make_run(retries=2), encoded, tiny_encoder, hardware), []
    retried.fit(ignore, ignore, told.append)
    assert (told, retried.progress.attempt) == ([["grade"]], 1)
    assert len(retried.progress.history) == retried.progress.epoch <= 3
    for name, tensor in retried._initial.items():
        assert torch.equal(tensor, plain._initial[name])
    assert any(not torch.equal(retried.best[name], plain.best[name]) for name in plain.best)


def test_retries_end(make_run, encoded, tiny_encoder, hardware, collapsing):
    collapsing(9)
    for retries in (0, 2):
        trainer = Trainer(make_run(epochs=1, retries=retries), encoded, tiny_encoder, hardware)
        trainer.fit(ignore, ignore)
        assert trainer.progress.attempt == retries


def test_a_retry_that_was_interrupted_ends_as_if_it_had_not_been(make_run, encoded, tiny_encoder, hardware, collapsing):
    collapsing(1)
    run, states = make_run(epochs=3, patience=0, retries=1), []
    whole = Trainer(run, encoded, tiny_encoder, hardware)
    whole.fit(ignore, lambda epoch: states.append(epoch.state()))
    assert len(states) == 6
    resumed = Trainer(run, encoded, tiny_encoder, hardware)
    resumed.resume(states[3])  # after the first epoch of the second attempt
    resumed.fit(ignore, ignore)
    for tensor, twin in zip(trained_tensors(whole.model).values(), trained_tensors(resumed.model).values(), strict=True):
        assert torch.equal(tensor, twin)


def test_retries_are_counted_and_stored(make_run, encoded, tmp_path, collapsing):
    workspace = Workspace.open(tmp_path)
    collapsing(1)
    run = make_run(epochs=3, patience=0, retries=1)
    assert execute(run, encoded, workspace, threads=1).reason == ""
    folder = RunFolder(workspace, run.run_id)
    facts = folder.facts()
    assert (facts["retries"], facts["collapsed"], facts["epochs_run"]) == (1, [], 3)
    assert len(list(folder.path.glob("epoch-*.safetensors"))) == 3
    events = [json.loads(line) for path in folder.path.glob("journal-*.jsonl") for line in path.read_text().splitlines()]
    assert [event["payload"]["collapsed"] for event in events if event["kind"] == "retry"] == [["grade"]]
    assert folder.verify() == []
    ingest(workspace, force=True)
    assert query(workspace, "SELECT retries, collapsed FROM run").rows == [(1, [])]


def test_runs_that_may_not_be_retried_keep_their_ids(make_run):
    assert "retries" not in Training().model_dump()
    assert make_run(retries=0).run_id == make_run().run_id != make_run(retries=1).run_id
