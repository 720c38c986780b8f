"""The filters of the sidebar: shared by all pages and kept in the URL, so that a link reopens the same view.

The URL leaves out what has its default value; it always names the experiment, because the newest one changes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import streamlit as st

from mtlens.statistics.metrics import DEFAULT, METRICS, label_of
from mtlens.store.workspace import annotations
from mtlens.store.workspace.annotations import Annotation
from mtlens_dashboard import queries
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import read
from mtlens_dashboard.widgets.shown_workspace import workspace

_IN_URL = "experiment"  # as the keys of the widgets, a name in the URL: links that people keep depend on it
_CHOSEN = "experiment chosen"
_WRITTEN = "experiment in the URL"
WHOLE_ENCODER = "whole encoder"
FILTERS = ("tasks", "seeds", "metric", "layer")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the pages show. tasks and seeds: in the experiment's order, all of them where none is chosen.

    layer: None for the whole encoder.
    """

    experiment: queries.ExperimentInfo
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    metric: str
    layer: int | None

    @property
    def experiment_id(self) -> str:
        """Of the experiment that is shown."""
        return self.experiment.experiment_id


def choose(experiments: Sequence[queries.ExperimentInfo]) -> Chosen:
    """Draw the filters into the sidebar; `experiments` has at least one."""
    _follow_link(experiments)
    with st.sidebar:
        experiment = _choose_experiment(experiments)
        with st.container(key="filter-tasks"):
            tasks: list[str] = st.multiselect(
                "Tasks", experiment.tasks, key="tasks", placeholder="all tasks", bind="query-params",
                help="Shows some of the tasks. The mean over tasks and the verdicts stay those over all of them.",
            )  # fmt: skip
        with st.container(key="filter-seeds"):
            seeds: list[int] = st.multiselect(
                "Seeds", experiment.seeds, key="seeds", placeholder="all seeds", bind="query-params",
                help="Shows the dots and curves of some seeds. Means, intervals and verdicts always use all of them.",
            )  # fmt: skip
        with st.container(key="filter-metric"):
            metric = st.selectbox(
                "Metric", _metrics(experiment), format_func=label_of, key="metric", bind="query-params",
                help="Of the table of scores. Verdicts rest on the metric of each task.",
            )  # fmt: skip
        with st.container(key="filter-layer"):
            layer = st.selectbox(
                "Layer", [None, *_layers(experiment)], format_func=layer_name, key="layer", bind="query-params",
                help="Layer whose gradients are compared task by task; 0 is the output of the embeddings.",
            )  # fmt: skip
    return Chosen(
        experiment=experiment,
        tasks=tuple(task for task in experiment.tasks if task in tasks) or experiment.tasks,
        seeds=tuple(seed for seed in experiment.seeds if seed in seeds) or experiment.seeds,
        metric=metric,
        layer=layer,
    )


def show_only(used: Collection[str]) -> None:
    """Leave out of sight the filters that do not count on this page; they keep their values for the other pages."""
    wrapper = '[data-testid="stLayoutWrapper"]:has(> .st-key-filter-{})'
    unused = ", ".join(wrapper.format(name) for name in FILTERS if name not in used)
    if unused:
        st.html(f"<style>{unused} {{display: none}}</style>")


def layer_name(layer: int | None) -> str:
    """How a layer is called in the filter and in titles."""
    return WHOLE_ENCODER if layer is None else f"layer {layer}"


def label(experiment: queries.ExperimentInfo) -> str:
    """Name and the start of the id: several versions of an experiment may share a name."""
    return f"{' '.join(experiment.name.split())} · {experiment.experiment_id[:6]}"


def _follow_link(experiments: Sequence[queries.ExperimentInfo]) -> None:
    """Choose the experiment of the link that was opened, or went back to: by its id, or the newest of its name.

    Where there is none, the page says so above its title: on a phone the sidebar is folded away.
    """
    linked = st.query_params.get(_IN_URL)
    if linked is None or linked == st.session_state.get(_WRITTEN):
        return
    ids = [experiment.experiment_id for experiment in experiments]
    found = (
        linked
        if linked in ids
        else next((experiment.experiment_id for experiment in experiments if experiment.name == linked), None)
    )
    if found is None:
        st.warning(literal(f"The link asks for experiment {linked}, which this workspace does not hold; this is another."))
    else:
        st.session_state[_CHOSEN] = found


def _choose_experiment(experiments: Sequence[queries.ExperimentInfo]) -> queries.ExperimentInfo:
    """The experiment of a link, else the one chosen before, or the newest. Hidden ones are opened by links only.

    Streamlit's own binding would leave the default out of the URL.
    """
    known = {experiment.experiment_id: experiment for experiment in experiments}
    noted = annotations.load(workspace())
    shown = [id_ for id_ in known if not (id_ in noted and noted[id_].hidden) or id_ == st.session_state.get(_CHOSEN)]
    if st.session_state.get(_CHOSEN) not in known:
        st.session_state[_CHOSEN] = (shown or list(known))[0]
    names = {id_: _name(known[id_], noted.get(id_)) for id_ in known}
    chosen = st.selectbox("Experiment", shown or list(known), format_func=names.__getitem__, key=_CHOSEN)
    if chosen in noted and noted[chosen].note:
        st.caption(literal(noted[chosen].note[:200]))
    st.session_state[_WRITTEN] = chosen
    if st.query_params.get(_IN_URL) != chosen:
        st.query_params[_IN_URL] = chosen
    return known[chosen]


def _name(experiment: queries.ExperimentInfo, noted: Annotation | None) -> str:
    """Its label with its tags."""
    return " ".join([label(experiment), *(f"#{tag}" for tag in noted.tags)] if noted else [label(experiment)])


def _metrics(experiment: queries.ExperimentInfo) -> list[str]:
    stored = {score.metric for score in read(queries.scores, experiment.experiment_id)}
    return [*(name for name in METRICS if name in stored), *sorted(stored - METRICS.keys())] or [DEFAULT]


def _layers(experiment: queries.ExperimentInfo) -> list[int]:
    of_gradients = {layer for stage in read(queries.stages, experiment.experiment_id) for layer in stage.layers}
    of_states = {layer.layer for profile in read(queries.profiles, experiment.experiment_id) for layer in profile.layers}
    return sorted(of_gradients | of_states)
