"""The process that answers one query of `sandbox`: limits itself, reads the question, writes lines of JSON.

Input: one object with root of the workspace, sql, seconds, memory in bytes and rows. Output: a line with the columns, lines
with batches of rows, and a last line with `end`; if the last line is missing, the process was killed.
"""

import json
import math
import os
import resource
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

_BATCH = 1000


def main() -> None:
    """Answer the query on standard input; the last line of output is JSON with the outcome, unless the process is killed."""
    question = json.loads(sys.stdin.buffer.read())
    _limit(question["seconds"], question["memory"])

    from mtlens.errors import MtlensError, QueryError  # with DuckDB, only once the limits hold

    try:
        end: dict[str, Any] = {"truncated": _answer(question)}
    except MemoryError:
        end = {"error": f"the query needs more than {question['memory'] >> 20} MiB of memory", "kind": QueryError.__name__}
    except MtlensError as error:
        end = {"error": str(error), "kind": type(error).__name__}
    _write({"end": end})


def _limit(seconds: float, memory: int) -> None:
    """No more than this much time on every core and this much memory; no files written, no core dumped.

    RLIMIT_DATA counts what is written to (since Linux 4.7), RLIMIT_AS would count address space that DuckDB only reserves.
    """
    cpu = math.ceil(seconds * (os.cpu_count() or 1)) + 1
    for kind, most in (
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _answer(question: dict[str, Any]) -> bool:
    """Write columns and rows; whether there were more rows than asked for."""
    import duckdb

    from mtlens.errors import QueryError
    from mtlens.store.database import reader
    from mtlens.store.workspace.workspace import Workspace

    path = reader.snapshot_path(Workspace(Path(question["root"])))
    left = question["rows"] or sys.maxsize
    with closing(reader.connect(path)) as connection:
        statement = reader.parse(connection, question["sql"])
        try:
            cursor = connection.execute(statement)
            description = cursor.description
            names = [column[0] for column in description]
            _write({"columns": names, "types": [str(column[1]) for column in description], "snapshot": path.name})
            while batch := cursor.fetchmany(min(_BATCH, left + 1)):
                _write({"rows": [[_plain(value) for value in row] for row in islice(batch, left)]})
                left -= len(batch)
                if left < 0:
                    return True
        except duckdb.Error as error:
            raise QueryError(reader.message(error)) from error
    return False


def _plain(value: Any) -> Any:
    """A value that JSON has."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)


def _write(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
