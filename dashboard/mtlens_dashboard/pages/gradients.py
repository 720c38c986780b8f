"""Are the gradients of the tasks aligned? Cosines task by task, by layer and over training."""

import streamlit as st

from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.panels import MOST
from mtlens_dashboard.widgets.chart import chart, nothing, part, section
from mtlens_dashboard.widgets.filters import WHOLE_ENCODER, Chosen, layer_name
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import evidence_titles
from mtlens_dashboard.wording.formatting import listing

SETTINGS = {
    "multi": "both at the multi-task weights",
    "cross": "each at its own weights",
    "task_vectors": "task vectors (trained minus pretrained)",
}


def page(chosen: Chosen) -> None:
    """All pairs at one stage, then by depth, then one pair over training."""
    stages = read(queries.stages, chosen.experiment_id)
    if not stages:
        st.title(literal(evidence_titles.alignment(())), anchor=False)
        nothing(
            "Not measured yet",
            "Once its models are trained, mtlens measures the gradients of every pair of tasks on batches of training texts.",
        )
        return
    heading = st.empty()
    stage = _choose(stages)
    every_pair = read(queries.alignments, chosen.experiment_id, setting=stage.setting, stage=stage.stage, epoch=stage.epoch,
                parameters=stage.parameters)  # fmt: skip
    heading.title(literal(evidence_titles.alignment(every_pair)), anchor=False)
    alignments = tuple(alignment for alignment in every_pair if alignment.involves(chosen.tasks))
    if not alignments:
        nothing("Choose at least two tasks", "Gradients are compared between two tasks.")
        return
    _cosines(chosen, alignments)
    lowest = queries.lowest_first(alignments)
    pairs = list(dict.fromkeys((alignment.task_a, alignment.task_b) for alignment in lowest))
    shown = part(pairs, MOST, "pairs, the lowest cosines first")
    figure = draw(
        figures.alignment_by_depth,
        tuple(alignment for alignment in lowest if (alignment.task_a, alignment.task_b) in shown),
    )
    chart("gradients-depth", figure, alignments, title="Pair by pair, by depth")
    if course := section("One pair of tasks over training", "course", "pair"):
        with course:
            _course(chosen, stage, alignments)


def _choose(stages: tuple[queries.StageInfo, ...]) -> queries.StageInfo:
    with st.container(horizontal=True):
        settings = list(dict.fromkeys(stage.setting for stage in stages))
        setting = st.selectbox(
            "Gradients", settings, format_func=_setting_name, key="setting", bind="query-params",
            width=280,
        )  # fmt: skip
        kinds = list(dict.fromkeys(stage.parameters for stage in stages if stage.setting == setting))
        parameters = st.selectbox("Parameters", kinds, key="parameters", bind="query-params", width=150)
        left = [stage for stage in stages if (stage.setting, stage.parameters) == (setting, parameters)]
        names = [stage.when for stage in left]
        last = names[-1]
        when = (
            st.select_slider("Stage of training", names, last, key="stage", bind="query-params", width=320)
            if len(names) > 1
            else last
        )
    return left[names.index(when)]


def _setting_name(setting: str) -> str:
    return SETTINGS.get(setting, setting)


def _cosines(chosen: Chosen, alignments: tuple[queries.AlignmentInfo, ...]) -> None:
    layers = {alignment.layer for alignment in alignments}
    deepest = max((alignment for alignment in layers if alignment is not None), default=None)
    layer = next(alignment for alignment in (chosen.layer, None, deepest) if alignment in layers)
    if layer != chosen.layer:
        st.caption(f"Nothing was measured for {_the(chosen.layer)} at this stage; this is {_the(layer)}.")
    of_layer = tuple(alignment for alignment in alignments if alignment.layer == layer)
    clustered = st.toggle("Put similar tasks side by side", key="clustered", bind="query-params")
    left, right = st.columns([3, 2])
    with left:
        figure = draw(figures.task_cosines, alignments, layer=layer, order="clustered" if clustered else "fixed")
        chart("gradients", figure, of_layer, title=f"Task by task: {layer_name(layer)}")
    with right:
        if of_layer[0].setting != "task_vectors":  # which are made of no microbatches
            chart("conflicts", draw(figures.conflict_rates, of_layer, layer=layer, most=MOST), of_layer)


def _the(layer: int | None) -> str:
    return f"the {WHOLE_ENCODER}" if layer is None else layer_name(layer)


def _course(chosen: Chosen, stage: queries.StageInfo, alignments: tuple[queries.AlignmentInfo, ...]) -> None:
    pairs = list(dict.fromkeys((alignment.task_a, alignment.task_b) for alignment in queries.lowest_first(alignments)))
    pair = st.selectbox("Pair of tasks", pairs, format_func=listing, key="pair", bind="query-params", width=360)
    course = read(queries.pair_over_stages, chosen.experiment_id, *pair, setting=stage.setting, parameters=stage.parameters)
    if len({alignment.when for alignment in course}) < 2:
        st.caption("Only one stage of training was measured in this setting.")
        return
    figure = draw(figures.stage_map, course)
    chart("gradients-course", figure, course)
