"""What the writer survives: kills, full disks, useless databases, other writers, and readers that stay."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from mtlens.errors import WorkspaceError
from mtlens.store import ingest as ingest_module
from mtlens.store.database import reader, writer
from mtlens.store.ingest import ingest, rebuild
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.ingested import SMALL, assert_equals_rebuild, rows

pytestmark = pytest.mark.fault
ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "results")


def child(workspace: Workspace, script: str) -> subprocess.CompletedProcess[str]:
    """Run Python with `workspace` and `die`, which ends the process as a kill does."""
    head = """
import os, signal, sys
from pathlib import Path
from mtlens.store import ingest
from mtlens.store.database import load, snapshots, writer
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
workspace = Workspace.open(Path(sys.argv[1]))
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", head + script, str(workspace.root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize("damage", ["missing", "text", "half", "foreign", "older"])
def test_a_useless_master_is_made_anew(workspace: Workspace, damage: str) -> None:
    fake_runs.finish_all(workspace, SMALL)
    ingest(workspace)
    before = fake_runs.dump(workspace.master)
    if damage == "text":
        workspace.master.write_text("hello" * 5000)
    elif damage == "half":
        os.truncate(workspace.master, workspace.master.stat().st_size // 2)
    elif damage in ("missing", "foreign"):
        workspace.master.unlink()
    change = {"foreign": "CREATE TABLE x (i INTEGER)", "older": "UPDATE store_info SET schema_version = 0"}.get(damage)
    if change:
        with duckdb.connect(str(workspace.master)) as connection:
            connection.execute(change)
    report = ingest(workspace, force=True)
    assert (report.rebuilt, report.finished) == (True, 3)
    assert fake_runs.dump(workspace.master) == before


def test_a_user_who_opened_the_master_holds_nobody_up(workspace: Workspace) -> None:
    ingest(workspace)
    fake_runs.save(workspace, SMALL)
    script = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(workspace.master)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdin
        assert user.stdout
        assert user.stdout.readline() == "open\n"
        assert ingest(workspace, force=True).rebuilt
        assert rows(workspace, "SELECT name FROM experiment") == [("small",)]
        assert not ingest(workspace, force=True).rebuilt
        user.stdin.close()


def test_a_newer_master_is_left_alone(workspace: Workspace) -> None:
    ingest(workspace)
    with duckdb.connect(str(workspace.master)) as connection:
        connection.execute("UPDATE store_info SET schema_version = 99")
    with pytest.raises(
        WorkspaceError, match=rf"was written by a newer mtlens \(schema 99; this one writes {writer.SCHEMA_VERSION}\)"
    ):
        ingest(workspace)


def test_a_log_of_the_old_master_is_not_replayed_into_the_new_one(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace)
    log = workspace.master.with_name("master.duckdb.wal")
    with closing(writer.connect(workspace.master)) as connection:
        connection.execute("INSERT INTO metric (run_id) VALUES ('never seen')")
        shutil.copy(log, tmp_path / "log")
    shutil.copy(tmp_path / "log", log)
    rebuild(workspace)
    assert not log.exists()
    assert rows(workspace, "SELECT count(*) FROM metric") == [(0,)]


@pytest.mark.parametrize(
    "deadly",
    [
        "writer.set_snapshot = die",  # in the transaction that adds runs
        "snapshots.publish = die",  # after the master, before its snapshot
        "Path.symlink_to = die",  # after the snapshot, before the pointer
    ],
)
def test_a_killed_writer_loses_nothing(workspace: Workspace, deadly: str) -> None:
    fake_runs.save(workspace, SMALL)
    fake_runs.finish(workspace, SMALL.runs[0])
    ingest(workspace)
    before = fake_runs.dump(reader.snapshot_path(workspace))
    for run in SMALL.runs[1:]:
        fake_runs.finish(workspace, run)
    killed = child(workspace, f"{deadly}\ningest.ingest(workspace, force=True)")
    assert killed.returncode == -signal.SIGKILL
    assert fake_runs.dump(reader.snapshot_path(workspace)) == before
    if deadly.startswith("writer"):
        with closing(writer.connect(workspace.master)) as connection:
            assert connection.execute("SELECT count(*) FROM run").fetchall() == [(1,)]
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT count(*) FROM run WHERE state = 'done'") == [(3,)]
    assert rows(workspace, "SELECT count(*) FROM matching") == [(3,)]
    assert not list(workspace.store.glob("*.tmp"))
    assert_equals_rebuild(workspace)


def test_a_killed_rebuild_leaves_the_old_store(workspace: Workspace) -> None:
    fake_runs.finish_all(workspace, SMALL)
    ingest(workspace)
    before = fake_runs.dump(workspace.master)
    assert child(workspace, "load.add_runs = die\ningest.rebuild(workspace)").returncode == -signal.SIGKILL
    assert fake_runs.dump(workspace.master) == before
    rebuild(workspace)
    assert not list(workspace.store.glob("rebuild-*"))


def test_a_full_disk_leaves_the_last_good_state(workspace: Workspace) -> None:
    fake_runs.save(workspace, SMALL)
    fake_runs.finish(workspace, SMALL.runs[0])
    ingest(workspace)
    snapshot = reader.snapshot_path(workspace)
    before = fake_runs.dump(snapshot)
    for run in SMALL.runs[1:]:
        fake_runs.finish(workspace, run)
    script = """
import resource
from mtlens.errors import WorkspaceError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for call in (lambda: ingest.ingest(workspace, force=True), lambda: ingest.rebuild(workspace)):
    try:
        call()
    except WorkspaceError as error:
        print(error)
"""
    answer = child(workspace, script)
    assert answer.stdout.count("File too large\n") == answer.stdout.count("\n") == 2, answer.stderr
    assert reader.snapshot_path(workspace) == snapshot
    assert fake_runs.dump(snapshot) == before
    assert not list(workspace.store.glob("rebuild-*"))
    ingest(workspace, force=True)
    assert rows(workspace, "SELECT count(*) FROM run") == [(3,)]
    assert_equals_rebuild(workspace)


def test_a_snapshot_that_does_not_fit_leaves_the_old_one(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest(workspace)
    snapshot = reader.snapshot_path(workspace)
    fake_runs.save(workspace, SMALL)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    copy = shutil.copyfile

    def limited(source: Path, target: Path) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            copy(source, target)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    monkeypatch.setattr(shutil, "copyfile", limited)
    with pytest.raises(WorkspaceError, match=r"could not publish it: File too large"):
        ingest(workspace, force=True)
    monkeypatch.undo()
    assert reader.snapshot_path(workspace) == snapshot
    assert list(workspace.store.glob("snapshot-*")) == [snapshot]
    assert ingest(workspace, force=True).snapshot == reader.snapshot_path(workspace)
    assert rows(workspace, "SELECT name FROM experiment") == [("small",)]


def test_another_writer_is_waited_for_and_named(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_module, "LOCK_SECONDS", 0.1)
    with (
        FileLock(workspace.writer_lock),
        pytest.raises(WorkspaceError, match=r"\.writer\.lock: another mtlens has been writing for 0\.1 s"),
    ):
        ingest(workspace)
    assert ingest(workspace).rebuilt


def test_two_writers_at_once_and_a_reader(workspace: Workspace) -> None:
    script = """
import sys
from pathlib import Path
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
workspace = Workspace.open(Path(sys.argv[1]))
fake = fake_runs.fake_experiment(sys.argv[2], seeds=(int(sys.argv[3]),))
fake_runs.save(workspace, fake)
for run in fake.runs:
    fake_runs.finish(workspace, run)
    ingest(workspace, force=True)
"""
    ingest(workspace)
    commands = [[sys.executable, "-c", script, str(workspace.root), name, seed] for name, seed in (("one", "1"), ("two", "2"))]
    writers = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for command in commands]
    counts: list[int] = []
    while any(process.poll() is None for process in writers):
        counts += [count for (count,) in reader.query(workspace, "SELECT count(*) FROM run").rows]
        time.sleep(0.05)
    assert [process.communicate()[1] for process in writers] == ["", ""]
    assert counts == sorted(counts)
    ingest(workspace, force=True)
    found = rows(workspace, "SELECT experiment, count(*) FROM runs WHERE state = 'done' GROUP BY ALL ORDER BY ALL")
    assert found == [("one", 3), ("two", 3)]
    assert_equals_rebuild(workspace)


def test_a_reader_in_another_process_blocks_no_writer_and_keeps_its_snapshot(workspace: Workspace) -> None:
    script = """
import sys
from pathlib import Path
from mtlens.store.database import reader
from mtlens.store.workspace.workspace import Workspace
connection = reader.connect(reader.snapshot_path(Workspace.open(Path(sys.argv[1]))))
for _ in sys.stdin:
    print(connection.execute("SELECT count(*) FROM run").fetchall()[0][0], flush=True)
"""
    ingest(workspace)
    command = [sys.executable, "-c", script, str(workspace.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as reader:

        def answer() -> str:
            assert reader.stdin
            assert reader.stdout
            reader.stdin.write("?\n")
            reader.stdin.flush()
            return reader.stdout.readline()

        assert answer() == "0\n"
        for run in fake_runs.fake_experiment().runs[:4]:  # more snapshots than are kept: the reader's own is removed
            fake_runs.finish(workspace, run)
            ingest(workspace, force=True)
            assert answer() == "0\n"
        with closing(writer.connect(workspace.master)) as connection, writer.transaction(connection):
            connection.execute("DELETE FROM run")
            assert answer() == "0\n"
            assert rows(workspace, "SELECT count(*) FROM run") == [(4,)]
