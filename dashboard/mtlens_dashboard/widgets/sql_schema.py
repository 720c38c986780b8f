"""The schema browser beside the SQL editor: tables and views with what they and their columns mean."""

import streamlit as st

from mtlens.store.database.shared_connection import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import read

_SCHEMA = """
    SELECT name, kind, described.comment, column_name, data_type, columns.comment
    FROM (
        SELECT 'view' AS kind, view_name AS name, comment FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'
        UNION ALL
        SELECT 'table', table_name, comment FROM duckdb_tables() WHERE NOT internal AND schema_name = 'main'
    ) AS described
    JOIN duckdb_columns() AS columns ON columns.table_name = name AND schema_name = 'main'
    ORDER BY kind DESC, name, column_index
"""


def browser() -> None:
    """Views first: they answer the most frequent questions."""
    rows = read(_schema)
    kinds = {row[0]: row[1] for row in rows}
    name = st.selectbox(
        "Tables and views", list(kinds), format_func=lambda name: f"{name} ({kinds[name]})", key="table", bind="query-params"
    )
    columns = [row for row in rows if row[0] == name]
    if not columns:
        return
    st.caption(literal(columns[0][2] or ""))
    st.markdown("\n".join(_line(column, kind, meaning) for _, _, _, column, kind, meaning in columns))


def _line(column: str, kind: str, meaning: str | None) -> str:
    """A list and not a table, whose narrow cells would cut the meaning off."""
    text = f": {literal(meaning)}" if meaning else ""
    return f"- **{literal(column)}** ({literal(kind.lower())}){text}"


def _schema(workspace: Workspace) -> list[tuple[str, ...]]:
    return query(workspace, _SCHEMA).rows
