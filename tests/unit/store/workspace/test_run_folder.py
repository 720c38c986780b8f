"""A run's folder from claim to DONE: its states, what it holds, and whose it is."""

import dataclasses
import errno
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mtlens.config.run import Run
from mtlens.errors import DataError, WorkspaceError
from mtlens.store.workspace import run_tables
from mtlens.store.workspace.job_folder import JobClaimed
from mtlens.store.workspace.journal import read_tail
from mtlens.store.workspace.run_folder import MetricRow, RunFolder
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.fake_runs import block

ROOT = Path(__file__).parents[4]


def test_states_in_the_order_of_a_life(workspace: Workspace, run: Run) -> None:
    folder = RunFolder(workspace, run.run_id)
    assert folder.state == "absent"
    journal = folder.start(run, {"torch": "2"}, {"cpu": "x"})
    journal.close()
    assert folder.state == "unfinished"
    folder.fail("loss became NaN")
    assert folder.state == "failed"
    assert json.loads((folder.path / "FAILED").read_bytes())["reason"] == "loss became NaN"
    folder.start(run, {"torch": "3"}, {}).close()
    assert folder.state == "unfinished"
    assert json.loads((folder.path / "run.json").read_bytes())["versions"] == {"torch": "2"}
    folder.finish([], [], {"seconds": 1.0})
    assert folder.state == "done"
    with pytest.raises(WorkspaceError, match="should start in a folder of its own name, once"):
        folder.start(run, {}, {})


def test_run_json_gives_the_run_back(workspace: Workspace, run: Run) -> None:
    folder = fake_runs.finish(workspace, run)
    stored = json.loads((folder.path / "run.json").read_bytes())
    assert Run.model_validate(stored["run"]) == run
    assert stored["run_id"] == run.run_id == folder.path.name


@pytest.mark.parametrize("run_id", ["", "../../etc", "0" * 15, "0" * 17, "G" * 16, "0" * 16 + "\n"])
def test_only_content_hashes_name_folders(workspace: Workspace, run_id: str) -> None:
    with pytest.raises(WorkspaceError, match="a run id should be 16 hexadecimal digits"):
        RunFolder(workspace, run_id)


def test_a_run_starts_only_in_its_own_folder(workspace: Workspace, run: Run) -> None:
    with pytest.raises(WorkspaceError, match="should start in a folder of its own name"):
        RunFolder(workspace, "0" * 16).start(run, {}, {})


def test_finish_writes_what_was_given(workspace: Workspace, run: Run) -> None:
    folder, journal = fake_runs.start(workspace, run)
    journal.close()
    folder.save_bytes("model.safetensors", b"weights", durable=False)
    folder.save_bytes("resume.safetensors", b"resume", durable=False)
    metrics = [
        MetricRow(split="test", task="t", name="macro_f1", value=0.5),
        MetricRow(split="test", task="t", name="f1", label="mild", value=math.nan),
    ]
    folder.finish(metrics, [block(2), block(1)], {"seconds": math.inf, "device": "cpu", "curve": [1.0, math.nan]})
    assert folder.read_bytes("resume.safetensors") is None
    assert folder.read_bytes("model.safetensors") == b"weights"
    rows = pq.read_table(folder.path / "metrics.parquet").to_pylist()
    assert rows[0] == {"split": "test", "task": "t", "name": "macro_f1", "class": None, "value": 0.5}
    assert (rows[1]["class"], math.isnan(rows[1]["value"])) == ("mild", True)
    predictions = pq.read_table(folder.path / "predictions.parquet")
    assert predictions["example_id"].to_pylist() == ["e0", "e1", "e0"]
    assert predictions["probabilities"].to_pylist() == [[0.25, 0.75]] * 3
    assert predictions.schema.names == run_tables.PREDICTIONS.names
    facts = folder.facts()
    assert (facts["seconds"], facts["device"], facts["curve"]) == (None, "cpu", [1.0, None])
    names = {"run.json", "journal-0.jsonl", "metrics.parquet", "predictions.parquet", "model.safetensors"}
    assert set(facts["files"]) == names
    assert facts["files"]["model.safetensors"] == hashlib.sha256(b"weights").hexdigest()


