"""One small experiment that every fault disturbs, and what must be true of it afterwards."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.cluster.drill import TRAINED, differences
from mtlens.config.loading import load_experiments
from mtlens.execution.experiment import register
from mtlens.execution.plan import Plan, make_plan
from mtlens.store.database.reader import query
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace

EXPERIMENT = """\
name: disturbed
data:
  tables: [{{path: notes.csv, text: note}}]
tasks:
  grade: {{classes: [none, mild, severe]}}
  level: {{classes: [low, high]}}
  side: {{classes: [left, right]}}
encoder: {{name: {encoder}}}
training: {{epochs: 24, batch_size: 16, learning_rate: 1e-3, precision: float32}}
evidence: {{examples: 32, microbatches: 4, microbatch_size: 4}}
margin: 0.1
seeds: [0, 1, 2]
"""
NUM_RUNS, NUM_GROUP_RUNS = 12, 9
NOT_OF_THE_TRIAL = {"look", "arm_choice"}  # its seeds are listed, and it has one arm
MTLENS = (  # on two cores at most, so that a lane has one thread everywhere
    "import os; os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])\nfrom mtlens.cli.main import main; main()"
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The experiment's folder and plan, and a workspace in which nothing disturbed it."""

    folder: Path
    plan: Plan
    undisturbed: Workspace

    def begin(self, folder: Path) -> Workspace:
        """A workspace in which the experiment is known and nothing is trained."""
        workspace = Workspace.open(folder)
        register(self.plan, workspace)
        return workspace


def make_trial(folder: Path, encoder: Path) -> Trial:
    """Write table and files, and do everything in one process."""
    generator = np.random.default_rng(0)
    words = {"grade": ("none", "mild", "severe"), "level": ("low", "high"), "side": ("left", "right")}
    said = {"none": "normal", "low": "without", "high": "with"}
    lines = [f"note,{','.join(words)}"]
    for i in range(160):  # one word of five says nothing, so that models err and differ
        labels = [str(generator.choice(of_task)) for of_task in words.values()]
        text = " ".join(said.get(label, label) if generator.random() < 0.8 else "root" for label in labels)
        lines.append(f"disc {i} {text},{','.join(labels)}")
    (folder / "notes.csv").write_text("\n".join(lines) + "\n")
    content = EXPERIMENT.format(encoder=encoder)
    (folder / "experiment.yaml").write_text(content)
    (folder / "searched.yaml").write_text(content + "search: {method: exhaustive}\n")
    (experiment,) = load_experiments(folder / "experiment.yaml")
    undisturbed = folder / "undisturbed"
    finish(start(folder, "run", "experiment.yaml", "--local", "-w", str(undisturbed)))
    return Trial(folder=folder, plan=make_plan(experiment, [folder]), undisturbed=Workspace.open(undisturbed, create=False))


def environment() -> dict[str, str]:
    """In which a command of mtlens finds its code in any folder."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def start(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """A command of mtlens, which prints into a file beside its workspace: Ray's processes keep pipes open after a kill."""
    printed = Path(command[-1] + ".out")
    with printed.open("wb") as out:
        arguments = [sys.executable, "-c", MTLENS, *command]
        return subprocess.Popen(arguments, cwd=folder, env=environment(), stdout=out, stderr=out)


def finish(process: subprocess.Popen[bytes], seconds: float = 400) -> str:
    """What a command printed until it ended well."""
    printed = Path(process.args[-1] + ".out")
    assert process.wait(timeout=seconds) == 0, printed.read_text()
    return printed.read_text()


def wait_until(condition, seconds=200):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what should happen did not"
        time.sleep(0.05)


def in_background(work):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(work()), daemon=True)
    thread.start()
    return thread, answers


def done(workspace, runs):
    return [run for run in runs if RunFolder(workspace, run.run_id).state == "done"]


def epochs(workspace, run):
    folder = RunFolder(workspace, run.run_id).path
    return sum(path.read_text().count('"kind": "epoch"') for path in folder.glob("journal-*.jsonl"))


def in_flight(workspace, runs):
    """Runs that are past an epoch and not done."""
    return [run for run in runs if RunFolder(workspace, run.run_id).state == "unfinished" and epochs(workspace, run)]


def unfinished(workspace):
    """Ids of the runs that have begun and are not done."""
    return {path.name for path in workspace.runs.iterdir() if not (path / "DONE").exists()}


def assert_as_undisturbed(workspace, undisturbed, tables=TRAINED, *, cut_off=frozenset()):
    """No row is lost, none is there twice, none differs, the verdicts included; and nothing was finished twice.

    cut_off: ids of runs that a fault met unfinished. A journal says `done` before the folder is sealed, so the end of one of
    these runs may be in its journal already.
    """
    found = differences(undisturbed, workspace, tables)
    assert {table: only for table, (_, *only) in found.items() if any(only)} == {}
    assert all(found[table][0] for table in found if table in TRAINED.keys() - NOT_OF_THE_TRIAL)
    again = "SELECT run_id FROM event WHERE kind = 'done' GROUP BY run_id HAVING count(*) > 1"
    assert {run_id for (run_id,) in query(workspace, again).rows} <= cut_off
