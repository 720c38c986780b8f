"""Which tasks belong together? Partitions, predictions on trial, and what the search cost."""

import streamlit as st

from mtlens_dashboard import figures, queries
from mtlens_dashboard.widgets.chart import chart, nothing
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import titles


def page(chosen: Chosen) -> None:
    """What to train together, how good the predictions were, and what they cost."""
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
    methods = list(dict.fromkeys(grouping.method for grouping in groupings))
    chosen_methods = st.multiselect("Methods", methods, key="methods", placeholder="all methods", bind="query-params")
    picked = chosen_methods or methods
    shown = tuple(grouping for grouping in groupings if grouping.method in picked)
    figure = draw(figures.partitions, shown, recommended)
    chart("groupings", figure, (shown, recommended), title="Ways to divide the tasks among models, the best first")
    whole = read(queries.trial, chosen.experiment_id)
    trial = whole.only(picked, chosen.tasks)
    if trial.scores:
        chart("predicted-measured", draw(figures.predicted_measured, trial), trial)
    judged = trial if chosen_methods else whole
    if judged.methods:
        chart("regret", draw(figures.regret, whole, methods=tuple(chosen_methods)), judged)
