"""An experiment on Ray that is killed or interrupted: what is finished stays, and the same command does the rest."""

import os
import re
import shutil
import signal

import pytest

from experiments.cluster.drill import EXPLAINED, TRAINED, markers
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from tests.support.fault_trial import NUM_GROUP_RUNS, NUM_RUNS, assert_as_undisturbed, finish, start, unfinished, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(900)]  # on a busy machine


def counted(printed):
    """Runs trained now, and before."""
    return tuple(map(int, re.search(r"(\d+) runs? trained, (\d+) were finished before", printed).groups()))


def test_an_interrupted_experiment_goes_on_where_it_was(trial, tmp_path, request):
    workspace = Workspace(tmp_path / "interrupted")
    process = start(trial.folder, "run", "experiment.yaml", "-w", str(workspace.root))
    request.addfinalizer(process.kill)
    wait_until(lambda: process.poll() is not None or markers(workspace))
    before = markers(workspace)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    cut_off = unfinished(workspace)
    printed = (tmp_path / "interrupted.out").read_text().strip().splitlines()
    assert printed[-1] == "stopped; the same command continues from here"
    again = ("run", "experiment.yaml", "-w", str(workspace.root))
    trained, already = counted(finish(start(trial.folder, *again)))
    assert len(before) <= already < NUM_RUNS
    assert trained + already == NUM_RUNS
    assert before.items() <= markers(workspace).items()
    assert_as_undisturbed(workspace, trial.undisturbed, TRAINED | EXPLAINED, cut_off=cut_off)
    assert counted(finish(start(trial.folder, *again))) == (0, NUM_RUNS)


def test_a_search_killed_with_its_files_torn_trains_each_group_once(trial, tmp_path, request):
    """What Tune has written is cut off in the middle; run folders are the truth."""
    undisturbed, workspace = (Workspace(tmp_path / name) for name in ("here", "killed"))
    shutil.copytree(trial.undisturbed.root, undisturbed.root, symlinks=True)
    finish(start(trial.folder, "search", "searched.yaml", "--local", "-w", str(undisturbed.root)))
    shutil.copytree(trial.undisturbed.root, workspace.root, symlinks=True)
    command = ("search", "searched.yaml", "-w", str(workspace.root))
    process = start(trial.folder, *command)
    request.addfinalizer(process.kill)
    finished = len(markers(workspace))
    wait_until(lambda: process.poll() is not None or len(markers(workspace)) >= finished + 4)
    process.kill()
    process.wait()
    cut_off = unfinished(workspace)
    before, torn = markers(workspace), list(workspace.root.glob("ray/*/search/tuner.pkl"))
    assert torn
    for path in (*torn, *workspace.root.glob("search/*.json")):
        os.truncate(path, path.stat().st_size // 2)
    finish(start(trial.folder, *command))
    assert finished + 4 <= len(before) < finished + NUM_GROUP_RUNS
    assert before.items() <= markers(workspace).items()
    assert query(workspace, "SELECT count(*) FROM runs WHERE role = 'group' AND state = 'done'").rows == [(NUM_GROUP_RUNS,)]
    assert_as_undisturbed(workspace, undisturbed, cut_off=cut_off)
