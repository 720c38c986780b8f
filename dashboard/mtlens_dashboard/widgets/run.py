"""One run, opened: why it failed, its scores and curves, its configuration, what it ran on, and its journal."""

from functools import partial

import streamlit as st

from mtlens.config.run_kinds import label_of
from mtlens.statistics.metrics import label_of as name_of_metric
from mtlens_dashboard import figures, queries
from mtlens_dashboard.tables import Table
from mtlens_dashboard.widgets.chart import show
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read


def open_run(experiment_id: str, run: queries.RunInfo) -> None:
    """Below the table in which it was ticked."""
    details = read(queries.run_details, experiment_id, run.run_id)
    with st.container(border=True):
        tasks = f": {run.tasks}" if run.tasks else ""
        seed = "" if run.seed is None else f", seed {run.seed}"
        st.markdown(f"## {literal(f'{label_of(run.role)}{tasks}{seed}, {run.state}')}")
        if run.reason:
            st.error(literal(run.reason))
        if not details.settings:
            st.caption("It waits: nothing is stored of it yet.")
            return
        left, right = st.columns([3, 2])
        with left:
            _scores(details.scores)
            _curves(experiment_id, run.run_id)
        with right:
            _settings(details.settings)
        _facts(details.facts)
        _journal(details.events)
        st.caption(f"Folder: runs/{run.run_id}")


def _scores(scores: tuple[queries.RunScoreInfo, ...]) -> None:
    if not scores:
        return
    rows = [(score.task, name_of_metric(score.metric), score.validation, score.test) for score in scores]
    st.markdown("**Scores**")
    show(Table(columns=("task", "metric", "validation", "test"), rows=tuple(rows)), "run-scores", height=230)


def _curves(experiment_id: str, run_id: str) -> None:
    every_curve = read(partial(queries.curves, all_candidates=True), experiment_id)
    curves = tuple(curve for curve in every_curve if curve.run_id == run_id)
    for quantity in ("validation", "loss") if curves else ():
        figure = draw(figures.learning_curves, curves, quantity=quantity)
        st.plotly_chart(figures.Shown(figure), theme=None, key=f"run-{quantity}", alt=figures.alt_of(figure))


def _settings(settings: tuple[queries.RunSettingInfo, ...]) -> None:
    rows = [(setting.path, setting.value, "differs" if setting.differs else "") for setting in settings]
    st.markdown("**Configuration**: what differs between the runs of the experiment comes first")
    show(Table(columns=("setting", "value", "among the runs"), rows=tuple(rows)), "run-settings", height=420)


def _facts(facts: tuple[tuple[str, str], ...]) -> None:
    st.markdown("**Node, memory, versions**")
    st.markdown(" · ".join(f"{literal(name)} **{literal(value)}**" for name, value in facts))


def _journal(events: tuple[queries.EventInfo, ...]) -> None:
    names = ("time", "process", "kind", "epoch", "step", "fraction", "more")
    rows = [(event.time, event.process, event.kind, event.epoch, event.step, event.fraction, event.payload) for event in events]
    st.markdown("**Journal**, the newest line first")
    show(Table(columns=names, rows=tuple(rows)), "run-events", height=240)
