"""A run that cannot be trained fails with a reason of one line."""

import json

import pytest

from mtlens.errors import EncoderError, WorkspaceError
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.training import run as module
from mtlens.training.distributed import Decision, World
from mtlens.training.run import execute
from tests.support.journals import events


def test_a_run_that_diverges_is_failed_with_its_reason_and_tried_again(make_run, encoded, workspace):
    run = make_run(learning_rate=1e30, head_learning_rate=1e30, gradient_clip=1e30)
    outcome = execute(run, encoded, workspace, threads=1)
    folder = RunFolder(workspace, run.run_id)
    assert "should be finite; found" in outcome.reason
    assert folder.state == "failed"
    assert json.loads((folder.path / "FAILED").read_text())["reason"] == outcome.reason
    assert execute(run, encoded, workspace, threads=1).reason == outcome.reason
    assert [event["kind"] for event in events(folder)].count("start") == 2


def test_an_unexpected_error_fails_the_run_and_spares_the_lane(make_run, encoded, workspace, monkeypatch):
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


def test_what_one_process_of_a_data_parallel_run_meets_alone_is_raised(make_run, encoded, workspace, monkeypatch):
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
