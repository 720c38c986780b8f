"""A quick chart of a query's answer: one column across, one upwards."""

from functools import partial
from typing import Any

import streamlit as st

from mtlens.statistics.shown import counted
from mtlens_dashboard.tables import Table
from mtlens_dashboard.widgets.chart import columns

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
    "UHUGEINT",
    "FLOAT",
    "DOUBLE",
)


def quick(table: Table, types: tuple[str, ...]) -> None:
    """Dots, lines or bars; offered where a column holds numbers. Rows at one place across are never added up."""
    numbers = [name for name, kind in zip(table.columns, types, strict=True) if _is_number(kind)]
    if not numbers:
        return
    opened = st.expander("Quick chart", type="compact", key="quick-chart", on_change="rerun")
    if not opened.open:
        return
    with opened, st.container(horizontal=True):
        kind = st.selectbox("Kind", ("dots", "line", "bars"), key="chart_kind", width=120)
        across = st.selectbox("Across", table.columns, key="chart_x", width=200)
        upwards = st.selectbox("Upwards", numbers, key="chart_y", width=200)
    places = [(table.columns.index(name), name in numbers) for name in (across, upwards)]
    rows = [[_value(row[place], number=number) for place, number in places] for row in table.rows]
    draw = {"dots": st.scatter_chart, "line": st.line_chart, "bars": partial(st.bar_chart, stack=False)}[kind]
    with opened:
        draw(
            columns(("across", "upwards"), rows), x="across", y="upwards", x_label=across, y_label=upwards,
            alt=f"{upwards} by {across}, {counted(len(rows), 'row')}",
        )  # fmt: skip


def _is_number(kind: str) -> bool:
    return kind in _NUMBERS or kind.startswith("DECIMAL")


def _value(cell: Any, *, number: bool) -> Any:
    """A cell as the chart takes it: decimals come as text, and what is no single value becomes one."""
    if cell is None or (isinstance(cell, str | bool | int | float) and not number):
        return cell
    return float(cell) if number else str(cell)
