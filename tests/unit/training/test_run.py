"""One run from claim to DONE: what its folder holds, and that one process at a time trains it."""

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
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.training import run as module
from mtlens.training.run import execute
from tests.support.journals import events, milestones


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
