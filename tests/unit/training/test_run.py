"""One run from claim to DONE: what its folder holds, what interrupts it, and what it survives."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load

from mtlens.data.encoders import locate
from mtlens.errors import EncoderError, WorkspaceError
from mtlens.store.workspace.run_folder import RESUME, RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training import run as module
from mtlens.training.distributed import Decision, World
from mtlens.training.run import execute


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "results")


@pytest.fixture
def save_every_epoch(monkeypatch):
    monkeypatch.setattr(module, "SAVING_SHARE", float("inf"))


def events(folder):
    return [json.loads(line) for path in sorted(folder.path.glob("journal-*")) for line in path.read_text().splitlines()]


def milestones(folder):
    """Kinds of the events but progress, of which a slow machine reports more."""
    return [event["kind"] for event in events(folder) if event["kind"] != "progress"]


def test_a_finished_run_has_everything_in_its_folder(make_run, encoded, workspace):
    run = make_run()
    assert execute(run, encoded, workspace, threads=1).reason == ""
    folder = RunFolder(workspace, run.run_id)
    assert folder.state == "done"
    assert folder.verify() == []
    assert {path.name for path in folder.path.iterdir() if not path.name.startswith(".")} == {
        "DONE", "journal-0.jsonl", "metrics.parquet", "model.safetensors", "predictions.parquet", "run.json",
        "epoch-1.safetensors", "epoch-2.safetensors", "epoch-3.safetensors",
    }  # fmt: skip
    predictions = pq.read_table(folder.path / "predictions.parquet").to_pylist()
    assert len(predictions) == 40 + 80 + 32 + 64  # grade on validation and test, side where it is labelled
    assert all(abs(sum(row["probabilities"]) - 1) < 1e-5 for row in predictions)
    metrics = pq.read_table(folder.path / "metrics.parquet").to_pylist()
    assert {row["name"] for row in metrics} == {"macro_f1", "accuracy", "f1", "ece", "loss"}
    facts = folder.facts()
    assert facts["inference_seconds"] > 0
    assert facts["inference_texts"] > 0
    assert facts["updates"] == 24
    assert facts["task_updates"] == {"grade": 24, "side": 24}
    assert facts["parameters"] == facts["trainable_parameters"] > 0
    assert milestones(folder) == ["start", "epoch", "epoch", "epoch", "done"]


def test_a_run_on_a_gpu_tells_how_busy_it_was(make_run, encoded, workspace, monkeypatch):
    """By the mean of the samples taken while it trained; a CPU gives none."""
    looks = iter([0.25, 0.75] * 100)
    monkeypatch.setattr(module, "SECONDS_BETWEEN_REPORTS", 0.0)
    monkeypatch.setattr(module, "gpu_utilisation", lambda device: next(looks))
    run, other = make_run("grade", epochs=2), make_run("side", epochs=2)
    execute(run, encoded, workspace, threads=1)
    seen = [
        event["payload"]["gpu_utilisation"] for event in events(RunFolder(workspace, run.run_id)) if event["kind"] == "progress"
    ]
    assert len(seen) >= 2
    assert RunFolder(workspace, run.run_id).facts()["gpu_utilisation"] == pytest.approx(sum(seen) / len(seen))
    monkeypatch.setattr(module, "gpu_utilisation", lambda device: None)
    execute(other, encoded, workspace, threads=1)
    assert RunFolder(workspace, other.run_id).facts()["gpu_utilisation"] is None


def test_the_stored_scores_are_those_of_scikit_learn(make_run, encoded, workspace):
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    run = make_run("grade", epochs=1)
    execute(run, encoded, workspace, threads=1)
    folder = RunFolder(workspace, run.run_id)
    test = [row for row in pq.read_table(folder.path / "predictions.parquet").to_pylist() if row["split"] == "test"]
    metrics = {
        (row["name"], row["class"]): row["value"]
        for row in pq.read_table(folder.path / "metrics.parquet").to_pylist()
        if row["split"] == "test"
    }
    labels, predicted = ([row[key] for row in test] for key in ("label", "predicted"))
    assert metrics["macro_f1", None] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert metrics["accuracy", None] == pytest.approx(accuracy_score(labels, predicted))
    probabilities = np.array([row["probabilities"] for row in test], dtype=np.float32)
    assert metrics["loss", None] == pytest.approx(log_loss(labels, probabilities), rel=1e-5)


def test_the_stored_weights_are_those_of_the_best_epoch(make_run, encoded, workspace, tiny_encoder):
    from mtlens.training.hardware import prepare
    from mtlens.training.trainer import Trainer

    run = make_run("grade")
    execute(run, encoded, workspace, threads=1)
    stored = load((RunFolder(workspace, run.run_id).path / "model.safetensors").read_bytes())
    trainer = Trainer(run, encoded, tiny_encoder, prepare("float32", threads=1, gpu=False))
    trainer.fit(lambda _: None, lambda _: None)
    assert stored.keys() == trainer.best.keys()
    assert all(torch.equal(stored[name], tensor) for name, tensor in trainer.best.items())


def test_a_finished_run_is_not_trained_again(make_run, encoded, workspace, monkeypatch):
    run = make_run()
    execute(run, encoded, workspace, threads=1)
    monkeypatch.setattr(module, "Trainer", None)
    assert execute(run, encoded, workspace, threads=1).reason == ""


class Killed(BaseException):
    """Stands for a signal: nothing in the product catches it."""


def die_in_the_third_epoch(run, encoded, workspace, monkeypatch):
    class Mortal(module.Trainer):
        def train_epoch(self, on_step):
            if self.progress.epoch == 2:
                raise Killed
            return super().train_epoch(on_step)

    with monkeypatch.context() as patch:
        patch.setattr(module, "Trainer", Mortal)
        with pytest.raises(Killed):
            execute(run, encoded, workspace, threads=1)


def assert_same_results(workspace, other, run):
    one, two = (RunFolder(where, run.run_id).facts()["files"] for where in (workspace, other))
    for name in ("predictions.parquet", "metrics.parquet", "model.safetensors"):
        assert one[name] == two[name]


@pytest.fixture(scope="module")
def undisturbed(make_run, encoded, tmp_path_factory):
    workspace = Workspace.open(tmp_path_factory.mktemp("undisturbed"))
    execute(make_run(epochs=4), encoded, workspace, threads=1)
    return workspace


@pytest.mark.fault
def test_a_run_killed_between_epochs_goes_on_and_ends_the_same(
    make_run, encoded, workspace, undisturbed, save_every_epoch, monkeypatch
):
    run = make_run(epochs=4)
    die_in_the_third_epoch(run, encoded, workspace, monkeypatch)
    folder = RunFolder(workspace, run.run_id)
    assert folder.state == "unfinished"
    assert folder.read_bytes(RESUME) is not None
    assert execute(run, encoded, workspace, threads=1).reason == ""
    assert milestones(folder) == ["start", "epoch", "epoch", "resume", "epoch", "epoch", "done"]
    assert folder.read_bytes(RESUME) is None
    assert_same_results(workspace, undisturbed, run)


@pytest.mark.fault
def test_a_death_while_the_folder_is_sealed_repeats_the_last_epoch_alone(
    make_run, encoded, workspace, undisturbed, save_every_epoch, monkeypatch
):
    """The journal has told the end, the marker is not there: the run is taken up after its last saved epoch."""
    run = make_run(epochs=4)
    folder = RunFolder(workspace, run.run_id)

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", die)
        with pytest.raises(Killed):
            execute(run, encoded, workspace, threads=1)
    assert folder.state == "unfinished"
    assert execute(run, encoded, workspace, threads=1).reason == ""
    assert milestones(folder) == ["start", *["epoch"] * 4, "done", "resume", "epoch", "done"]
    assert_same_results(workspace, undisturbed, run)


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: b"",
        lambda state: state[:100],
        lambda state: state[: len(state) // 2],
        lambda state: state[:-1],
        lambda state: state[: len(state) // 2] + bytes(len(state) - len(state) // 2),
        lambda state: state.replace(b"now/", b"new/"),
    ],
    ids=["empty", "a hundred bytes", "half", "all but a byte", "half, then zeros", "of another form"],
)
def test_a_torn_state_costs_the_earlier_epochs_and_nothing_else(
    make_run, encoded, workspace, undisturbed, save_every_epoch, monkeypatch, damage
):
    run = make_run(epochs=4)
    die_in_the_third_epoch(run, encoded, workspace, monkeypatch)
    folder = RunFolder(workspace, run.run_id)
    (folder.path / RESUME).write_bytes(damage(folder.read_bytes(RESUME)))
    assert execute(run, encoded, workspace, threads=1).reason == ""
    assert milestones(folder) == ["start", "epoch", "epoch", "start", *["epoch"] * 4, "done"]
    _, again = (event for event in events(folder) if event["kind"] == "start")
    assert "saved state should fit the run" in again["payload"]["discarded"]
    assert_same_results(workspace, undisturbed, run)


def test_a_run_that_diverges_is_failed_with_its_reason_and_tried_again(make_run, encoded, workspace):
    run = make_run(learning_rate=1e30, head_learning_rate=1e30, gradient_clip=1e30)
    outcome = execute(run, encoded, workspace, threads=1)
    folder = RunFolder(workspace, run.run_id)
    assert "should be finite; found" in outcome.reason
    assert folder.state == "failed"
    assert json.loads((folder.path / "FAILED").read_text())["reason"] == outcome.reason
    assert execute(run, encoded, workspace, threads=1).reason == outcome.reason
    assert [event["kind"] for event in events(folder)].count("start") == 2


def test_an_error_that_nobody_foresaw_fails_the_run_and_spares_the_lane(make_run, encoded, workspace, monkeypatch):
    monkeypatch.setattr(module.Trainer, "fit", lambda *_: 1 / 0)
    run = make_run()
    assert execute(run, encoded, workspace, threads=1).reason == "ZeroDivisionError: division by zero"
    assert "Traceback" in events(RunFolder(workspace, run.run_id))[-1]["payload"]["traceback"]


def test_other_weights_than_planned_fail_the_run(make_run, encoded, workspace):
    run = make_run().model_copy(update={"pretrained": "0" * 64})
    assert "should have fingerprint 000000000000; found" in execute(run, encoded, workspace, threads=1).reason


def test_an_encoder_that_went_missing_fails_the_run(make_run, encoded, workspace, monkeypatch):
    def gone(name):
        raise EncoderError("encoder should be a local directory")

    monkeypatch.setattr(module, "_locate", gone)
    assert "should be a local directory" in execute(make_run(), encoded, workspace, threads=1).reason


def test_what_one_process_of_a_wide_run_meets_alone_is_raised(make_run, encoded, workspace, monkeypatch):
    """The others wait for it, up to a day: only Ray Train can end them."""
    monkeypatch.setattr(World, "share", lambda *_: Decision(train=True))
    other = make_run().model_copy(update={"pretrained": "0" * 64})
    for rank in (0, 1):
        with pytest.raises(EncoderError, match="should have fingerprint"):
            execute(other, encoded, workspace, threads=1, world=World(rank=rank, size=2))

    def full(*_, **__):
        raise WorkspaceError("could not lock it: No space left on device")

    monkeypatch.setattr(RunFolder, "claim", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        execute(make_run(), encoded, workspace, threads=1, world=World(rank=0, size=2))


@pytest.mark.fault
def test_a_full_disk_fails_the_run_with_one_line(make_run, encoded, workspace, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    reason = execute(make_run(), encoded, workspace, threads=1).reason
    assert "No space left on device" in reason


def test_a_run_that_another_process_trains_is_waited_for(make_run, encoded, workspace):
    run = make_run()
    folder = RunFolder(workspace, run.run_id)
    outcomes = []
    with folder.claim():
        waiting = threading.Thread(target=lambda: outcomes.append(execute(run, encoded, workspace, threads=1)))
        waiting.start()
        time.sleep(0.3)
        assert folder.state == "absent"
        assert outcomes == []
    waiting.join(timeout=60)
    assert outcomes[0].reason == ""
    assert folder.state == "done"


def test_a_claim_dies_with_its_process(make_run, workspace):
    """After kill -9 of the process that holds a run, the run is free."""
    run = make_run()
    code = (
        "import sys, time; from pathlib import Path\n"
        "from mtlens.store.workspace.run_folder import RunFolder; from mtlens.store.workspace.workspace import Workspace\n"
        "with RunFolder(Workspace.open(Path(sys.argv[1])), sys.argv[2]).claim():\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(workspace.root), run.run_id], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with RunFolder(workspace, run.run_id).claim():
        pass


def test_locating_the_encoder_is_done_once_per_process(tiny_encoder):
    assert module._locate(str(tiny_encoder)) is module._locate(str(tiny_encoder))
    assert module._locate(str(tiny_encoder)) == locate(str(tiny_encoder))
