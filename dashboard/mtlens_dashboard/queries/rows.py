"""From rows of the store to typed Infos.

Every query of the dashboard passes here: parameters are bound, never pasted into SQL, and what is not a number (NULL, NaN,
infinity) becomes None, so that a figure has one way of saying "undefined".
"""

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from mtlens.errors import QueryError, WorkspaceError
from mtlens.store.database.reader import Result
from mtlens.store.database.shared_connection import query
from mtlens.store.workspace.workspace import Workspace

Info = TypeVar("Info")
_MISSING = ("Catalog Error: Table with name", "Catalog Error: View with name")


def read_infos(workspace: Workspace, info: type[Info], sql: str, params: Mapping[str, Any]) -> tuple[Info, ...]:
    """One Info per row; columns and fields have the same names.

    Raises as `shared_connection.query` does, and `WorkspaceError` where an older mtlens stored the results without a column.
    """
    result = _ask(workspace, sql, params)
    return tuple(info(**dict(zip(result.columns, map(clean, row), strict=True))) for row in result.rows)


def read_infos_if_stored(workspace: Workspace, info: type[Info], sql: str, params: Mapping[str, Any]) -> tuple[Info, ...]:
    """As `read_infos`; nothing where the store does not have the table or view, because it was made by an older mtlens."""
    try:
        return read_infos(workspace, info, sql, params)
    except QueryError as error:
        if str(error).startswith(_MISSING):
            return ()
        raise


def read_rows_if_stored(workspace: Workspace, sql: str, params: Mapping[str, Any]) -> Result:
    """Bare rows for a view that gathers several into one Info; none where the store does not have the table."""
    try:
        return _ask(workspace, sql, params)
    except QueryError as error:
        if str(error).startswith(_MISSING):
            return Result(columns=(), rows=[])
        raise


def _ask(workspace: Workspace, sql: str, params: Mapping[str, Any]) -> Result:
    try:
        return query(workspace, sql, params)
    except QueryError as error:
        if str(error).startswith("Binder Error"):
            told = f"{workspace.root} holds results as another version of mtlens stores them"
            raise WorkspaceError(f"{told}; `mtlens ingest` brings them up to date") from error
        raise


def clean(value: Any) -> Any:
    """The value with NaN and infinity as None and lists as tuples, all the way down."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (list, tuple)):
        return tuple(map(clean, value))
    return value
