"""A workspace on a disk that cannot be written: it is shown and checked, and nothing is written."""

import shutil
import subprocess
import sys

import pytest

from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.fault_trial import MTLENS, environment

SCRIPT = """
mount -t tmpfs -o size=64m tmpfs "$4" || exit 77
cp -a "$3/." "$4"
mount -o remount,ro "$4" || exit 77
for command in status "ingest --check" verify "sql select(1)" ingest; do
  echo "== $command"
  "$1" -c "$2" $command -w "$4" 2>&1
  echo "-> $?"
done
"""


@pytest.mark.fault
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a disk of its own")
def test_a_read_only_workspace_is_shown_and_checked(tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    fake_runs.finish_all(workspace, fake_runs.fake_experiment("small", seeds=(7,)))
    ingest(workspace, force=True)
    disk = tmp_path / "disk"
    disk.mkdir()
    paths = (str(workspace.root), str(disk))
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh", sys.executable, MTLENS, *paths]
    run = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=240, check=False)
    if run.returncode == 77 or "unshare" in run.stderr:
        pytest.skip("no mounts of one's own here")
    said = {part.partition("\n")[0]: part for part in run.stdout.split("== ")[1:]}
    assert "Traceback" not in run.stdout
    assert "is read-only: this is what its newest snapshot holds" in said["status"]
    assert "small" in said["status"]
    assert "1 experiments, 3 runs (3 finished)" in said["ingest --check"]
    assert "0 damaged" in said["verify"]
    for name in ("status", "ingest --check", "verify", "sql select(1)"):
        assert said[name].rstrip().endswith("-> 0"), said[name]
    assert said["ingest"].rstrip().endswith("-> 2")
    assert "Read-only file system" in said["ingest"]
