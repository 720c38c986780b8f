import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.files import write_atomic
from mtlens.store.workspace.workspace import Workspace


def test_open_makes_the_layout_once(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "deep" / "results")
    before = workspace.marker.stat()
    assert json.loads(workspace.marker.read_bytes()) == {"format": 1}
    assert workspace.runs.is_dir()
    assert workspace.experiments.is_dir()
    assert workspace.store.is_dir()
    assert Workspace.open(workspace.root) == workspace
    assert workspace.marker.stat().st_mtime_ns == before.st_mtime_ns


def test_root_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Workspace.open(Path("results")).root == tmp_path / "results"


def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="nothing here yet: run `mtlens run EXPERIMENT` first"):
        Workspace.open(tmp_path / "results", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("x")
    with pytest.raises(WorkspaceError, match="should be a folder; found a file"):
        Workspace.open(tmp_path / "results")


@pytest.mark.parametrize("address", ["s3://bucket/results", "file:///shared/results"])
def test_an_address_is_no_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkspaceError, match="should be a folder, mounted on every node; found an address"):
        Workspace.open(Path(address))
    assert list(tmp_path.iterdir()) == []


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    Workspace.open(tmp_path).marker.write_text('{"format": 2}')
    with pytest.raises(WorkspaceError, match=r"was written by a newer mtlens \(format 2; this one reads 1\)"):
        Workspace.open(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[1]", "{}", '{"format": "1"}', '{"format": 0}', "\xff"])
def test_a_damaged_marker_is_refused(tmp_path: Path, content: str) -> None:
    workspace = Workspace.open(tmp_path)
    workspace.marker.write_text(content, encoding="latin-1")
    with pytest.raises(WorkspaceError, match=r"workspace\.json should") as raised:
        Workspace.open(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_read_only_place_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(WorkspaceError, match=r"results: could not use it: Read-only file system$"):
        Workspace.open(tmp_path / "results")


def test_write_atomic_replaces(tmp_path: Path) -> None:
    for content in (b"one", b"", b"three"):
        write_atomic(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_atomic(tmp_path / "file", b"old")
    monkeypatch.setattr(os if call == "fsync" else Path, call, full)
    with pytest.raises(WorkspaceError, match=r"file: could not write it: No space left on device$"):
        write_atomic(tmp_path / "file", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


def test_a_disk_that_takes_no_more_leaves_the_old_file(tmp_path: Path) -> None:
    write_atomic(tmp_path / "file", b"old")
    script = """
import resource, sys
from pathlib import Path
from mtlens.errors import WorkspaceError
from mtlens.store.workspace.files import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomic(Path(sys.argv[1]), b"x" * 5000)
except WorkspaceError as error:
    print(error)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "file")]
    root = Path(__file__).parents[4]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert "could not write it: File too large" in answer.stdout
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}