def test_facts_of_an_unfinished_run_is_an_error(workspace: Workspace, run: Run) -> None:
    with pytest.raises(WorkspaceError, match="DONE: could not read it"):
        RunFolder(workspace, run.run_id).facts()


@pytest.mark.parametrize(
    "wrong", [{"label": np.zeros(3, np.int16)}, {"probabilities": np.zeros((1, 2), np.float32)}, {"x": np.zeros(2)}]
)
def test_blocks_whose_columns_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"predictions of task 't' should be columns of 2 examples; found \{"):
        dataclasses.replace(block(2), columns={**block(2).columns, **wrong})


def test_done_comes_last(workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = Path.replace

    def watch(self: Path, target: Path) -> Path:
        order.append(target.name)
        return replace(self, target)

    folder, journal = fake_runs.start(workspace, run)
    journal.close()
    monkeypatch.setattr(Path, "replace", watch)
    folder.finish([], [], {})
    assert order == ["metrics.parquet", "predictions.parquet", "DONE"]


def test_a_full_disk_leaves_the_run_unfinished(workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder, journal = fake_runs.start(workspace, run)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkspaceError, match=r"metrics\.parquet: could not write it: No space left on device"):
        folder.finish([], [], {})
    with pytest.raises(WorkspaceError, match=r"journal-0\.jsonl: could not write it: No space left on device"):
        journal.write("epoch", epoch=1)
    monkeypatch.undo()
    journal.close()
    assert folder.state == "unfinished"
    assert [path.name for path in folder.path.glob("*.tmp")] == []


def test_each_start_opens_the_next_journal(workspace: Workspace, run: Run) -> None:
    folder = RunFolder(workspace, run.run_id)
    for number in (0, 1, 2):
        journal = folder.start(run, {}, {})
        journal.write("start", fraction=0.0, loss=math.nan, nested={"rates": (1.0, -math.inf)}, text="ü\n")
        journal.close()
        tail = read_tail(folder.path / f"journal-{number}.jsonl", 0)
        ((position, event),) = tail.events
        assert (position, event.kind, event.fraction) == (0, "start", 0.0)
        assert event.payload == {"loss": None, "nested": {"rates": [1.0, None]}, "text": "ü\n"}


def test_start_sweeps_what_a_killed_process_left(workspace: Workspace, run: Run) -> None:
    folder, journal = fake_runs.start(workspace, run)
    journal.close()
    (folder.path / ".model.safetensors.0a1b.tmp").write_bytes(b"half")
    folder.start(run, {}, {}).close()
    assert list(folder.path.glob(".*.tmp")) == []


def test_a_claim_is_exclusive_in_one_process(workspace: Workspace, run: Run) -> None:
    with RunFolder(workspace, run.run_id).claim():
        with (
            pytest.raises(JobClaimed, match=f"run {run.run_id} is being worked on by another process"),
            RunFolder(workspace, run.run_id).claim(),
        ):
            pass
        assert RunFolder(workspace, run.run_id).state == "absent"
    with RunFolder(workspace, run.run_id).claim():
        pass


def test_a_killed_process_lets_go(workspace: Workspace, run: Run) -> None:
    script = """
import sys, time
from pathlib import Path
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
with RunFolder(Workspace.open(Path(sys.argv[1])), sys.argv[2]).claim():
    print("held", flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", script, str(workspace.root), run.run_id]
    folder = RunFolder(workspace, run.run_id)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(JobClaimed), folder.claim():
            pass
        process.send_signal(signal.SIGKILL)
    with folder.claim():
        assert folder.path.is_dir()


def test_a_run_can_fail_before_it_could_start(workspace: Workspace, run: Run) -> None:
    folder = RunFolder(workspace, run.run_id)
    folder.fail("no node had room")
    assert folder.state == "failed"
