"""Do the models hold similar representations? Centred kernel alignment, by depth and layer against layer."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.figures.panels import MOST
from mtlens_dashboard.figures.theme import CONFIG
from mtlens_dashboard.widgets.chart import chart, nothing, part, section, show
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import draw, read
from mtlens_dashboard.wording import evidence_titles
from mtlens_dashboard.wording.formatting import listing

KINDS: dict[queries.PairKind, str] = {
    "tasks": "two task-specific models",
    "multi": "multi-task and task-specific",
    "pretrained": "task-specific and pretrained",
}
VIEWS = {"similarity": "similarity", "difference": "less the pretrained encoder"}


def page(chosen: Chosen) -> None:
    """By depth first, then layer against layer."""
    ways = read(queries.choices, chosen.experiment_id)
    if not ways:
        st.title(literal(evidence_titles.similarity(())), anchor=False)
        nothing(
            "Not measured yet",
            "Once its models are trained, mtlens compares their hidden states on held-out texts, with ceiling and floor.",
        )
        return
    heading = st.empty()
    kind, comparing = _choose(ways)
    every_profile = read(queries.profiles, chosen.experiment_id, kind, comparing)
    heading.title(literal(evidence_titles.similarity(every_profile)), anchor=False)
    profiles = tuple(profile for profile in every_profile if profile.involves(chosen.tasks))
    if not profiles:
        if every_profile:
            nothing("Choose at least two tasks", "Task-specific models are compared pair by pair.")
        else:
            nothing("No such comparison", "No models have been compared in this way.")
        return
    shown = part(queries.weakest_first(profiles), MOST, "pairs, the least similar ones first")
    figure = draw(figures.similarity_by_depth, shown)
    name = "cka-multi" if kind == "multi" else "cka-depth"
    chart(name, figure, profiles, title="The same layer in both models, by depth")
    if matrices := section("Every layer against every layer", "matrices", "view", "square", "layer_a", "layer_b"):
        with matrices:
            _matrices(chosen, kind, comparing, shown)


def _choose(ways: tuple[queries.Comparing, ...]) -> tuple[queries.PairKind, queries.Comparing]:
    with st.container(horizontal=True):
        kind = st.selectbox("Models", list(KINDS), format_func=KINDS.__getitem__, key="models", bind="query-params", width=250)
        poolings = list(dict.fromkeys(way.pooling for way in ways))
        pooling = st.selectbox("Pooling", poolings, key="pooling", bind="query-params", width=130)
        features = list(dict.fromkeys(way.features for way in ways if way.pooling == pooling))
        feature = st.selectbox("Features", features, key="features", bind="query-params", width=150)
        estimators = [way.estimator for way in ways if (way.pooling, way.features) == (pooling, feature)]
        estimator = st.selectbox("Estimator", estimators, key="estimator", bind="query-params", width=180)
    return kind, queries.Comparing(pooling=pooling, features=feature, estimator=estimator)


def _matrices(
    chosen: Chosen, kind: queries.PairKind, comparing: queries.Comparing, profiles: Sequence[queries.ProfileInfo]
) -> None:
    by_pair = {(info.task_a, info.task_b): info for info in read(queries.matrices, chosen.experiment_id, kind, comparing)}
    matrices = tuple(by_pair[pair] for info in profiles if (pair := (info.task_a, info.task_b)) in by_pair)
    if not matrices:
        st.caption("Only equal layers of these models were compared.")
        return
    view = st.segmented_control(
        "Show",
        list(VIEWS),
        default="similarity",
        format_func=VIEWS.__getitem__,
        key="view",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    if view == "difference":
        chart("cka-differences", draw(figures.layer_differences, matrices), matrices, on_click=_name_square)
    else:
        chart("cka-layers", draw(figures.layer_matrices, matrices), matrices, on_click=_name_square)
    st.caption("Click a square to see its seeds, or choose it below.")
    _cell(chosen, comparing, matrices)


def _name_square(square: Sequence[Any]) -> None:
    """Let the boxes below name the square that was clicked."""
    panel, layer_a, layer_b = (int(value) for value in square[:3])
    st.session_state.update(square=panel, layer_a=layer_a, layer_b=layer_b)


def _cell(chosen: Chosen, comparing: queries.Comparing, matrices: tuple[queries.LayerMatrixInfo, ...]) -> None:
    """The seeds of one square, chosen by a click or by name."""
    st.markdown("## The seeds of one square")
    with st.container(horizontal=True):
        places = list(range(len(matrices)))
        panel = st.selectbox("Pair", places, format_func=lambda place: _name(matrices[place]), key="square",
                             bind="query-params", width=300)  # fmt: skip
        layers = list(matrices[panel].layers)
        layer_a = st.selectbox("Layer of the first", layers, key="layer_a", bind="query-params", width=140)
        layer_b = st.selectbox("Layer of the second", layers, key="layer_b", bind="query-params", width=140)
    cells = read(queries.cell, chosen.experiment_id, matrices[panel], layer_a, layer_b, comparing)
    if not cells:
        st.caption("No pair of seeds was compared here.")
        return
    left, right = st.columns([2, 3])
    with left:
        whole = draw(figures.layer_matrices, (matrices[panel],))
        st.plotly_chart(figures.Shown(whole), theme=None, key="cka-pair", config=CONFIG, alt=figures.alt_of(whole))
    right.markdown(f"**{literal(_name(matrices[panel]))}: layer {layer_a} with layer {layer_b}**")
    rows = [(info.seed_a, info.seed_b, _is_in_square(info), info.value, info.low, info.high,
             info.examples, info.reason or "") for info in cells]  # fmt: skip
    names = ("seed of the first", "seed of the second", "in the square", "similarity", "95 % low", "95 % high", "examples",
             "remark")  # fmt: skip
    with right:
        show(tables.Table(columns=names, rows=tuple(rows)), "cell")


def _is_in_square(cell: queries.CellInfo) -> str:
    """A square is the mean over models of one seed; the pretrained encoder has none."""
    return "yes" if cell.value is not None and (cell.seed_a == cell.seed_b or None in (cell.seed_a, cell.seed_b)) else "no"


def _name(matrix: queries.LayerMatrixInfo) -> str:
    other = {"tasks": matrix.task_b or "", "multi": "multi-task model", "pretrained": "pretrained encoder"}[matrix.kind]
    return listing((matrix.task_a, other))
