"""A run that was killed goes on after its last saved epoch and ends the same, also where the saved state is torn."""

import pytest

from mtlens.store.workspace.run_folder import RESUME, RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training import run as module
from mtlens.training.run import execute
from tests.support.journals import events, milestones


@pytest.fixture
def save_every_epoch(monkeypatch):
    monkeypatch.setattr(module, "SAVING_SHARE", float("inf"))


class Killed(BaseException):
    """Stands for a signal: nothing in the product catches it."""


def die_in_the_third_epoch(run, encoded, workspace, monkeypatch):
    class Mortal(module.Trainer):
        def train_epoch(self, on_step):
            if self.progress.epoch == 2:
                raise Killed
            return super().train_epoch(on_step)

    with monkeypatch.context() as patch:
        patch.setattr(module, "Trainer", Mortal)
        with pytest.raises(Killed):
            execute(run, encoded, workspace, threads=1)


def assert_same_results(workspace, other, run):
    one, two = (RunFolder(where, run.run_id).facts()["files"] for where in (workspace, other))
    for name in ("predictions.parquet", "metrics.parquet", "model.safetensors"):
        assert one[name] == two[name]


@pytest.fixture(scope="module")
def undisturbed(make_run, encoded, tmp_path_factory):
    workspace = Workspace.open(tmp_path_factory.mktemp("undisturbed"))
    execute(make_run(epochs=4), encoded, workspace, threads=1)
    return workspace


@pytest.mark.fault
def test_a_run_killed_between_epochs_goes_on_and_ends_the_same(
    make_run, encoded, workspace, undisturbed, save_every_epoch, monkeypatch
):
    run = make_run(epochs=4)
    die_in_the_third_epoch(run, encoded, workspace, monkeypatch)
    folder = RunFolder(workspace, run.run_id)
    assert folder.state == "unfinished"
    assert folder.read_bytes(RESUME) is not None
    assert execute(run, encoded, workspace, threads=1).reason == ""
    assert milestones(folder) == ["start", "epoch", "epoch", "resume", "epoch", "epoch", "done"]
    assert folder.read_bytes(RESUME) is None
    assert_same_results(workspace, undisturbed, run)


@pytest.mark.fault
def test_a_death_while_the_folder_is_sealed_repeats_the_last_epoch_alone(
    make_run, encoded, workspace, undisturbed, save_every_epoch, monkeypatch
):
    """The journal has told the end, the marker is not there: the run is taken up after its last saved epoch."""
    run = make_run(epochs=4)
    folder = RunFolder(workspace, run.run_id)

    def die(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", die)
        with pytest.raises(Killed):
            execute(run, encoded, workspace, threads=1)
    assert folder.state == "unfinished"
    assert execute(run, encoded, workspace, threads=1).reason == ""
    assert milestones(folder) == ["start", *["epoch"] * 4, "done", "resume", "epoch", "done"]
    assert_same_results(workspace, undisturbed, run)


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: b"",
        lambda state: state[:100],
        lambda state: state[: len(state) // 2],
        lambda state: state[:-1],
        lambda state: state[: len(state) // 2] + bytes(len(state) - len(state) // 2),
        lambda state: state.replace(b"now/", b"new/"),
    ],
    ids=["empty", "a hundred bytes", "half", "all but a byte", "half, then zeros", "of another form"],
)
def test_a_torn_state_costs_the_earlier_epochs_and_nothing_else(
    make_run, encoded, workspace, undisturbed, save_every_epoch, monkeypatch, damage
):
    run = make_run(epochs=4)
    die_in_the_third_epoch(run, encoded, workspace, monkeypatch)
    folder = RunFolder(workspace, run.run_id)
    (folder.path / RESUME).write_bytes(damage(folder.read_bytes(RESUME)))
    assert execute(run, encoded, workspace, threads=1).reason == ""
    assert milestones(folder) == ["start", "epoch", "epoch", "start", *["epoch"] * 4, "done"]
    _, again = (event for event in events(folder) if event["kind"] == "start")
    assert "saved state should fit the run" in again["payload"]["discarded"]
    assert_same_results(workspace, undisturbed, run)
