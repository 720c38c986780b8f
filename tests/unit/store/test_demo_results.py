"""The recorded demo: unpacked in a moment, labelled as recorded, and never mixed with real runs."""

import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.database import reader
from mtlens.store.demo_results import record, restore
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs


def test_the_recording_fills_every_view_and_says_what_it_is(workspace):
    restore(workspace)
    for view in ("runs", "matching", "evidence_cka", "evidence_gradients", "verdicts", "groupings", "group_scores"):
        assert reader.query(workspace, f"SELECT count(*) FROM {view}").rows[0][0] > 0, view
    assert reader.query(workspace, "SELECT DISTINCT state FROM runs").rows == [("done",)]
    ((note,), *others) = reader.query(workspace, "SELECT DISTINCT notes[-1] FROM experiment").rows
    assert not others
    assert note.startswith("recorded results of a real run")
    assert not list(workspace.root.rglob("*.safetensors"))


def test_recorded_runs_do_not_pass_for_finished_ones(workspace):
    fake_runs.finish_all(workspace, fake_runs.fake_experiment(seeds=(0,)))
    with pytest.raises(WorkspaceError, match="should be a new workspace for recorded results; found one with runs"):
        restore(workspace)


def test_what_is_recorded_comes_back_byte_by_byte(workspace, tmp_path, monkeypatch):
    fake = fake_runs.fake_experiment(seeds=(0,))
    fake_runs.finish_all(workspace, fake)
    (next(workspace.runs.iterdir()) / "model.safetensors").write_bytes(b"heavy")
    count = record(workspace, tmp_path / "recorded.parquet")
    monkeypatch.setattr("mtlens.store.demo_results.RECORDING", tmp_path / "recorded.parquet")
    other = Workspace.open(tmp_path / "other")
    restore(other)
    files = [path for path in other.root.rglob("*") if path.is_file() and path.parent.parent == other.runs]
    assert len(files) + 2 == count
    assert not any(path.suffix == ".safetensors" for path in files)
    for path in files:
        assert path.read_bytes() == (workspace.root / path.relative_to(other.root)).read_bytes()
