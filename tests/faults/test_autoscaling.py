"""Nodes of a cluster that come when they are needed and go when they are not."""

import pytest

from mtlens.execution.experiment import run_experiment
from mtlens.store.workspace.workspace import Workspace
from tests.support.autoscaled import autoscaled, working_nodes
from tests.support.fault_trial import assert_as_undisturbed, in_background, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(900)]  # on a busy machine


def test_nodes_come_while_runs_wait_and_go_when_they_are_idle(trial, tmp_path, monkeypatch):
    """And every table of results is that of `--local`."""
    from mtlens.execution.ray_backend import train

    monkeypatch.setattr(train, "SECONDS_BETWEEN_RESIZES", 2.0)
    workspace, seen = Workspace.open(tmp_path / "scaled"), []

    def work():
        return run_experiment(trial.plan, workspace, explain=False, local=False, address=cluster.address, show=lambda _: None)

    with autoscaled(2, tmp_path) as cluster:
        assert working_nodes() == 0
        thread, answers = in_background(work)
        while thread.is_alive():
            seen.append(working_nodes())
            thread.join(timeout=0.5)
        wait_until(lambda: working_nodes() == 0)
    assert answers, "the experiment should have ended"
    assert {one.reason for one in answers[0]} == {""}
    assert max(seen) == 2
    assert_as_undisturbed(workspace, trial.undisturbed)
