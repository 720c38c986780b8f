"""Snapshots: copies of the master database under unique names, and the link to the newest.

Readers open a snapshot, so readers and the writer never lock each other out. A name is never used twice: within one process,
connecting to a path whose file was replaced shows old data for as long as any connection to it is open.
"""

import secrets
import shutil
import time
from pathlib import Path

from mtlens.store.workspace.files import failed_to, sync
from mtlens.store.workspace.workspace import Workspace

SECONDS_BETWEEN_SNAPSHOTS = 2.0
_SNAPSHOTS_KEPT = 3


def new_name() -> str:
    """Name for the next snapshot; names sort by age."""
    return f"snapshot-{time.time_ns():020d}-{secrets.token_hex(4)}.duckdb"


def current(workspace: Workspace) -> str | None:
    """Name of the published snapshot, or None where there is none."""
    try:
        name = workspace.pointer.readlink().name
    except OSError:
        return None
    return name if (workspace.store / name).exists() else None


def is_due(workspace: Workspace) -> bool:
    """Whether the published snapshot is missing or old enough to be replaced."""
    name = current(workspace)
    age = time.time() - (workspace.store / name).stat().st_mtime if name else SECONDS_BETWEEN_SNAPSHOTS
    return not 0 <= age < SECONDS_BETWEEN_SNAPSHOTS


def publish(workspace: Workspace, name: str) -> Path:
    """Copy the master, which nobody may have open, to snapshot `name` and point readers at it; returns its path.

    Raises `WorkspaceError` where the disk is full; readers then keep the snapshot that they have.
    """
    snapshot = workspace.store / name
    copy, link = snapshot.with_suffix(".tmp"), workspace.root / ".mtlens.duckdb.tmp"
    try:
        try:
            shutil.copyfile(workspace.master, copy)
            sync(copy)
            copy.replace(snapshot)
            sync(workspace.store)
            link.unlink(missing_ok=True)
            link.symlink_to(Path(workspace.store.name) / name)
            link.replace(workspace.pointer)
            sync(workspace.root)
        finally:
            copy.unlink(missing_ok=True)
        _prune(workspace, name)
    except OSError as error:
        raise failed_to("publish", snapshot, error) from error
    return snapshot


def _prune(workspace: Workspace, published: str) -> None:
    """Remove all but the newest snapshots, and copies that a killed writer left half done."""
    snapshots = sorted(path for path in workspace.store.glob("snapshot-*.duckdb") if path.name != published)
    for path in (*snapshots[: 1 - _SNAPSHOTS_KEPT], *workspace.store.glob("snapshot-*.tmp")):
        path.unlink(missing_ok=True)
