"""The schema browser beside the SQL editor: tables and views with what they and their columns mean."""

import streamlit as st

from backend.store.kept import query
from backend.store.workspace import Workspace
from dashboard.literal import literal
from dashboard.state import ask

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
    """Views come first, for they answer what people ask most."""
    rows = ask(_schema)
    kinds = {row[0]: row[1] for row in rows}
    name = st.selectbox(
        "Tables and views", list(kinds), format_func=lambda name: f"{name} ({kinds[name]})", key="table", bind="query-params"
    )
    columns = [row for row in rows if row[0] == name]
    if not columns:
        return
    st.caption(literal(columns[0][2] or ""))
    st.dataframe(
        {
            "column": [row[3] for row in columns],
            "meaning": [row[5] or "" for row in columns],
            "type": [row[4].lower() for row in columns],
        },
        hide_index=True,
        key="columns",
        height=min(38 * len(columns) + 40, 480),
    )


def _schema(workspace: Workspace) -> list[tuple[str, ...]]:
    return query(workspace, _SCHEMA).rows
