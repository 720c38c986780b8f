"""An empty workspace to write to."""

from pathlib import Path

import pytest

from mtlens.store.workspace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "results")
