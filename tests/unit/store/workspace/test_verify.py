"""Finished runs are checked: damage is named, and what is damaged is set aside."""

import json
import re
from typing import Any

import pytest

from mtlens.config.run import Run
from mtlens.store.workspace.job_folder import JobClaimed
from mtlens.store.workspace.run_folder import RunFolder, run_folders
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.fake_runs import block


def test_verify_finds_nothing_wrong_with_whole_runs(workspace: Workspace, run: Run) -> None:
    assert RunFolder(workspace, run.run_id).verify() == []
    folder, journal = fake_runs.start(workspace, run)
    journal.close()
    assert folder.verify() == []
    folder.save_bytes("model.safetensors", b"weights", durable=True)
    folder.finish([], [], {})
    assert folder.verify() == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("metrics.parquet", None, r"metrics\.parquet: could not read it"),
        ("predictions.parquet", b"", r"predictions\.parquet has changed since the run finished"),
        ("model.safetensors", b"weighty", r"model\.safetensors has changed since the run finished"),
        ("DONE", b"{", "DONE should hold JSON"),
        ("DONE", b"[]", "DONE should hold a JSON object; found list"),
        ("DONE", b"{}", "DONE should list the SHA-256 of every file"),
        ("run.json", b"", r"run\.json should hold JSON"),
        ("run.json", b"{}", r"run\.json should describe a run: Input should be"),
        ("run.json", None, r"run\.json: could not read it"),
    ],
)
def test_verify_names_the_damage(workspace: Workspace, run: Run, name: str, content: bytes | None, problem: str) -> None:
    folder, journal = fake_runs.start(workspace, run)
    journal.close()
    folder.save_bytes("model.safetensors", b"weights", durable=True)
    folder.finish([], [block()], {})
    (folder.path / name).unlink()
    if content is not None:
        (folder.path / name).write_bytes(content)
    problems = folder.verify()
    assert re.search(problem, problems[0])
    assert all("\n" not in line for line in problems)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.unlink(), r"journal-0\.jsonl: could not read it"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), r"journal-0\.jsonl has changed since the run finished"),
        (lambda path: path.write_bytes(b"{\n" + path.read_bytes()), r"journal-0\.jsonl, byte 0: .*JSON"),
    ],
)
def test_verify_names_a_run_whose_events_are_lost(workspace: Workspace, run: Run, damage: Any, problem: str) -> None:
    folder = fake_runs.finish(workspace, run)
    assert folder.verify() == []
    damage(folder.path / "journal-0.jsonl")
    assert any(re.search(problem, line) for line in folder.verify())


@pytest.mark.parametrize(("damage", "found"), [("unlink", "there are none"), ("cut", "they end with `epoch`")])
def test_verify_reads_the_journals_of_a_version_that_kept_no_hashes_of_them(
    workspace: Workspace, run: Run, damage: str, found: str
) -> None:
    folder = fake_runs.finish(workspace, run)
    facts = folder.facts()
    del facts["files"]["journal-0.jsonl"]
    (folder.path / "DONE").write_text(json.dumps(facts))
    assert folder.verify() == []
    journal = folder.path / "journal-0.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.unlink() if damage == "unlink" else journal.write_bytes(b"".join(lines[:-1]))
    assert folder.verify() == [f"{folder.path}: journals should tell of this run up to `done`; {found}: events are lost"]


def test_verify_knows_whose_run_it_is(workspace: Workspace) -> None:
    one, other = fake_runs.fake_experiment().runs[:2]
    folder = fake_runs.finish(workspace, one)
    stranger = fake_runs.finish(workspace, other)
    (folder.path / "run.json").write_bytes((stranger.path / "run.json").read_bytes())
    assert f"should describe run {one.run_id}; found run {other.run_id}" in folder.verify()[0]


def test_quarantine_makes_room_and_keeps_everything(workspace: Workspace, run: Run) -> None:
    for number in (1, 2):
        folder = fake_runs.finish(workspace, run)
        names = {path.name for path in folder.path.iterdir()}
        aside = folder.quarantine()
        assert aside == workspace.runs / f"{run.run_id}.damaged-{number}"
        assert {path.name for path in aside.iterdir()} >= names
        assert folder.state == "absent"
    other = fake_runs.finish(workspace, fake_runs.fake_experiment().runs[1])
    assert run_folders(workspace) == [other]


def test_a_run_in_training_is_not_set_aside(workspace: Workspace, run: Run) -> None:
    folder = fake_runs.finish(workspace, run)
    with folder.claim(), pytest.raises(JobClaimed):
        folder.quarantine()
    assert folder.state == "done"
