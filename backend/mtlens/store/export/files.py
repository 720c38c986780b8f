"""Every public table and view as a file of its own in a folder, CSV or Parquet, for programs that do not read DuckDB.

Only files whose content has changed are written. Lists are JSON in CSV, and lists in Parquet.
"""

import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from mtlens.errors import WorkspaceError
from mtlens.store.database.reader import connect_to_newest
from mtlens.store.tables import TABLES, VIEWS
from mtlens.store.workspace.files import failed_to, write_atomic
from mtlens.store.workspace.workspace import Workspace

Format = Literal["csv", "parquet"]
PUBLIC = tuple(entry.name for entry in (*TABLES, *VIEWS) if "." not in entry.name and entry.name != "store_info")


def write_tables(workspace: Workspace, folder: Path, format: Format) -> tuple[int, int]:
    """Write the tables and views of a workspace; returns how many files were written and how many were unchanged.

    Raises WorkspaceError where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failed_to("write", folder, error) from error
    contents: dict[Path, bytes] = {}
    with closing(connect_to_newest(workspace)[1]) as connection:
        for name in PUBLIC:
            table = connection.sql(f"SELECT * FROM {name} ORDER BY ALL").to_arrow_table()
            contents[folder / f"{name}.{format}"] = _parquet(table) if format == "parquet" else _csv(table)
    changed = {path: content for path, content in contents.items() if _content(path) != content}
    for path, content in changed.items():
        write_atomic(path, content, durable=False)
    return len(changed), len(contents) - len(changed)


def _parquet(table: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _csv(table: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.csv

    columns = [_flat(table.column(number)) for number in range(table.num_columns)]
    sink = io.BytesIO()
    pyarrow.csv.write_csv(pa.table(columns, names=table.column_names), sink)
    return sink.getvalue()


def _flat(column: Any) -> Any:
    """A column of lists as one of JSON; any other as it is."""
    import pyarrow as pa

    if not pa.types.is_nested(column.type):
        return column
    return pa.array([None if value is None else json.dumps(value, default=str) for value in column.to_pylist()], pa.string())


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(f"{path} should be a file that can be replaced: {error.strerror}") from None
