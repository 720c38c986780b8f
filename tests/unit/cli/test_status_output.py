"""Who is at work, when it will be done, and that a dead lane is not counted."""

import pytest

from mtlens.cli import results
from mtlens.cli.status_output import watch_lanes
from mtlens.execution.progress import Monitor
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace.open(tmp_path / "results")
    fake = fake_runs.fake_experiment(seeds=(0,))
    fake_runs.save(workspace, fake)
    first, second, third = fake.runs
    fake_runs.finish(workspace, first)
    _, journal = fake_runs.start(workspace, second)
    journal.write("resume", epoch=0, fraction=0.0, node="alpha", process=7)
    journal.write("progress", epoch=1, fraction=0.5)
    journal.close()
    _, journal = fake_runs.start(workspace, third)
    journal.close()
    ingest(workspace, force=True)
    return workspace


def test_lanes_at_work_are_told_with_the_whole(workspace, capsys):
    watch_lanes(workspace, again=False)
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "alpha/7" in line]
    assert "1/2" in line
    assert "50%" in line
    assert "2 lanes in training; 1 of 3 runs done, 0 failed, 1 in the last hour;" in out


def test_what_is_left_leaves_out_abandoned_experiments(workspace, capsys):
    """The former version of the experiment shares the runs at work, and was started earlier."""
    before = fake_runs.fake_experiment(seeds=tuple(range(100)))
    fake_runs.save(workspace, before, created="2029-01-01T00:00:00+00:00")
    fake_runs.save(
        workspace, fake_runs.fake_experiment("other", seeds=tuple(range(50, 90))), created="2031-01-01T00:00:00+00:00"
    )
    ingest(workspace, force=True)
    watch_lanes(workspace, again=False)
    assert "1 of 300 runs done, 0 failed, 1 in the last hour; 1 s left" in " ".join(
        capsys.readouterr().out.split()
    )  # 1.5 runs of 1.5 s, 2 lanes


def test_what_is_left_leaves_out_failed_runs(workspace, capsys):
    more = fake_runs.fake_experiment(seeds=(0, 1))
    fake_runs.save(workspace, more, created="2031-01-01T00:00:00+00:00")
    for run in [run for run in more.runs if run.seed == 1]:
        folder, journal = fake_runs.start(workspace, run)
        journal.write("progress", epoch=1, fraction=0.5)
        journal.close()
        folder.fail("a reason")
    ingest(workspace, force=True)
    watch_lanes(workspace, again=False)
    assert "1 of 6 runs done, 3 failed, 1 in the last hour; 1 s left" in capsys.readouterr().out


def test_rays_own_dashboard_is_named_where_there_is_one(workspace, capsys):
    watch_lanes(workspace, again=False)
    assert "http" not in capsys.readouterr().out
    workspace.ray_dashboard.parent.mkdir()
    workspace.ray_dashboard.write_text("http://127.0.0.1:8265")
    watch_lanes(workspace, again=False)
    assert "Ray's own dashboard, on the head node: http://127.0.0.1:8265" in capsys.readouterr().out


def test_a_lane_without_a_sign_of_life_is_not_at_work(workspace, capsys, monkeypatch):
    from mtlens.cli import status_output

    monkeypatch.setattr(status_output, "LANES", status_output.LANES.replace("120 SECONDS", "0 SECONDS"))
    watch_lanes(workspace, again=True)  # ends at once
    assert "0 lanes in training" in capsys.readouterr().out


def test_a_watch_lasts_while_a_command_has_jobs_done(workspace, monkeypatch):
    from mtlens.cli import status_output

    monkeypatch.setattr(status_output, "LANES", status_output.LANES.replace("120 SECONDS", "0 SECONDS"))
    monkeypatch.setattr(status_output, "SECONDS_BETWEEN_LOOKS", 0.0)
    command, looks = Monitor(workspace, [], lambda _: None), []

    def look(_):
        looks.append("look")
        if len(looks) == 3:
            command.__exit__(None)

    monkeypatch.setattr(status_output, "ingest", look)
    command.__enter__()
    watch_lanes(workspace, again=True)
    assert len(looks) == 3


def test_status_shows_the_lanes_too(workspace, capsys):
    results.status(workspace.root)
    assert "lanes in training" in capsys.readouterr().out
