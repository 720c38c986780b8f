"""The envelope of a job: one process at a time, and every failure recorded."""

import shutil
import threading
import time
from pathlib import Path

import pytest

from mtlens.errors import DataError
from mtlens.store.workspace.evidence_folder import EvidenceFolder
from mtlens.store.workspace.files import read_object
from mtlens.store.workspace.job_runner import attempt, claimed, outcome_of, reason_of
from mtlens.store.workspace.journal import Journal, read_tail
from mtlens.store.workspace.workspace import Workspace

JOB_ID = "0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path) -> EvidenceFolder:
    workspace = Workspace.open(tmp_path / "results")
    workspace.evidence.mkdir(exist_ok=True)
    return EvidenceFolder(workspace, JOB_ID)


def start(folder: EvidenceFolder) -> Journal:
    return folder.start({"kind": "states"}, {}, {})


def test_a_job_that_another_thread_holds_is_waited_for(folder: EvidenceFolder) -> None:
    order: list[str] = []
    held = threading.Event()

    def hold() -> None:
        with claimed(folder):
            held.set()
            time.sleep(0.3)
            order.append("first")

    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with claimed(folder):
        order.append("second")
    other.join()
    assert order == ["first", "second"]


def test_a_job_that_works_is_done(folder: EvidenceFolder) -> None:
    with claimed(folder):
        assert attempt(folder, lambda: start(folder), lambda _: folder.finish({"x.parquet": b"x"}, {})) is None
    assert folder.state == "done"
    assert outcome_of(JOB_ID, None).reason == ""


def test_a_failure_is_recorded_and_returned(folder: EvidenceFolder) -> None:
    def work(_: Journal) -> None:
        raise ZeroDivisionError("division by zero\nsecond line")

    error = attempt(folder, lambda: start(folder), work)
    assert isinstance(error, ZeroDivisionError)
    assert folder.state == "failed"
    assert read_object(folder.path / "FAILED")["reason"] == "ZeroDivisionError: division by zero"
    _, last = read_tail(folder.path / "journal-0.jsonl", 0).events[-1]
    assert last.kind == "failed"
    assert "test_job_runner" in str(last.payload["traceback"])
    assert outcome_of(JOB_ID, error).reason == "ZeroDivisionError: division by zero"


def test_a_folder_that_cannot_be_written_is_an_error_of_this_job_alone(folder: EvidenceFolder) -> None:
    def work(_: Journal) -> None:
        shutil.rmtree(folder.path)
        folder.path.write_text("a file in its place")
        raise DataError("first")

    error = attempt(folder, lambda: start(folder), work)
    assert error is not None
    assert str(folder.path) in reason_of(error)


def test_an_error_of_mtlens_is_its_own_line() -> None:
    assert reason_of(DataError("notes.csv should have a header")) == "notes.csv should have a header"
    assert reason_of(KeyError("x")) == "KeyError: 'x'"
