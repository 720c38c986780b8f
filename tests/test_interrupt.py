"""An experiment on Ray that is killed or interrupted: what is finished stays, and the same command does the rest."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

EXPERIMENT = """\
name: interrupted
data:
  tables: [{{path: notes.csv, text: note}}]
tasks:
  grade: {{classes: [none, mild, severe]}}
  side: {{classes: [left, right]}}
encoder: {{name: {encoder}}}
training: {{epochs: 40, batch_size: 8, learning_rate: 1e-3, precision: float32}}
evidence: {{examples: 32, microbatches: 4, microbatch_size: 4}}
margin: 0.1
seeds: [0]
"""


@pytest.fixture
def folder(tmp_path, tiny_encoder):
    generator = np.random.default_rng(0)
    lines = ["note,grade,side"]
    for i in range(240):
        grade, side = generator.integers(0, 3), generator.integers(0, 2)
        words = (["normal", "mild", "severe"][grade], ["left", "right"][side])
        lines.append(f"the disc {i} {words[0]} with {words[1]},{['none', 'mild', 'severe'][grade]},{words[1]}")
    (tmp_path / "notes.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "tiny.yaml").write_text(EXPERIMENT.format(encoder=tiny_encoder))
    return tmp_path


def start(folder):
    """`mtlens run`, which prints into files: Ray's own processes would keep pipes open after a kill."""
    command = [sys.executable, "-c", "from backend.cli import main; main()", "run", "tiny.yaml"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)


def wait_for_a_finished_run(folder, process):
    """Paths and times of the DONE markers, once there is one and not all."""
    for _ in range(1200):
        done = list(folder.glob("results/runs/*/DONE"))
        if done:
            return {path: path.stat().st_mtime_ns for path in done}
        assert process.poll() is None, (folder / "err").read_text()
        time.sleep(0.1)
    pytest.fail("no run was finished in two minutes")


def finish(folder):
    process = start(folder)
    assert process.wait(timeout=240) == 0, (folder / "err").read_text()
    return (folder / "out").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_finished_runs_are_not_touched_and_the_others_are_done(folder, how, request):
    process = start(folder)
    request.addfinalizer(process.kill)
    before = wait_for_a_finished_run(folder, process)
    process.send_signal(how)
    code = process.wait(timeout=60)
    if how == signal.SIGINT:
        assert code == 130
        assert (folder / "err").read_text().strip().splitlines()[-1] == "stopped; the same command goes on from here"
    before |= {path: path.stat().st_mtime_ns for path in folder.glob("results/runs/*/DONE")}
    out = finish(folder)
    trained, already = map(int, re.search(r"(\d+) runs trained, (\d+) were finished before", out).groups())
    assert trained + already == 3
    assert len(before) <= already < 3  # a lane may finish its run before it notices that the driver is gone
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(folder.glob("results/runs/*/DONE"))) == 3
    assert all(path.exists() for path in folder.glob("results/evidence/*/DONE"))
    assert "0 runs trained, 3 were finished before." in finish(folder)
