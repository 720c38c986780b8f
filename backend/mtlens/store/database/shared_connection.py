"""Answers from a connection that stays open while questions keep coming: opening a snapshot takes longer than most queries.

A page runs a dozen queries, and several users may open pages at once. They share one connection; each query has its own cursor.
It is closed when there is a newer snapshot, and soon after the last query: an open connection keeps a user's own `duckdb` from
opening the snapshot for writing, and the disk space of a removed snapshot from being freed.
"""

import atexit
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from mtlens.store.database import reader
from mtlens.store.workspace.workspace import Workspace

_SECONDS = 5.0  # a page that is being drawn asks more often; one that is only looked at does not ask


@dataclass(kw_only=True)
class _Kept:
    path: Path
    connection: duckdb.DuckDBPyConnection
    asked: float


_kept: _Kept | None = None
_timer: threading.Timer | None = None
_lock = threading.Lock()


def query(workspace: Workspace, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> reader.Result:
    """As `mtlens.store.database.reader.query`, from any thread."""
    with closing(cursor(workspace)) as own:
        return reader.answer(own, sql, params)


def cursor(workspace: Workspace) -> duckdb.DuckDBPyConnection:
    """A cursor on the newest snapshot, for one thread; the caller closes it."""
    global _kept
    with _lock:
        path = reader.snapshot_path(workspace)
        if _kept is None or _kept.path != path or not path.exists():
            _kept = None  # never closed by hand: that would close the cursors of queries that still run
            if _timer is not None:
                _timer.cancel()
            path, connection = reader.connect_to_newest(workspace)
            _kept = _Kept(path=path, connection=connection, asked=0.0)
            _look_again(path, _SECONDS)
        _kept.asked = time.monotonic()
        return _kept.connection.cursor()


def _look_again(path: Path, seconds: float) -> None:
    global _timer
    _timer = threading.Timer(seconds, _let_go, [path])
    _timer.daemon = True
    _timer.start()


def _let_go(path: Path) -> None:
    """Forget the connection to a snapshot that nobody has asked for a while."""
    global _kept
    with _lock:
        if _kept is None or _kept.path != path:
            return
        left = _kept.asked + _SECONDS - time.monotonic()
        if left > 0:
            _look_again(path, left)
        else:
            _kept = None


@atexit.register
def _end() -> None:
    """A thread or a connection that outlives the interpreter makes DuckDB complain."""
    global _kept
    with _lock:
        _kept = None
    if _timer is not None:
        _timer.cancel()
        _timer.join()
