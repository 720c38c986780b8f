"""One chart as every page shows it: title, figure with alt text, and below it how to read it, its table and that as CSV."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlens_dashboard import figures, tables
from mtlens_dashboard.catalog import ENTRIES
from mtlens_dashboard.export.image import image
from mtlens_dashboard.figures.theme import CONFIG
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import theme
from mtlens_dashboard.wording.formatting import MISSING

Item = TypeVar("Item")
_LOOKS_AT = 1000  # rows that a table shows; its CSV has all of them


def chart(
    name: str,
    figure: go.Figure,
    info: Any,
    *,
    title: str | None = None,
    table: tables.Table | None = None,
    on_click: Callable[[Any], None] | None = None,
) -> None:
    """Draw the figure of this name in the catalog, which also has its caption and makes its table from `info`.

    title and table replace those of figure and catalog. The name keeps the zoom from run to run. on_click gets
    the customdata of the point that was clicked, before the page is drawn again.
    """
    entry = ENTRIES[name]
    st.markdown(f"## {literal(title or figures.title_of(figure))}")
    options: dict[str, Any] = {
        "theme": None,
        "key": name,
        "config": CONFIG,
        "alt": figures.alt_of(figure),
        "height": _fit(name, figure),
    }
    if on_click is None:
        st.plotly_chart(figures.Shown(figure, clicks=True), **options)
    else:
        st.plotly_chart(
            figures.Shown(figure), on_select=partial(_tell_click, name, on_click), selection_mode="points", **options
        )
    details(name, lambda: table or entry.tabulate(info), entry.how_to_read(info), figure=figure)


def _tell_click(name: str, on_click: Callable[[Any], None]) -> None:
    """A click marks a point; another click on it removes the mark, and counts as a click on it too."""
    marked = f"{name} marked"
    before: list[Any] = st.session_state.get(marked, [])
    points = [point["customdata"] for point in st.session_state[name].selection.points if "customdata" in point]
    st.session_state[marked] = points
    for point in ([clicked for clicked in points if clicked not in before] or points or before)[:1]:
        on_click(point)


def _fit(name: str, figure: go.Figure) -> Literal["content", "stretch"]:
    """Height of a chart: its own, but where cells are square, no more than they fill at the width of a phone."""
    square = figures.square_of(figure)
    if square is None:
        return "content"
    layout: Any = figure.layout
    height, margin = layout.height, layout.margin
    filled = f"{margin.t + margin.b}px + {square:.4f} * (100vw - 2rem - {margin.l + margin.r}px)"
    st.html(
        f"<style>.st-key-{name} {{height: {height}px; flex: none}}"
        f"@media (max-width: 640px) {{.st-key-{name} {{height: min({height}px, {filled})}}}}</style>"
    )
    return "stretch"


def details(
    name: str,
    make_table: Callable[[], tables.Table],
    reading: str,
    *,
    label: str = "How to read this · table · CSV",
    latex: bool = False,
    figure: go.Figure | None = None,
) -> None:
    """How to read the chart above, its table, and that as CSV (and LaTeX and Markdown), and the chart as SVG.

    Built only once it is opened; the SVG, which takes a browser on the machine of the server, only once it is asked for.
    """
    opened = st.expander(label, type="compact", key=f"{name}-details", on_change="rerun")
    if not opened.open:
        return
    with opened:
        table = make_table()
        st.markdown(reading)
        show(table, f"{name}-table")
        with st.container(horizontal=True):
            download(f"{name}.csv", tables.to_csv(table).encode(), "text/csv", key=f"{name}-csv")
            if latex:
                download(f"{name}.tex", tables.to_latex(table).encode(), "text/x-tex", key=f"{name}-tex")
            if figure is not None:
                download(f"{name}.svg", partial(image, figure, theme(), "svg"), "image/svg+xml", key=f"{name}-svg")
        if latex:
            st.code(tables.to_markdown(table), language="markdown")  # with a button that copies it


def section(label: str, key: str, *inside: str) -> DeltaGenerator | None:
    """A part of the page that is built only once it is opened; None while it is closed. The URL keeps whether it is open.

    inside: other parameters of the URL that are of this part, and open it.
    """
    asked = any(name in st.query_params for name in inside)
    place = st.expander(f"**{label}**", asked, key=key, on_change="rerun", bind="query-params")
    return place if place.open else None


def download(file: str, content: bytes | Callable[[], bytes], kind: str, *, key: str) -> None:
    """A button that hands over a file, which a function makes when it is asked for."""
    icon = ":material/download:"
    st.download_button(f"Download {file}", content, file, kind, key=key, on_click="ignore", icon=icon, type="tertiary")


def show(table: tables.Table, key: str, **config: Any) -> None:
    """The first rows of a table; where there are more, with their number."""
    st.dataframe(columns(table.columns, table.rows[:_LOOKS_AT]), hide_index=True, key=key, placeholder=MISSING, **config)
    if len(table.rows) > _LOOKS_AT:
        st.caption(f"The first {_LOOKS_AT} of {len(table.rows)} rows; the file has all of them.")


def columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Rows turned into columns."""
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def part(items: Sequence[Item], most: int, what: str) -> Sequence[Item]:
    """As many items as one figure can show; if there are more, asks for the part to show. `what` says how they are ordered."""
    number = -(-len(items) // most)
    if number <= 1:
        return items
    label = f"Part of {number}: {len(items)} {what}"
    chosen = st.number_input(label, 1, number, key="part", bind="query-params", width=320)
    return items[most * (chosen - 1) : most * chosen]


def nothing(what: str, why: str) -> None:
    """An empty place: what will appear here, and when."""
    with st.container(border=True):
        st.markdown(f"**{what}**")
        st.caption(why)
