"""Readers that ask without a pause while runs are being written: the dashboard's views and its pages."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from mtlens_dashboard.widgets import shown_workspace
from tests.support import fake_runs
from tests.support.fault_trial import assert_as_undisturbed

WRITER = """
import sys
from pathlib import Path
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
workspace = Workspace.open(Path(sys.argv[1]))
for run in fake_runs.fake_experiment("polled", seeds=tuple(range(4))).runs:
    fake_runs.finish(workspace, run)
    ingest(workspace, force=True)
"""
FAKE = fake_runs.fake_experiment("polled", seeds=tuple(range(4)))
HALF = (
    "SELECT run_id FROM run WHERE state = 'done' AND run_id NOT IN (SELECT run_id FROM prediction JOIN metric USING (run_id))"
)


def poll(workspace: Workspace, over: threading.Event, seen: list[int]) -> None:
    """Note how many runs are done, many times a second; what is raised here fails the test."""
    while not over.is_set():
        (experiment,) = queries.experiments(workspace)
        queries.snapshot(workspace), queries.matching(workspace, experiment.experiment_id)
        seen.append(sum(run.state == "done" for run in queries.runs(workspace)))
        assert query(workspace, HALF).rows == []
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.fault
def test_a_dashboard_that_polls_under_constant_writes_sees_whole_runs_and_holds_nobody_up(tmp_path, monkeypatch):
    workspace, undisturbed = (Workspace.open(tmp_path / name) for name in ("polled", "undisturbed"))
    fake_runs.finish_all(undisturbed, FAKE)
    fake_runs.save(workspace, FAKE)
    ingest(workspace)
    monkeypatch.setenv(shown_workspace.VARIABLE, str(workspace.root))
    over, seen = threading.Event(), [[] for _ in range(2)]
    readers = [threading.Thread(target=poll, args=(workspace, over, one)) for one in seen]
    for reader in readers:
        reader.start()
    command = [sys.executable, "-c", WRITER, str(workspace.root)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True) as writer:
        try:
            while writer.poll() is None:
                for page in ("", "runs", "single-multi"):
                    app = AppTest.from_string("from mtlens_dashboard import app\napp.main()", default_timeout=250)
                    app._page_hash = page and calc_hash(page)
                    app.run()
                    assert not app.exception
                    assert not app.error
        finally:
            over.set()
        assert writer.stderr.read() == ""
    for reader, counts in zip(readers, seen, strict=True):
        reader.join(timeout=60)
        assert counts == sorted(counts)
        assert len(set(counts)) > 3
    assert writer.returncode == 0
    assert_as_undisturbed(workspace, undisturbed)
