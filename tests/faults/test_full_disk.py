"""A disk that fills up under an experiment: one line says so, and with room again the same command does the rest."""

import shutil
import subprocess
import sys

import pytest

from experiments.cluster.drill import EXPLAINED, TRAINED
from mtlens.store.workspace.workspace import Workspace
from tests.support.fault_trial import MTLENS, assert_as_undisturbed, environment

SCRIPT = """
mount -t tmpfs -o size=4m tmpfs "$3" || exit 77
"$1" -c "$2" run experiment.yaml --local -w "$3" >"$3.first" 2>&1
echo $? >"$3.code"
ls "$3"/runs/*/DONE | wc -l >"$3.done"
mount -o remount,size=200m "$3"
"$1" -c "$2" run experiment.yaml --local -w "$3" >"$3.second" 2>&1 || exit 1
cp -a "$3" "$3.kept"
"""


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a small disk of its own")
def test_a_full_disk_is_told_in_one_line_and_costs_nothing_but_time(trial, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh", sys.executable, MTLENS, small]
    run = subprocess.run(command, cwd=trial.folder, env=environment(), capture_output=True, text=True, timeout=800, check=False)
    if run.returncode == 77 or "unshare" in run.stderr:
        pytest.skip("no mounts of one's own here")
    first, second, code, done = ((tmp_path / f"small.{name}").read_text() for name in ("first", "second", "code", "done"))
    assert run.returncode == 0, second
    assert code.strip() == "2", first
    assert "No space left on device" in first.splitlines()[-1]
    assert "Traceback" not in first
    assert f"trained, {done.strip()} were finished before" in second
    assert_as_undisturbed(Workspace.open(tmp_path / "small.kept", create=False), trial.undisturbed, TRAINED | EXPLAINED)
