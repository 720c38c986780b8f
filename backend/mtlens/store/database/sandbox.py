"""Answers untrusted SQL: a fresh process per query, with limits, that is killed when its time is over.

DuckDB checks its own time limit only now and then, and its memory limit does not count every allocation; the limits of an
operating system's process hold always. This module imports no third-party package, so that `mtlens sql` starts quickly: the
process (`mtlens.store.database.sandbox_worker`) loads DuckDB while the caller does something else.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

from mtlens.errors import MtlensError, QueryError, WorkspaceError
from mtlens.store.workspace.workspace import Workspace

_CHILD = [sys.executable, "-I", "-m", "mtlens.store.database.sandbox_worker"]
_ERRORS: dict[str, type[MtlensError]] = {"QueryError": QueryError, "WorkspaceError": WorkspaceError}
MEBIBYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one query may use. `rows` 0 means no limit on rows; the others are always above 0."""

    seconds: float = 10.0
    memory_bytes: int = 2048 * MEBIBYTE
    answer_bytes: int = 64 * MEBIBYTE
    rows: int = 10_000

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        if self.seconds <= 0 or self.memory_bytes <= 0 or self.answer_bytes <= 0 or self.rows < 0:
            raise QueryError(f"limits of a query should be above 0, rows at least 0; found {self}")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Rows of a query. Values are what JSON has; dates, decimals and the like are text.

    `types` names the DuckDB type of each column, `truncated` tells that there were more rows, `seconds` is the total time, and
    `snapshot` the file that was read.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    truncated: bool
    seconds: float
    snapshot: str


def query(workspace: Workspace, sql: str, limits: Limits | None = None) -> Answer:
    """Answer one query from the newest snapshot.

    Raises `QueryError` for SQL that does not only read, that fails or that goes over a limit, `WorkspaceError` where there is
    nothing to read.
    """
    with asked(workspace, sql, limits) as answer:
        return answer()


@contextmanager
def asked(workspace: Workspace, sql: str, limits: Limits | None = None) -> Generator[Callable[[], Answer]]:
    """As `query`, but yields a function that waits for the answer, so that other work can be done before."""
    limits = limits or Limits()
    began = time.monotonic()
    question = {
        "root": str(workspace.root),
        "sql": sql,
        "seconds": limits.seconds,
        "memory": limits.memory_bytes,
        "rows": limits.rows,
    }
    with _process(limits.seconds) as (process, expired):
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it is over already; what it wrote, or how it ended, says why
            process.stdin.write(json.dumps(question).encode())
            process.stdin.close()

        def answer() -> Answer:
            assert process.stdout is not None
            lines = _lines(process.stdout, limits.answer_bytes)
            process.wait()
            if not lines or "end" not in lines[-1]:
                raise QueryError(_reason(process.returncode, expired.is_set(), limits))
            return _answer(lines, time.monotonic() - began)

        yield answer


def _answer(lines: list[dict[str, Any]], seconds: float) -> Answer:
    head, end = lines[0], lines[-1]["end"]
    if "error" in end:
        raise _ERRORS[end["kind"]](end["error"])
    return Answer(
        columns=tuple(head["columns"]),
        types=tuple(head["types"]),
        rows=[tuple(row) for line in lines[1:-1] for row in line["rows"]],
        truncated=end["truncated"],
        seconds=seconds,
        snapshot=head["snapshot"],
    )


@contextmanager
def _process(seconds: float) -> Generator[tuple[subprocess.Popen[bytes], threading.Event]]:
    """A child with an empty environment. It does not outlive this block, and is killed after `seconds`; that sets the event."""
    expired = threading.Event()
    process = subprocess.Popen(
        _CHILD,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )

    def expire() -> None:
        expired.set()
        process.kill()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    with process:
        try:
            yield process, expired
        finally:
            timer.cancel()
            process.kill()


def _lines(stream: IO[bytes], most: int) -> list[dict[str, Any]]:
    """The lines of JSON that the child writes; one that was cut off by its death is left out."""
    lines: list[dict[str, Any]] = []
    while line := stream.readline(most + 1):
        most -= len(line)
        if most < 0:
            raise QueryError("the answer is too large to hand over; ask for fewer rows or columns, or for shorter texts")
        if line.endswith(b"\n"):
            lines.append(json.loads(line))
    return lines


def _reason(returncode: int, expired: bool, limits: Limits) -> str:
    """Why a child ended without an answer."""
    if expired or returncode == -signal.SIGXCPU:
        return f"the query was stopped after {limits.seconds:g} s; ask for less, or allow more time"
    return (
        f"the query was stopped: it broke its process, as one does that needs more than {limits.memory_bytes // MEBIBYTE} MiB"
    )
