"""From rows of the store to typed Infos.

Every query of the dashboard passes here: parameters are bound, never pasted into SQL, and what is not a number (NULL, NaN,
infinity) becomes None, so that a figure has one way of saying "undefined".
"""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from mtlens.errors import QueryError, WorkspaceError
from mtlens.store.database.reader import Result
from mtlens.store.database.shared_connection import query
from mtlens.store.workspace.workspace import Workspace

Info = TypeVar("Info")
_OF_ANOTHER_VERSION = ("Binder Error", "Catalog Error")
"""Errors of DuckDB for a column, table or view that the results do not have."""


def read_infos(workspace: Workspace, info: type[Info], sql: str, params: Mapping[str, Any]) -> tuple[Info, ...]:
    """One Info per row; columns and fields have the same names.

    Raises as `shared_connection.query` does, and `WorkspaceError` where another version of mtlens stored the results.
    """
    result = read_rows(workspace, sql, params)
    return tuple(info(**dict(zip(result.columns, map(clean, row), strict=True))) for row in result.rows)


def columns(info: type[Any], *without: str) -> str:
    """Names of the fields of an Info as SQL selects them, but for those that a query computes."""
    return ", ".join(field.name for field in fields(info) if field.name not in without)


def read_rows(workspace: Workspace, sql: str, params: Mapping[str, Any]) -> Result:
    """Bare rows, for a function that builds one Info from several; raises as `read_infos`."""
    try:
        return query(workspace, sql, params)
    except QueryError as error:
        if str(error).startswith(_OF_ANOTHER_VERSION):
            problem = f"{workspace.root} holds results as another version of mtlens stores them"
            raise WorkspaceError(f"{problem}; `mtlens ingest` brings them up to date") from error
        raise


def clean(value: Any) -> Any:
    """The value with NaN and infinity as None and lists as tuples, all the way down."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (list, tuple)):
        return tuple(map(clean, value))
    return value
