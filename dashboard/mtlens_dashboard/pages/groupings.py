"""Which tasks belong together? Families of models by their number and score; predictions and methods on trial, folded away."""

import streamlit as st

from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.figures.families import distinct
from mtlens_dashboard.widgets.chart import chart, nothing, show
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import listing, points


def page(chosen: Chosen) -> None:
    """What to train together, how certain that is, and how well the methods that proposed it did."""
    groupings = read(queries.groupings, chosen.experiment_id)
    recommended = read(queries.recommendation, chosen.experiment_id)
    st.title(literal(titles.groupings(groupings, recommended)), anchor=False)
    if not groupings:
        nothing(
            "No search yet",
            "A search (`mtlens search`) predicts which tasks gain from each other and recommends the cheapest set of models "
            "in which each task matches its own model. Page Answer compares one model for all tasks.",
        )
        return
    if recommended:
        st.markdown(literal(titles.whole(recommended.statement)))
        st.caption(literal(titles.whole(recommended.method)))
    figure = draw(figures.families, groupings, recommended)
    chart("groupings", figure, (groupings, recommended), title="Score against the number of models")
    _families(groupings)
    _trial(chosen)


def _families(groupings: tuple[queries.GroupingInfo, ...]) -> None:
    columns = ("models", "groups of tasks", "score x 100", "95 % interval", "predicted", "chosen by")
    rows = [
        (
            family.cost,
            "; ".join(listing(group, 8) for group in family.groups),
            None if family.measured is None else 100 * family.measured,
            ""
            if None in (family.measured, family.measured_low)
            else f"{points(family.measured_low)} to {points(family.measured_high)}",
            None if family.predicted is None else 100 * family.predicted,
            f"{family.method} (recommended)" if family.recommended else family.method,
        )
        for family in distinct(groupings)
    ]
    number = st.column_config.NumberColumn
    formats = {
        "models": number(format="%g"),
        "score x 100": number(format="%.1f"),
        "predicted": number(format="%.1f"),
        "groups of tasks": st.column_config.TextColumn(width="medium"),
    }
    show(tables.Table(columns=columns, rows=tuple(rows)), "families", column_config=formats)


def _trial(chosen: Chosen) -> None:
    """Predictions beside measurements and the regret of each method; opened by itself only where the methods differ."""
    trial = read(queries.trial, chosen.experiment_id)
    if not trial.scores and not trial.methods:
        return
    opened = st.expander(
        "Methods on trial: were their predictions right?", expanded=trial.can_compare, key="trial", on_change="rerun"
    )
    if not opened.open:
        return
    with opened:
        methods = list(dict.fromkeys(score.method for score in trial.scores))
        picked = st.multiselect("Methods", methods, key="methods", placeholder="all methods", bind="query-params")
        shown = trial.only(picked or methods, chosen.tasks)
        if shown.scores:
            chart("predicted-measured", draw(figures.predicted_measured, shown), shown)
        if trial.methods:
            chart("regret", draw(figures.regret, trial, methods=tuple(picked)), trial)
