"""The dashboard's frame: filters and navigation around one page. `mtlens_dashboard.server` starts it."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import streamlit as st

from mtlens.errors import MtlensError
from mtlens_dashboard import queries
from mtlens_dashboard.pages import (
    answer,
    cka,
    claim,
    compare,
    examples,
    gradients,
    groupings,
    report,
    runs,
    single_multi,
    sql,
    try_it,
    welcome,
)
from mtlens_dashboard.widgets import auto_refresh, filters
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import read

_LENS = """<g fill="none" stroke="#2f8fc9" stroke-width="2.6"><circle cx="12" cy="12" r="9.2"/><path d="M18.8 18.8 26 26"/></g>
<g fill="#2f8fc9"><circle cx="8.6" cy="12" r="2"/><circle cx="15.4" cy="12" r="2"/></g>"""
ICON = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28">{_LENS}</svg>'
LOGO = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 112 28">{_LENS}<text x="33" y="20" fill="#2f8fc9"
font-family="Helvetica, Arial, sans-serif" font-size="20" font-weight="700">mtlens</text></svg>"""
# Streamlit leaves room above the title for a menu that is not there, much air around headings, and writes captions too faintly.
STYLE = """<style>
.stMainBlockContainer {padding: 3rem clamp(1rem, 4vw, 4rem)}
.stMainBlockContainer h2 {padding: 0.6rem 0 0.2rem}
.stMainBlockContainer h1 {font-size: clamp(1.25rem, 0.9rem + 2vw, 1.7rem)}
[data-testid="stCaptionContainer"], [data-testid="stExpander"] details > summary {opacity: 0.75}
</style>"""

USED = {
    "": ("tasks", "seeds"),
    "answer": ("tasks", "seeds"),
    "single-multi": ("tasks", "seeds", "metric"),
    "cka": ("tasks",),
    "gradients": ("tasks", "layer"),
    "groupings": ("tasks",),
    "claim": (),
    "examples": ("tasks",),
    "runs": ("tasks", "seeds"),
    "compare": ("tasks", "metric"),
}
"""Filters of the sidebar that a page uses, by the path of the page."""


def main() -> None:
    """Draw the page that the address asks for. Where the store cannot be read, each page says what to do instead."""
    st.set_page_config(page_title="mtlens", page_icon=ICON, layout="wide")
    st.html(STYLE)
    st.logo(LOGO, size="large")
    problem, chosen = None, None
    try:
        experiments = read(queries.experiments)
        chosen = filters.choose(experiments) if experiments else None
    except MtlensError as error:
        problem = str(error)
    auto_refresh.remember(chosen.experiment_id if chosen else None)
    page = st.navigation(
        [
            _page(answer.page, chosen, problem, "Answer", "", "balance"),
            _page(answer.page, chosen, problem, "Answer", "answer", "balance", "hidden"),  # for those who type the address
            _page(single_multi.page, chosen, problem, "Single vs multi", "single-multi", "compare_arrows"),
            _page(cka.page, chosen, problem, "CKA", "cka", "grid_view"),
            _page(gradients.page, chosen, problem, "Gradients", "gradients", "north_east"),
            _page(groupings.page, chosen, problem, "Groupings", "groupings", "workspaces"),
            _page(claim.page, chosen, problem, "The claim", "claim", "gavel"),
            _page(examples.page, chosen, problem, "Examples", "examples", "quick_reference_all"),
            _page(runs.page, chosen, problem, "Runs", "runs", "progress_activity"),
            _page(compare.page, chosen, problem, "Compare", "compare", "difference"),
            st.Page(partial(welcome.page, problem) if problem else sql.page, title="SQL", url_path="sql",
                    icon=":material/database:"),
            _page(report.page, chosen, problem, "Report", "report", "description"),
            st.Page(try_it.page, title="Try it", url_path="try-it", icon=":material/experiment:"),
        ]
    )  # fmt: skip
    filters.show_only(USED.get(page.url_path, ()))
    try:
        page.run()
    except MtlensError as error:
        st.error(literal(str(error)))
    with st.sidebar:
        auto_refresh.watch(chosen.experiment_id if chosen else None)


def _page(
    draw: Callable[[filters.Chosen], None],
    chosen: filters.Chosen | None,
    problem: str | None,
    title: str,
    path: str,
    icon: str,
    visibility: Literal["visible", "hidden"] = "visible",
) -> st.Page:
    """A page about one experiment; the welcome page if there is no experiment yet. The first page has no path."""
    drawn = partial(welcome.page, problem) if chosen is None else partial(draw, chosen)
    icon = f":material/{icon}:"
    return st.Page(drawn, title=title, url_path=path, icon=icon, default=not path, visibility=visibility)


if __name__ == "__main__":
    main()
