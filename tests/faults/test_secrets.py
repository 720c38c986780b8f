"""What must not get out: the text of reports, and tokens, on a machine whose home cannot be written."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mtlens.errors import ExecutionError
from mtlens.execution.ray_backend.auth import guard_token_file
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

TEXT, TOKEN = "quetzalcoatlus", "5ec2e7" * 10
EXPERIMENT = """\
name: private
data:
  tables: [{{path: notes.csv, text: note}}]
tasks:
  grade: {{classes: [none, mild, severe]}}
  side: {{classes: [left, right]}}
encoder: {{name: {encoder}}}
training: {{epochs: 1, batch_size: 16, learning_rate: 1e-3, precision: float32}}
evidence: {{examples: 16, microbatches: 4, microbatch_size: 4}}
margin: 0.1
seeds: [0]
"""


@pytest.fixture
def short_folder():
    """Ray's sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="mt") as name:
        yield Path(name)


def readable(path):
    """Content of a file as bytes, with the columns of Parquet files decompressed."""
    content = path.read_bytes()
    return content + repr(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else content


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that even root cannot write to")
def test_texts_and_tokens_stay_out_of_results_and_logs(tiny_encoder, tmp_path, short_folder):
    lines = [
        f"the {TEXT} {i} {g} {s},{g},{s}" for i in range(40) for g in ("none", "mild", "severe") for s in ("left", "right")
    ]
    (tmp_path / "notes.csv").write_text("\n".join(["note,grade,side", *lines]) + "\n")
    (tmp_path / "tiny.yaml").write_text(EXPERIMENT.format(encoder=tiny_encoder))
    home = {"HOME": "/proc", "RAY_TMPDIR": str(short_folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    secret = {"RAY_AUTH_TOKEN": TOKEN, "HF_TOKEN": f"hf_{TOKEN}"}
    command = [sys.executable, "-c", "from mtlens.cli.main import main; main()", "run", "tiny.yaml"]
    with (tmp_path / "out").open("w") as out:
        run = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **home, **secret}, stdout=out, stderr=out, timeout=240, check=False
        )
    assert run.returncode == 0, (tmp_path / "out").read_text()
    workspace = Workspace.open(tmp_path / "results", create=False)
    results = [path for path in workspace.root.rglob("*") if path.is_file() and not path.is_symlink()]
    logs = [path for path in short_folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(list(workspace.runs.glob("*/DONE"))) == 3
    assert any(path.suffix == ".log" for path in logs)
    database = repr(fake_runs.dump(workspace.pointer))
    assert "notes.csv" in database  # so that the search below could find something
    for where in (*results, *logs, tmp_path / "out"):
        content = readable(where)
        assert TEXT.encode() not in content, where
        assert TOKEN.encode() not in content, where
    assert TEXT not in database
    assert TOKEN not in database


def test_a_token_file_that_others_can_read_is_closed(tmp_path, monkeypatch):
    path = tmp_path / "auth_token"
    path.write_text("t" * 64)
    path.chmod(0o644)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    guard_token_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    monkeypatch.setattr(Path, "chmod", _refuse)
    with pytest.raises(ExecutionError, match=r"auth_token should be readable by its owner alone \(chmod 600\)"):
        guard_token_file()


def _refuse(*_):
    raise PermissionError(1, "Operation not permitted")
