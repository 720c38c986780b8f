import os
import time
from pathlib import Path

import pytest

from backend.store import publication, read
from backend.store.ingest import ingest
from backend.store.workspace import Workspace
from tests import _runs

RUNS = _runs.fake_experiment(runs=("single", "multi", "adapters"), seeds=(0,)).runs


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(publication, "SECONDS_BETWEEN_SNAPSHOTS", 1000.0)
    return Workspace.open(tmp_path / "results")


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    return read.query(workspace, sql).rows


def test_snapshots_are_rare_unless_forced_and_pruned(workspace: Workspace) -> None:
    published: list[Path | None] = []
    for run in RUNS[:3]:
        _runs.finish(workspace, run)
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
        _runs.finish(workspace, run)
        assert ingest(workspace, force=True).snapshot == read.snapshot_path(workspace)
    snapshots = sorted(workspace.store.glob("snapshot-*"))
    assert len(snapshots) == 3
    assert snapshots[-1] == read.snapshot_path(workspace)
    assert not workspace.pointer.readlink().is_absolute()


@pytest.mark.parametrize("age", [1000.0, -60.0])
def test_an_old_snapshot_is_followed_without_force(workspace: Workspace, age: float) -> None:
    first = ingest(workspace).snapshot
    assert first is not None
    made = time.time() - age  # in the future: the clock was set back
    os.utime(first, (made, made))
    _runs.finish(workspace, RUNS[0])
    assert ingest(workspace).snapshot not in (None, first)


def test_a_lost_pointer_comes_back(workspace: Workspace) -> None:
    ingest(workspace)
    workspace.pointer.unlink()
    assert ingest(workspace).snapshot == read.snapshot_path(workspace)
    read.snapshot_path(workspace).unlink()
    assert ingest(workspace).snapshot == read.snapshot_path(workspace)
