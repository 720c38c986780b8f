"""From run folders to the store: what was written can be queried, however often and in whatever state it is read."""

import json
import shutil

import duckdb
import pytest

from mtlens.store import ingest as writer
from mtlens.store.database import reader
from mtlens.store.ingest import check, ingest
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.ingested import ALL, SMALL, assert_equals_rebuild, rows


def test_what_was_written_can_be_queried(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, SMALL)
    report = ingest(workspace)
    assert (report.experiments, report.runs, report.finished, report.events) == (1, 3, 3, 12)
    assert report.quarantined == 0
    assert report.snapshot == reader.snapshot_path(workspace)
    assert rows(workspace, "SELECT name, margin, seeds, notes FROM experiment") == [("small", 0.1, [7], ["a note"])]
    assert rows(workspace, "SELECT task, classes[1] FROM task ORDER BY position") == [("bulge", "none"), ("stenosis", "none")]
    assert rows(workspace, "SELECT split, count(*), count(DISTINCT cluster) FROM example GROUP BY ALL ORDER BY ALL") == [
        ("test", 20, 10),
        ("train", 20, 10),
        ("validation", 20, 10),
    ]
    (run,) = rows(
        workspace,
        "SELECT tasks, method, seconds, parameters, best_epoch, gpu_utilisation, peak_memory_bytes, device, threads, precision,"
        "  learning_rate, epoch, fraction, finished >= started, configuration->>'method', versions->>'mtlens',"
        "  facts->>'updates', reason "
        "FROM run WHERE len(tasks) = 2",
    )
    assert run[:7] == (["bulge", "stenosis"], "full", 1.5, 1000, 1, 0.5, None)
    assert run[7:] == ("cpu", 1, "float32", 1e-4, 2, 1.0, True, "full", "0", "20", None)
    run_id = SMALL.of_role("multi")[0].run_id
    block = fake_runs.predict(SMALL.of_role("multi")[0], "bulge", 0.8, 60)[1]
    found = rows(
        workspace,
        "SELECT example_id, label, predicted, round(list_sum(probabilities), 6) FROM prediction "
        f"WHERE run_id = '{run_id}' AND task = 'bulge' AND split = 'test' ORDER BY example_id",
    )
    expected = zip(block.example_ids, block.columns["label"], block.columns["predicted"], strict=True)
    assert found == sorted((name, int(y), int(p), 1.0) for name, y, p in expected)
    stored = rows(workspace, f"SELECT name, value FROM metric WHERE run_id = '{run_id}' AND split = 'test' AND task = 'bulge'")
    assert sorted(stored) == sorted((row.name, row.value) for row in fake_runs.score(block))


def test_the_second_time_changes_nothing(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, ALL)
    ingest(workspace)
    before, status = fake_runs.dump(workspace.master), workspace.master.stat()
    report = ingest(workspace, force=True)
    assert report == writer.IngestReport()
    assert fake_runs.dump(workspace.master) == before
    assert workspace.master.stat().st_mtime_ns == status.st_mtime_ns
    assert len(list(workspace.store.glob("snapshot-*"))) == 1


def test_rebuild_equals_the_live_store(workspace: Workspace) -> None:
    fake_runs.save(workspace, ALL)
    for number, run in enumerate(ALL.runs):
        if number % 3 == 2:
            folder, journal = fake_runs.start(workspace, run)
            journal.close()
            folder.fail("no luck")
        elif number % 3 == 1:
            _, journal = fake_runs.start(workspace, run)
            ingest(workspace, publish=False)
            journal.write("progress", epoch=1, step=3, fraction=0.25)
            journal.close()
        else:
            fake_runs.finish(workspace, run)
        ingest(workspace, publish=number % 2 == 0, force=True)
    ingest(workspace, force=True)
    assert_equals_rebuild(workspace)
    assert {state for (state,) in rows(workspace, "SELECT state FROM runs")} == {"unfinished", "failed", "done"}


def test_no_file_of_a_finished_run_is_opened_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_runs.finish_all(workspace, SMALL)
    ingest(workspace)
    for run in SMALL.runs:
        shutil.rmtree(RunFolder(workspace, run.run_id).path)
        RunFolder(workspace, run.run_id).path.mkdir()
    assert ingest(workspace, force=True) == writer.IngestReport()


def test_a_run_in_training_grows_by_its_tail(workspace: Workspace) -> None:
    fake_runs.save(workspace, SMALL)
    run = SMALL.runs[0]
    assert ingest(workspace, force=True).runs == 0
    waiting = "SELECT state, epoch, fraction, tasks FROM runs ORDER BY role DESC, state LIMIT 1"
    assert rows(workspace, waiting) == [("waiting", None, 0.0, None)]
    folder, journal = fake_runs.start(workspace, run)
    assert ingest(workspace, force=True).events == 1
    state = f"SELECT state, epoch, fraction FROM runs WHERE run_id = '{run.run_id}'"
    assert rows(workspace, state) == [("unfinished", None, 0.0)]
    journal.write("epoch", epoch=1, fraction=0.5)
    journal.write("progress", step=7)
    assert ingest(workspace, force=True).events == 2
    assert rows(workspace, state) == [("unfinished", 1, 0.5)]
    assert ingest(workspace, force=True) == writer.IngestReport()
    journal.close()
    folder.fail("it rained")
    assert ingest(workspace, force=True).events == 0
    assert rows(workspace, f"SELECT state, reason FROM runs WHERE run_id = '{run.run_id}'") == [("failed", "it rained")]
    fake_runs.finish(workspace, run)
    assert ingest(workspace, force=True).finished == 1
    assert rows(workspace, f"SELECT state, reason, fraction FROM runs WHERE run_id = '{run.run_id}'") == [("done", None, 1.0)]
    ordered = rows(workspace, f"SELECT journal, kind FROM event WHERE run_id = '{run.run_id}' ORDER BY journal, position")
    assert [kind for _, kind in ordered] == ["start", "epoch", "progress", "start", "epoch", "epoch", "done"]
    assert [journal for journal, _ in ordered] == [0] * 3 + [1] * 4
    assert_equals_rebuild(workspace)


