"""Answers SQL from the newest snapshot: read-only, one statement at a time, and nothing outside the database.

The only third-party import is DuckDB, so that `mtlens sql` starts quickly.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from mtlens.errors import QueryError, WorkspaceError
from mtlens.store.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_ATTEMPTS = 3  # a snapshot can be pruned between finding its name and opening it, if newer ones come in quick succession
_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
}
_OPENING = threading.Lock()  # connections to one file share their settings, and two threads may be the first to open it
_QUERY_KINDS = "SELECT, FROM, VALUES, WITH, PIVOT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN"
_SPACE = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_PIVOT = re.compile(rf"{_SPACE}(?:pivot|from|with|select|\()", re.IGNORECASE | re.DOTALL)
_EXPLAIN = re.compile(rf"{_SPACE}explain\b{_SPACE}(?:analyze\b|\(\s*(?:analyze|format)\b[^)]*\))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Result:
    """Answer to a query: names of the columns, and one tuple per row."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def snapshot_path(workspace: Workspace) -> Path:
    """File of the newest snapshot. Names are never used again, so a new name means changed data."""
    try:
        return workspace.root / workspace.pointer.readlink()
    except OSError as error:
        raise WorkspaceError(f"{workspace.root}: nothing here yet: run `mtlens run EXPERIMENT` first") from error


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a snapshot for reading. Queries cannot reach files, network, extensions or settings; the time zone is UTC."""
    with _OPENING:
        try:
            connection = duckdb.connect(str(path), read_only=True, config=_CLOSED)
        except duckdb.Error as error:
            raise WorkspaceError(f"{path}: {_first_line(error)}; `mtlens ingest --rebuild` makes it anew") from error
        ((is_open_here_already,),) = connection.execute("SELECT current_setting('lock_configuration')").fetchall()
        if not is_open_here_already:
            connection.execute("SET GLOBAL TimeZone = 'UTC'; SET lock_configuration = true")
        return connection


def connect_to_newest(workspace: Workspace) -> tuple[Path, duckdb.DuckDBPyConnection]:
    """The newest snapshot and a connection to it; `WorkspaceError` where there is nothing to read."""
    for _ in range(_ATTEMPTS):
        path = snapshot_path(workspace)
        try:
            return path, connect(path)
        except WorkspaceError:
            if path.exists():
                raise
    raise WorkspaceError(f"{workspace.pointer} should name a snapshot that exists: run `mtlens ingest`")


def query(workspace: Workspace, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> Result:
    """Answer one query from the newest snapshot; `params` fill its ? or $name.

    Raises `QueryError` for SQL that does not only read or that fails, `WorkspaceError` where there is nothing to read.
    """
    with closing(connect_to_newest(workspace)[1]) as connection:
        return answer(connection, sql, params)


def query_frame(workspace: Workspace, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> "pd.DataFrame":
    """As `query`, as a pandas DataFrame."""
    with closing(connect_to_newest(workspace)[1]) as connection:
        statement = parse(connection, sql)
        try:
            return connection.execute(statement, params).df()
        except duckdb.Error as error:
            raise QueryError(message(error)) from error


def answer(connection: duckdb.DuckDBPyConnection, sql: str, params: Sequence[Any] | Mapping[str, Any]) -> Result:
    """Answer one query on an open connection; `QueryError` as in `query`."""
    statement = parse(connection, sql)
    try:
        cursor = connection.execute(statement, params)
        return Result(columns=tuple(column[0] for column in cursor.description), rows=cursor.fetchall())
    except duckdb.Error as error:
        raise QueryError(message(error)) from error


def parse(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The one statement in `sql`; `QueryError` where there are more or fewer, or where it does more than read."""
    try:
        sql.encode()
        statements = connection.extract_statements(sql)
    except UnicodeEncodeError as error:
        raise QueryError(f"a query should be Unicode text; found half a character at position {error.start}") from error
    except duckdb.Error as error:
        raise QueryError(message(error)) from error
    if len(statements) != 1:
        raise QueryError(f"a query should be one statement; found {len(statements)}")
    kind = statements[0].type
    if kind == duckdb.StatementType.EXPLAIN:
        explained = _EXPLAIN.sub("", sql, count=1)
        if explained == sql:
            raise QueryError("EXPLAIN should stand at the start of the query")
        parse(connection, explained)
    elif not (kind == duckdb.StatementType.SELECT or (kind == duckdb.StatementType.MULTI and _PIVOT.match(sql))):
        raise QueryError(f"a query should be {_QUERY_KINDS}; found {kind.name}")
    return statements[0]


def message(error: duckdb.Error) -> str:
    """DuckDB's message on a query, with its proposals and the place of the mistake on further lines."""
    return "\n".join(filter(str.strip, str(error).splitlines()))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
