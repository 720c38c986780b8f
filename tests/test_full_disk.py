"""A disk that fills up under an experiment: one line says so, and with room again the same command does the rest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.store.read import query
from backend.store.workspace import Workspace

EXPERIMENT = """\
name: full
data:
  tables: [{{path: notes.csv, text: note}}]
tasks:
  grade: {{classes: [none, mild, severe]}}
  side: {{classes: [left, right]}}
encoder: {{name: {encoder}}}
training: {{epochs: 2, batch_size: 16, learning_rate: 1e-3, precision: float32}}
evidence: {{examples: 16, microbatches: 4, microbatch_size: 4}}
margin: 0.1
seeds: [0]
"""
SCRIPT = """
mount -t tmpfs -o size=200k tmpfs results || exit 77
"$1" -c "from backend.cli import main; main()" run tiny.yaml --local >first 2>&1; echo $? >code
mount -o remount,size=100m results
"$1" -c "from backend.cli import main; main()" run tiny.yaml --local >second 2>&1 || exit 1
cp -r results kept
"""
VERDICTS = "SELECT * EXCLUDE (experiment_id) FROM comparison ORDER BY ALL"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a small disk of its own")
def test_a_full_disk_is_told_in_one_line_and_costs_nothing_but_time(tiny_encoder, tmp_path):
    generator = np.random.default_rng(0)
    grades, sides = generator.integers(0, 3, 120), generator.integers(0, 2, 120)
    words = [(("none", "mild", "severe")[g], ("left", "right")[s]) for g, s in zip(grades, sides, strict=True)]
    (tmp_path / "notes.csv").write_text(
        "\n".join(["note,grade,side", *(f"disc {i} {g} {s},{g},{s}" for i, (g, s) in enumerate(words))])
    )
    (tmp_path / "tiny.yaml").write_text(EXPERIMENT.format(encoder=tiny_encoder))
    (tmp_path / "results").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh", sys.executable]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250, check=False)
    if run.returncode == 77 or "unshare" in run.stderr:
        pytest.skip("no mounts of one's own here")
    assert run.returncode == 0, (tmp_path / "second").read_text()
    first = (tmp_path / "first").read_text()
    assert (tmp_path / "code").read_text().strip() == "2", first
    assert "No space left on device" in first.splitlines()[-1]
    assert "Traceback" not in first
    shutil.rmtree(tmp_path / "results", ignore_errors=True)
    again = [sys.executable, "-c", "from backend.cli import main; main()", "run", "tiny.yaml", "--local", "-w", "undisturbed"]
    subprocess.run(again, cwd=tmp_path, env=environment, capture_output=True, timeout=250, check=True)
    disturbed, undisturbed = (Workspace.open(tmp_path / name, create=False) for name in ("kept", "undisturbed"))
    assert query(disturbed, VERDICTS).rows == query(undisturbed, VERDICTS).rows
    counts = "SELECT count(*), count(DISTINCT run_id) FROM run WHERE state = 'done'"
    assert [tuple(row) for row in query(disturbed, counts).rows] == [(3, 3)]
