"""Files that cannot be read or stored are named with their place, and harm no others."""

import json
import re
from pathlib import Path

import pytest

from mtlens.store.ingest import ingest, rebuild
from mtlens.store.workspace.evidence_folder import EvidenceFolder
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.ingested import ALL, SMALL, assert_equals_rebuild, rows


def test_a_bad_line_is_set_aside_with_its_place(workspace: Workspace) -> None:
    folder, journal = fake_runs.start(workspace, SMALL.runs[0])
    journal.close()
    path = folder.path / "journal-0.jsonl"
    place = path.stat().st_size
    path.write_bytes(path.read_bytes() + b'not json\n{"time": 1.0, "kind": "progress"}\n')
    report = ingest(workspace)
    assert (report.events, report.quarantined) == (2, 1)
    ((source, position, reason),) = rows(workspace, "SELECT source, position, reason FROM quarantine")
    assert (source, position) == (f"runs/{SMALL.runs[0].run_id}/journal-0.jsonl", place)
    assert str(reason).startswith("Invalid JSON")
    assert ingest(workspace).quarantined == 0
    assert_equals_rebuild(workspace)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", b"{}"),
        ("metrics.parquet", b"PAR1"),
        ("predictions.parquet", None),
        ("metrics.parquet", "predictions.parquet"),
        ("DONE", b""),
    ],
)
def test_a_damaged_run_is_named_and_heals(workspace: Workspace, name: str, content: bytes | str | None) -> None:
    fake_runs.save(workspace, SMALL)
    for run in SMALL.runs:
        fake_runs.finish(workspace, run)
    path = RunFolder(workspace, SMALL.runs[0].run_id).path / name
    good = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else (path.parent / content).read_bytes())
    report = ingest(workspace, force=True)
    assert (report.runs, report.finished, report.quarantined) == (3, 2, 1)
    ((state, reason),) = rows(workspace, f"SELECT state, reason FROM run WHERE run_id = '{path.parent.name}'")
    assert state == "damaged"
    assert name in str(reason)
    assert "\n" not in str(reason)
    assert ingest(workspace).runs == 0
    path.write_bytes(good)
    assert ingest(workspace, force=True).finished == 1
    assert rows(workspace, "SELECT count(*) FROM quarantine") == [(0,)]
    assert_equals_rebuild(workspace)


@pytest.mark.parametrize(("name", "number"), [("epoch", 2**31), ("step", 2**63), ("step", 2**70)])
def test_a_number_that_the_database_cannot_hold_is_a_bad_line(workspace: Workspace, name: str, number: int) -> None:
    fake_runs.finish_all(workspace, SMALL)
    journal = next(workspace.runs.glob("*/journal-0.jsonl"))
    with journal.open("a") as file:
        file.write(json.dumps({"time": 1.0, "kind": "epoch", name: number - 1}) + "\n")
        file.write(json.dumps({"time": 1.0, "kind": "epoch", name: number}) + "\n")
    bad = 1 if number <= 2**63 else 2
    assert ingest(workspace, force=True).quarantined == bad
    assert rows(workspace, f"SELECT count(*) FROM event WHERE {name} = {number - 1}") == [(2 - bad,)]


def test_a_fact_that_its_column_cannot_hold_is_left_to_facts(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, SMALL)
    done = next(workspace.runs.glob("*/DONE"))
    done.write_text(
        json.dumps(json.loads(done.read_bytes()) | {"epochs_run": 2**31, "parameters": 2**63, "updates": 2**63 - 1})
    )
    ingest(workspace, force=True)
    columns = "epochs_run, parameters, updates, facts ->> 'epochs_run'"
    stored = rows(workspace, f"SELECT {columns} FROM run WHERE epochs_run IS NULL")
    assert stored == [(None, None, 2**63 - 1, str(2**31))]


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_bad_manifest_harms_no_other(workspace: Workspace, content: str) -> None:
    fake_runs.save(workspace, SMALL)
    fake_runs.save(workspace, ALL)
    (workspace.experiments / f"{ALL.experiment.experiment_id}.json").write_text(content)
    assert ingest(workspace).quarantined == 1
    assert rows(workspace, "SELECT name FROM experiment") == [("small",)]
    assert rows(workspace, "SELECT source FROM quarantine") == [(f"experiments/{ALL.experiment.experiment_id}.json",)]
    assert ingest(workspace).quarantined == 0
    fake_runs.save(workspace, ALL)
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT count(*) FROM quarantine") == [(0,)]


def change(path: Path, find: str, value: object) -> None:
    """Put a value in place of every one under a key of a JSON file."""
    content = path.read_text()
    assert f'"{find}"' in content
    path.write_text(re.sub(rf'"{find}": [^,\n}}\]]+', lambda _: f'"{find}": {value}', content))


@pytest.mark.parametrize(
    ("key", "value"),
    [("candidate", 2**70), ("weight", 10**400), ("margin", "1e-300"), ("created", '"9999-12-31T23:59:59-20:00"')],
)
def test_a_manifest_that_cannot_be_stored_harms_no_other(workspace: Workspace, key: str, value: object) -> None:
    fake_runs.finish_all(workspace, SMALL)
    fake_runs.save(workspace, ALL)
    change(workspace.experiments / f"{ALL.experiment.experiment_id}.json", key, value)
    assert ingest(workspace).quarantined == 1
    assert rows(workspace, "SELECT name FROM experiment") == [("small",)]
    assert rows(workspace, "SELECT count(*) FROM matching")[0][0] > 0
    assert ingest(workspace).quarantined == 0
    rebuild(workspace)
    assert rows(workspace, "SELECT count(*) FROM quarantine") == [(1,)]


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("run.json", "seed", 2**64),
        ("DONE", "epochs_run", 10**30),
        ("DONE", "seconds", 10**400),
        ("DONE", "finished", '"0001-01-01T00:00:00+20:00"'),
        ("DONE", "device", '"\\ud800"'),
    ],
)
def test_a_run_that_cannot_be_stored_harms_no_other(workspace: Workspace, name: str, key: str, value: object) -> None:
    """Its row says so where the value matters; a fact that does not fit its column is left to column `facts`."""
    fake_runs.finish_all(workspace, SMALL)
    strange, *others = SMALL.runs
    path = workspace.runs / strange.run_id / name
    if key == "device":
        path.write_text(path.read_text().replace("{", '{"device": "x",', 1))
    change(path, key, value)
    ingest(workspace, force=True)
    states = dict(rows(workspace, "SELECT run_id, state FROM run"))
    assert {states[run.run_id] for run in others} == {"done"}
    assert states[strange.run_id] == ("damaged" if key in ("seed", "device") else "done")
    again = ingest(workspace, force=True)
    assert (again.runs, again.quarantined) == (0, 0)


def test_an_evidence_job_that_cannot_be_stored_harms_no_other(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, SMALL)
    folder = EvidenceFolder(workspace, "ab" * 8)
    folder.start({"kind": "similarity"}, {}, {}).close()
    folder.fail("x")
    path = folder.path / "FAILED"
    path.write_text(path.read_text().replace('"x"', '"\\ud800 is half a character"'))
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT count(*) FROM run WHERE state = 'done'") == [(len(SMALL.runs),)]


def test_an_experiment_whose_manifest_broke_is_gone_with_its_verdicts(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, SMALL)
    ingest(workspace)
    (workspace.experiments / f"{SMALL.experiment.experiment_id}.json").write_text("{")
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT count(*) FROM comparison") == [(0,)]
    assert_equals_rebuild(workspace)
