"""What is reported while lanes train, and what happens when the store cannot keep up."""

import time

import pytest

from mtlens.cli.status_output import _is_running
from mtlens.errors import WorkspaceError
from mtlens.execution import progress as module
from mtlens.execution.live_progress import _left, _LogLines, _whole, _whole_left
from mtlens.execution.progress import JobProgress, Monitor
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from tests.support.fault_trial import wait_until


@pytest.fixture
def workspace(tmp_path):
    return Workspace.open(tmp_path / "results")


def start(workspace, run):
    return RunFolder(workspace, run.run_id).start(run, {}, {})


def test_progress_follows_the_journals(make_run, workspace):
    runs = [make_run("grade", seed=seed) for seed in range(3)]
    seen = []
    with Monitor(workspace, runs, lambda progress: seen.append([(run.state, run.fraction) for run in progress])):
        journal = start(workspace, runs[0])
        journal.write("progress", fraction=0.5)
        failing = start(workspace, runs[1])
        failing.write("failed", reason="no room")
        RunFolder(workspace, runs[1].run_id).fail("no room")
        journal.close()
        failing.close()
    assert seen[-1] == [("running", 0.5), ("failed", 0.0), ("queued", 0.0)]


def test_a_look_reads_only_what_is_new(make_run, workspace, monkeypatch):
    run = make_run()
    watch = Monitor(workspace, [run], lambda _: None)
    journal = start(workspace, run)
    journal.write("progress", fraction=0.1)
    starts = []
    read = module.read_tail
    monkeypatch.setattr(module, "read_tail", lambda path, at: starts.append(at) or read(path, at))
    watch._look()
    size = next(iter(watch._progress[0].offsets.values()))
    watch._look()
    assert starts == [0, size]
    journal.close()


def test_what_an_earlier_session_left_is_not_news(make_run, workspace):
    """A run that failed or was cut off yesterday waits like any other until it is taken up."""
    failed, cut_off = make_run("grade"), make_run("side")
    for run in (failed, cut_off):
        journal = start(workspace, run)
        journal.write("progress", fraction=0.4)
        journal.close()
    RunFolder(workspace, failed.run_id).fail("no room")
    seen = []
    with Monitor(workspace, [failed, cut_off], lambda progress: seen.append([run.state for run in progress])):
        journal = start(workspace, cut_off)
        journal.write("resume", fraction=0.4)
        journal.close()
    assert seen[-1] == ["queued", "running"]


def test_of_two_commands_the_second_is_seen_when_the_first_ends(workspace, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.01)
    with Monitor(workspace, [], lambda _: None):
        second = Monitor(workspace, [], lambda _: None)
        second.__enter__()
        assert _is_running(workspace)
    wait_until(lambda: _is_running(workspace))
    second.__exit__(None)
    assert not _is_running(workspace)


def test_what_goes_wrong_with_the_store_is_told_at_the_end(make_run, workspace, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(module, "SECONDS_BETWEEN_INGESTS", 0.0)

    def full(*_, **__):
        raise WorkspaceError("no space left")

    monkeypatch.setattr(module, "ingest", full)
    with pytest.raises(WorkspaceError, match="no space left"), Monitor(workspace, [make_run()], lambda _: None):
        time.sleep(0.1)


def test_an_error_of_the_training_is_not_hidden_by_one_of_the_store(make_run, workspace, monkeypatch):
    def full(*_, **__):
        raise WorkspaceError("no space left")

    monkeypatch.setattr(module, "ingest", full)
    with pytest.raises(KeyError), Monitor(workspace, [make_run()], lambda _: None):
        raise KeyError


def progress(make_run, **values):
    return JobProgress(job=make_run(), **values)


def test_time_left_is_at_the_pace_so_far(make_run):
    now = time.time()
    running = progress(make_run, state="running", fraction=0.5, began=(now - 10, 0.25))
    assert running.seconds_left() == pytest.approx(20, rel=0.01)
    assert progress(make_run).seconds_left() is None
    waiting = progress(make_run)
    assert _whole_left([running, waiting]) == "60 s left"


def test_a_log_gets_one_line_per_finished_run(make_run, capsys):
    show = _LogLines()
    first, second = progress(make_run, state="running", fraction=0.5), progress(make_run)
    show([first, second])
    first.state, first.fraction = "done", 1.0
    show([first, second])
    show([first, second])
    second.state = "failed"
    show([first, second])
    assert capsys.readouterr().err.splitlines() == ["1 of 2 runs", "2 of 2 runs, 1 failed"]


def test_words_for_times(make_run):
    assert (_left(None), _left(42.4), _left(600)) == ("", "42 s left", "10 min left")
    assert _whole([progress(make_run, state="done"), progress(make_run)]) == "1 of 2 runs"
