"""Fabricated experiments to ingest, and checks of the store that they become."""

from mtlens.store.database import reader
from mtlens.store.ingest import rebuild
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

ALL = fake_runs.fake_experiment(runs=("single", "multi", "adapters", "controls"), seeds=(0,))
SMALL = fake_runs.fake_experiment("small", seeds=(7,))


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    """Rows of a query on the published store."""
    return reader.query(workspace, sql).rows


def assert_equals_rebuild(workspace: Workspace) -> None:
    """The store holds what one made anew from the run folders would hold."""
    live = fake_runs.dump(workspace.master)
    rebuild(workspace)
    assert fake_runs.dump(workspace.master) == live
