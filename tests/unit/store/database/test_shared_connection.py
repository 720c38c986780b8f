import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from mtlens.errors import QueryError, WorkspaceError
from mtlens.store.database import reader, shared_connection
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.refused_queries import ATTACKS

COUNT = "SELECT count(*) FROM run"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.open(tmp_path / "results")
    ingest(workspace)
    return workspace


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The snapshots that were opened, as often as they were."""
    paths: list[Path] = []
    connect = reader.connect

    def noted(path: Path):
        paths.append(path)
        return connect(path)

    monkeypatch.setattr(reader, "connect", noted)
    return paths


def add_run(workspace: Workspace, number: int = 0) -> None:
    fake_runs.finish(workspace, fake_runs.fake_experiment().runs[number])
    ingest(workspace, force=True)


def is_open(path: Path) -> bool:
    """Whether this process has a file open, as the system tells."""
    held = list(Path("/proc/self/fd").iterdir())
    return any(str(descriptor.readlink()).startswith(str(path)) for descriptor in held if descriptor.is_symlink())


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_snapshot_is_opened_once_for_many_questions(workspace: Workspace, opened: list[Path]) -> None:
    for number in range(20):
        assert shared_connection.query(workspace, "SELECT ?", [number]).rows == [(number,)]
    assert opened == [reader.snapshot_path(workspace)]


def test_a_new_snapshot_is_seen_at_once_and_the_old_one_let_go(workspace: Workspace, opened: list[Path]) -> None:
    old = reader.snapshot_path(workspace)
    assert shared_connection.query(workspace, COUNT).rows == [(0,)]
    add_run(workspace)
    assert shared_connection.query(workspace, COUNT).rows == [(1,)]
    assert opened == [old, reader.snapshot_path(workspace)]
    assert not is_open(old)


def test_many_threads_ask_at_once_while_snapshots_come(workspace: Workspace) -> None:
    def ask(number: int) -> tuple[int, int]:
        ((runs, same),) = shared_connection.query(workspace, f"SELECT ({COUNT}), ?", [number]).rows
        return runs, same - number

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, number) for number in range(100)]
        for number in range(3):
            add_run(workspace, number)
            answers += [pool.submit(ask, number) for number in range(100)]
        told = [answer.result() for answer in answers]
    assert {runs for runs, _ in told} <= {0, 1, 2, 3}
    assert told[-1] == (3, 0)
    assert all(difference == 0 for _, difference in told)


def test_a_query_goes_on_when_its_snapshot_is_replaced_and_removed(workspace: Workspace) -> None:
    endless = "SELECT count(*) FROM range(10_000_000_000) AS a(i) WHERE hash(i) % 7 = 3"
    old = reader.snapshot_path(workspace)
    with closing(shared_connection.cursor(workspace)) as cursor:
        told: list[str] = []

        def run() -> None:
            try:
                cursor.execute(endless)
            except Exception as error:
                told.append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        add_run(workspace)
        old.unlink()
        assert shared_connection.query(workspace, COUNT).rows == [(1,)]
        assert thread.is_alive()
        cursor.interrupt()
        thread.join(60)
        assert told
        assert told[0].startswith("INTERRUPT")
        assert cursor.execute(COUNT).fetchall() == [(0,)]
    wait_until(lambda: not is_open(old))


def test_a_snapshot_that_is_gone_is_let_go_and_named(workspace: Workspace) -> None:
    shared_connection.query(workspace, COUNT)
    path = reader.snapshot_path(workspace)
    path.unlink()
    with pytest.raises(WorkspaceError, match="should name a snapshot that exists: run `mtlens ingest`"):
        shared_connection.query(workspace, COUNT)
    assert not is_open(path)


def test_it_is_let_go_when_nobody_asks(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, opened: list[Path]) -> None:
    monkeypatch.setattr(shared_connection, "_SECONDS", 0.3)
    path = reader.snapshot_path(workspace)
    shared_connection.query(workspace, COUNT)
    assert is_open(path)
    wait_until(lambda: not is_open(path))
    script = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('CREATE TABLE mine AS SELECT 1')"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert shared_connection.query(workspace, "FROM mine").rows == [(1,)]
    assert len(opened) == 2


def test_two_workspaces_are_told_apart(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace.open(tmp_path / "other")
    add_run(other)
    assert [shared_connection.query(one, COUNT).rows[0][0] for one in (workspace, other, workspace)] == [0, 1, 0]


def test_times_are_utc(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert shared_connection.query(workspace, "SELECT current_setting('TimeZone')").rows == [("UTC",)]


def test_a_snapshot_can_be_opened_beside_it(workspace: Workspace) -> None:
    assert shared_connection.query(workspace, COUNT) == reader.query(workspace, COUNT)
    assert shared_connection.query(workspace, COUNT) == reader.query(workspace, COUNT)


def test_what_does_not_only_read_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    shared_connection.query(workspace, COUNT)
    for attack in ATTACKS:
        with pytest.raises(QueryError):
            shared_connection.query(workspace, attack.format(out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert shared_connection.query(workspace, COUNT).rows == [(0,)]


def test_a_program_that_has_asked_ends_without_a_word(workspace: Workspace) -> None:
    script = """
import sys
from pathlib import Path
from mtlens.store.database import shared_connection
from mtlens.store.workspace.workspace import Workspace
shared_connection.query(Workspace(Path(sys.argv[1])), "FROM matching")
"""
    answer = subprocess.run([sys.executable, "-c", script, str(workspace.root)], capture_output=True, text=True, check=True)
    assert (answer.stdout, answer.stderr) == ("", "")
