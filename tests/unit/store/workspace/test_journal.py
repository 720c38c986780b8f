import os
import subprocess
import sys
from pathlib import Path

import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.journal import Journal, read_tail

ROOT = Path(__file__).parents[4]


def test_a_torn_tail_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "journal-0.jsonl"
    whole = b'{"time": 1.0, "kind": "start"}\n'
    path.write_bytes(whole + b'{"time": 2.0, "ki')
    first = read_tail(path, 0)
    assert ([event.time for _, event in first.events], first.bad_lines, first.end) == ([1.0], (), len(whole))
    path.write_bytes(whole + b'{"time": 2.0, "kind": "done"}\n')
    second = read_tail(path, first.end)
    assert [(position, event.time) for position, event in second.events] == [(len(whole), 2.0)]
    assert read_tail(path, second.end).events == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\r\x00", "Invalid JSON"),
        (b'{"kind": "start"}', "time: Field required"),
        (b'{"time": -1, "kind": "start"}', "time: "),
        (b'{"time": 1e300, "kind": "start"}', "time: "),
        (b'{"time": NaN, "kind": "start"}', "time: "),
        (b'{"time": 1, "kind": "dance"}', "kind: "),
        (b'{"time": 1, "kind": "start", "fraction": 1.5}', "fraction: "),
        (b'{"time": 1, "kind": "start", "epoch": -1}', "epoch: "),
        (b'{"time": 1, "kind": "start", "more": 1}', "more: "),
        (b"[]", "Input should be an object"),
    ],
)
def test_a_bad_line_is_named_and_passed_over(tmp_path: Path, line: bytes, reason: str) -> None:
    good = b'{"time": 1.0, "kind": "start"}\n'
    (tmp_path / "journal").write_bytes(good + line + b"\n" + good)
    tail = read_tail(tmp_path / "journal", 0)
    ((position, found),) = tail.bad_lines
    assert position == len(good)
    assert found.startswith(reason)
    assert [at for at, _ in tail.events] == [0, len(good) + len(line) + 1]
    assert tail.end == 2 * len(good) + len(line) + 1


def test_a_line_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from mtlens.errors import WorkspaceError
from mtlens.store.workspace.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal.write("start")
resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))
try:
    journal.write("progress", text="x" * 1000)
except WorkspaceError as error:
    print(error)
"""
    path = tmp_path / "journal-0.jsonl"
    answer = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "could not write it" in answer.stdout
    tail = read_tail(path, 0)
    assert (len(tail.events), tail.bad_lines, tail.end) == (1, (), path.stat().st_size)


def test_a_journal_is_never_appended_to_by_another_process(tmp_path: Path) -> None:
    Journal(tmp_path / "journal-0.jsonl").close()
    with pytest.raises(WorkspaceError, match=r"journal-0\.jsonl: could not write it: File exists"):
        Journal(tmp_path / "journal-0.jsonl")


def test_syncs_are_rare_but_certain_for_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    journal = Journal(tmp_path / "journal-0.jsonl")
    for _ in range(5):
        journal.write("progress", fraction=0.1)
    assert len(synced) == 1
    journal.write("epoch", epoch=1)
    assert len(synced) == 2
    monkeypatch.setattr("time.monotonic", lambda: 101.5)
    journal.write("progress", fraction=0.2)
    journal.close()
    assert len(synced) == 3