def test_a_torn_tail_is_read_once_it_is_whole(workspace: Workspace) -> None:
    folder, journal = fake_runs.start(workspace, SMALL.runs[0])
    journal.close()
    path = folder.path / "journal-0.jsonl"
    line = json.dumps({"time": 1.0, "kind": "progress", "fraction": 0.5})
    with path.open("a") as file:
        file.write(line[:20])
        file.flush()
        first = ingest(workspace)
        file.write(line[20:] + "\n")
    second = ingest(workspace)
    assert (first.events, first.quarantined, second.events, second.quarantined) == (1, 0, 1, 0)


def test_a_run_that_was_set_aside_is_read_anew(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, SMALL)
    ingest(workspace)
    run = SMALL.of_role("multi")[0]
    assert rows(workspace, "SELECT multi_mean < 1 FROM matching WHERE scope = 'pooled'") == [(True,)]
    RunFolder(workspace, run.run_id).quarantine()
    fake_runs.finish(workspace, run, right=1.0)
    ingest(workspace, force=True)
    accuracy = rows(workspace, f"SELECT value FROM metric WHERE run_id = '{run.run_id}' AND name = 'accuracy'")
    assert accuracy == [(1.0,)] * 4
    assert rows(workspace, "SELECT multi_mean FROM matching WHERE scope = 'pooled'") == [(1.0,)]
    assert_equals_rebuild(workspace)


def test_what_is_gone_from_the_folders_is_gone_from_the_store(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, SMALL)
    fake_runs.finish_all(workspace, ALL)
    ingest(workspace)
    (workspace.experiments / f"{ALL.experiment.experiment_id}.json").unlink()
    shutil.rmtree(RunFolder(workspace, SMALL.runs[0].run_id).path)
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT DISTINCT experiment FROM runs") == [("small",)]
    assert rows(workspace, "SELECT count(*) FROM matching WHERE scope = 'pooled'") == [(0,)]
    assert rows(workspace, f"SELECT count(*) FROM prediction WHERE run_id = '{SMALL.runs[0].run_id}'") == [(0,)]
    assert_equals_rebuild(workspace)


def test_a_manifest_that_is_written_again_is_read_again(workspace: Workspace) -> None:
    fake_runs.save(workspace, SMALL, created="2030-01-01T00:00:00+02:00")
    ingest(workspace)
    assert rows(workspace, "SELECT created::VARCHAR FROM experiment") == [("2029-12-31 22:00:00",)]
    fake_runs.save(workspace, SMALL, created="2031-01-01T00:00:00+00:00")
    assert ingest(workspace, force=True).experiments == 1
    assert rows(workspace, "SELECT created::VARCHAR FROM experiment") == [("2031-01-01 00:00:00",)]
    assert rows(workspace, "SELECT count(*) FROM example") == [(60,)]


def test_a_check_writes_nothing(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, SMALL)
    (workspace.experiments / f"{ALL.experiment.experiment_id}.json").write_text("{")
    before = {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")}
    found = check(workspace)
    assert (found.experiments, found.finished, found.quarantined) == (2, len(SMALL.runs), 1)
    assert {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")} == before


def test_a_database_of_other_tables_or_views_is_made_anew(workspace: Workspace) -> None:
    fake_runs.save(workspace, SMALL)
    assert ingest(workspace, force=True).rebuilt
    assert not ingest(workspace, force=True).rebuilt
    with duckdb.connect(str(workspace.master)) as connection:
        connection.execute("UPDATE store_info SET definition = 'of another mtlens'")
    assert ingest(workspace, force=True).rebuilt
    with duckdb.connect(str(workspace.master)) as connection:
        connection.execute("ALTER TABLE store_info DROP COLUMN definition")
    assert ingest(workspace, force=True).rebuilt
    assert rows(workspace, "SELECT name FROM experiment") == [("small",)]


def test_every_public_name_is_described(workspace: Workspace) -> None:
    ingest(workspace)
    columns = rows(
        workspace,
        "SELECT table_name || '.' || column_name FROM duckdb_columns() "
        "WHERE NOT internal AND schema_name = 'main' AND (comment IS NULL OR comment = '')",
    )
    assert columns == []
    undescribed = rows(
        workspace,
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND comment IS NULL "
        "UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL",
    )
    assert undescribed == []
