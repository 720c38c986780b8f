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


SEARCHED = """\
name: searched
data:
  tables: [{{path: notes.csv, text: note}}]
tasks:
  grade: {{classes: [none, mild, severe]}}
  side: {{classes: [left, right]}}
  other: {{column: side, classes: [right, left]}}
encoder: {{name: {encoder}}}
training: {{epochs: 6, batch_size: 16, learning_rate: 1e-3, precision: float32}}
margin: 0.1
seeds: [0]
search: {{method: exhaustive}}
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
    (tmp_path / "search.yaml").write_text(SEARCHED.format(encoder=tiny_encoder))
    return tmp_path


def start(folder, *words):
    """`mtlens run`, which prints into files: Ray's own processes would keep pipes open after a kill."""
    command = [sys.executable, "-c", "from backend.cli import main; main()", *(words or ("run", "tiny.yaml"))]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)


def wait_for_finished_runs(folder, process, number=1):
    """Paths and times of the DONE markers, once there are so many."""
    for _ in range(1200):
        done = list(folder.glob("results/runs/*/DONE"))
        if len(done) >= number:
            return {path: path.stat().st_mtime_ns for path in done}
        assert process.poll() is None, (folder / "err").read_text()
        time.sleep(0.1)
    pytest.fail(f"{number} runs were not finished in two minutes")


def finish(folder, *words):
    process = start(folder, *words)
    assert process.wait(timeout=240) == 0, (folder / "err").read_text()
    return (folder / "out").read_text()


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_finished_runs_are_not_touched_and_the_others_are_done(folder, how, request):
    process = start(folder)
    request.addfinalizer(process.kill)
    before = wait_for_finished_runs(folder, process)
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


@pytest.mark.slow
@pytest.mark.fault
def test_a_search_that_is_killed_trains_nothing_that_is_finished_when_it_is_started_again(folder, request):
    """Of 7 groups four are trained before the search, and one before its first trial."""
    process = start(folder, "search", "search.yaml")
    request.addfinalizer(process.kill)
    before = wait_for_finished_runs(folder, process, 5)
    process.kill()
    process.wait(timeout=60)
    before |= {path: path.stat().st_mtime_ns for path in folder.glob("results/runs/*/DONE")}
    assert len(before) < 7
    finish(folder, "search", "search.yaml")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(folder.glob("results/runs/*/DONE"))) == 7
    assert all(len(list(path.parent.glob("journal-*.jsonl"))) == 1 for path in before)
    assert "0 runs trained, 4 were finished before." in finish(folder, "search", "search.yaml")
