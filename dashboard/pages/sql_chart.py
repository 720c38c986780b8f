"""A quick chart of a query's answer: one column across, one or more upwards."""

import streamlit as st

from dashboard.chart import columns
from dashboard.tables import Table

_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
)


def quick(table: Table, types: tuple[str, ...]) -> None:
    """Bars, lines or dots; offered where a column holds numbers."""
    numbers = [name for name, kind in zip(table.columns, types, strict=True) if kind in _NUMBERS]
    if not numbers:
        return
    opened = st.expander("Quick chart", type="compact", key="quick-chart", on_change="rerun")
    if not opened.open:
        return
    with opened, st.container(horizontal=True):
        kind = st.selectbox("Kind", ("bars", "line", "dots"), key="chart_kind", width=120)
        across = st.selectbox("Across", table.columns, key="chart_x", width=200)
        upwards = st.selectbox("Upwards", numbers, key="chart_y", width=200)
    data = columns(
        ("across", "upwards"), [(row[table.columns.index(across)], row[table.columns.index(upwards)]) for row in table.rows]
    )
    draw = {"bars": st.bar_chart, "line": st.line_chart, "dots": st.scatter_chart}[kind]
    with opened:
        draw(data, x="across", y="upwards", x_label=across, y_label=upwards)
