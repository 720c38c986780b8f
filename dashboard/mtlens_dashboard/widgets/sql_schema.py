"""The schema browser beside the SQL editor: every column of tables and views with its meaning, searchable."""

import streamlit as st

from mtlens.store.database.shared_connection import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.tables import Table
from mtlens_dashboard.widgets.chart import show
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
    sought = st.text_input("Search tables and columns", key="sought", placeholder="such as cosine").strip().lower()
    name = st.selectbox(
        "Tables and views", ["", *kinds], key="table", bind="query-params",
        format_func=lambda name: f"{name} ({kinds[name]})" if name else "all of them",
    )  # fmt: skip
    shown = [
        (table, column, meaning or "", kind.lower())
        for table, _, _, column, kind, meaning in rows
        if name in ("", table) and sought in f"{table} {column} {meaning or ''}".lower()
    ]
    if name:
        st.caption(literal(next(row[2] for row in rows if row[0] == name) or ""))
    if not shown:
        st.caption("Nothing has this in its name or meaning.")
        return
    columns = ("table", "column", "meaning", "type")
    first = 1 if name else 0
    text = st.column_config.TextColumn
    wide = {"table": text(width=110), "column": text(width=130), "meaning": text(width=240), "type": text(width=80)}
    table = Table(columns=columns[first:], rows=tuple(row[first:] for row in shown))
    show(table, "schema", height=520, row_height=32, column_config=wide)


def _schema(workspace: Workspace) -> list[tuple[str, ...]]:
    return query(workspace, _SCHEMA).rows
