"""Tags, notes and hidden experiments."""

from pathlib import Path

import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.workspace import annotations
from mtlens.store.workspace.annotations import Annotation
from mtlens.store.workspace.workspace import Workspace


def test_what_was_noted_is_kept_beside_what_others_noted(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    assert annotations.load(workspace) == {}
    first = Annotation(tags=("paper", "final"), note="see <b>table 2</b>")
    annotations.save(workspace, "a" * 16, first)
    annotations.save(workspace, "b" * 16, Annotation(hidden=True))
    assert annotations.load(workspace) == {"a" * 16: first, "b" * 16: Annotation(hidden=True)}


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    (tmp_path / "annotations.json").write_text("{")
    with pytest.raises(WorkspaceError, match=r"annotations\.json should be JSON"):
        annotations.load(workspace)
