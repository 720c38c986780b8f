import os
import time
from pathlib import Path

import pytest

from mtlens.store.database import reader, snapshots
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

RUNS = fake_runs.fake_experiment(runs=("single", "multi", "adapters"), seeds=(0,)).runs


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(snapshots, "SECONDS_BETWEEN_SNAPSHOTS", 1000.0)
    return Workspace.open(tmp_path / "results")


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    return reader.query(workspace, sql).rows


def test_snapshots_are_rare_unless_forced_and_pruned(workspace: Workspace) -> None:
    published: list[Path | None] = []
    for run in RUNS[:3]:
        fake_runs.finish(workspace, run)
        report = ingest(workspace)
        published.append(report.snapshot)
        assert report.pending == (report.snapshot is None)
    assert [path is None for path in published] == [False, True, True]
    assert rows(workspace, "SELECT count(*) FROM run") == [(1,)]
    assert ingest(workspace).pending
    assert ingest(workspace, publish=False, force=True).pending
    assert not ingest(workspace, force=True).pending
    assert rows(workspace, "SELECT count(*) FROM run") == [(3,)]
    for run in RUNS[3:]:
        fake_runs.finish(workspace, run)
        assert ingest(workspace, force=True).snapshot == reader.snapshot_path(workspace)
    snapshots = sorted(workspace.store.glob("snapshot-*"))
    assert len(snapshots) == 3
    assert snapshots[-1] == reader.snapshot_path(workspace)
    assert not workspace.pointer.readlink().is_absolute()


@pytest.mark.parametrize("age", [1000.0, -60.0])
def test_an_old_snapshot_is_followed_without_force(workspace: Workspace, age: float) -> None:
    first = ingest(workspace).snapshot
    assert first is not None
    made = time.time() - age  # in the future: the clock was set back
    os.utime(first, (made, made))
    fake_runs.finish(workspace, RUNS[0])
    assert ingest(workspace).snapshot not in (None, first)


def test_a_lost_pointer_comes_back(workspace: Workspace) -> None:
    ingest(workspace)
    workspace.pointer.unlink()
    assert ingest(workspace).snapshot == reader.snapshot_path(workspace)
    reader.snapshot_path(workspace).unlink()
    assert ingest(workspace).snapshot == reader.snapshot_path(workspace)
