"""The filters of the sidebar: shared by all pages and kept in the URL, so that a link reopens the same view.

The URL leaves out what has its default value; it always names the experiment, because the newest one changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from mtlens.statistics.metrics import DEFAULT, METRICS, label_of
from mtlens_dashboard import queries
from mtlens_dashboard.widgets.session import read

_IN_URL = "experiment"  # as the keys of the widgets, a name in the URL: links that people keep depend on it
_CHOSEN = "experiment chosen"
_WRITTEN = "experiment in the URL"
WHOLE_ENCODER = "whole encoder"


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
    with st.sidebar:
        experiment = _choose_experiment(experiments)
        tasks: list[str] = st.multiselect(
            "Tasks", experiment.tasks, key="tasks", placeholder="all tasks", bind="query-params",
            help="Shows some of the tasks. The mean over tasks and the verdicts stay those over all of them.",
        )  # fmt: skip
        seeds: list[int] = st.multiselect(
            "Seeds", experiment.seeds, key="seeds", placeholder="all seeds", bind="query-params",
            help="Shows the dots and curves of some seeds. Means, intervals and verdicts always use all of them.",
        )  # fmt: skip
        metric = st.selectbox(
            "Metric", _metrics(experiment), format_func=label_of, key="metric", bind="query-params",
            help="Of the table of scores. Verdicts rest on the metric of each task.",
        )  # fmt: skip
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


def layer_name(layer: int | None) -> str:
    """How a layer is called in the filter and in titles."""
    return WHOLE_ENCODER if layer is None else f"layer {layer}"


def label(experiment: queries.ExperimentInfo) -> str:
    """Name and the start of the id: several versions of an experiment may share a name."""
    return f"{' '.join(experiment.name.split())} · {experiment.experiment_id[:6]}"


def _choose_experiment(experiments: Sequence[queries.ExperimentInfo]) -> queries.ExperimentInfo:
    """The experiment of the link that was opened, or went back to; else the one chosen before, or the newest.

    Streamlit's own binding would leave the default out of the URL.
    """
    known = {experiment.experiment_id: experiment for experiment in experiments}
    linked = st.query_params.get(_IN_URL)
    if linked in known and linked != st.session_state.get(_WRITTEN):
        st.session_state[_CHOSEN] = linked
    if st.session_state.get(_CHOSEN) not in known:
        st.session_state[_CHOSEN] = experiments[0].experiment_id
    chosen = st.selectbox("Experiment", list(known), format_func=lambda id_: label(known[id_]), key=_CHOSEN)
    st.session_state[_WRITTEN] = chosen
    if linked != chosen:
        st.query_params[_IN_URL] = chosen
    return known[chosen]


def _metrics(experiment: queries.ExperimentInfo) -> list[str]:
    stored = {score.metric for score in read(queries.scores, experiment.experiment_id)}
    return [*(name for name in METRICS if name in stored), *sorted(stored - METRICS.keys())] or [DEFAULT]


def _layers(experiment: queries.ExperimentInfo) -> list[int]:
    of_gradients = {layer for stage in read(queries.stages, experiment.experiment_id) for layer in stage.layers}
    of_states = {layer.layer for profile in read(queries.profiles, experiment.experiment_id) for layer in profile.layers}
    return sorted(of_gradients | of_states)
