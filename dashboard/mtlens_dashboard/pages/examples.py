"""Which texts does one kind of model win, and which does the other? By id, class and confidence; texts are not stored."""

import streamlit as st

from mtlens.config.run_kinds import RUN_KINDS, label_of
from mtlens.statistics.shown import counted
from mtlens_dashboard import queries, tables
from mtlens_dashboard.widgets.chart import details, nothing, show
from mtlens_dashboard.widgets.filters import Chosen
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.own_table import ask_for_texts
from mtlens_dashboard.widgets.session import read
from mtlens_dashboard.wording.formatting import shorten

HOW = """
Labelled test texts on which the two kinds of models are right under different numbers of seeds, the clearest first. Predicted:
what most seeds say. Right: share of seeds that are right; of tags, that find all spans of the text and no other. Confidence:
mean probability of the true class. The store holds ids only: the texts are shown where you give the table again; spans are
given by their characters.
"""
_WINS = {"all": "all", "other": "it wins", "single": "task-specific wins"}


def page(chosen: Chosen) -> None:
    """A task, two kinds of models, and the texts on which they differ."""
    heading = st.empty()
    kinds = [kind.name for kind in RUN_KINDS.values() if kind.compared and kind.trained]
    present = {score.role for score in read(queries.scores, chosen.experiment_id)}
    kinds = [kind for kind in kinds if kind in present]
    if not kinds:
        heading.title("No predictions to compare yet", anchor=False)
        nothing("No examples yet", "They appear once task-specific and other models have finished on a task.")
        return
    with st.container(horizontal=True):
        task = st.selectbox("Task", chosen.tasks, key="of_task", bind="query-params", format_func=shorten, width=260)
        kind = st.selectbox("Compared with the task-specific models", kinds, key="of_kind", bind="query-params",
                            format_func=label_of, width=280)  # fmt: skip
        wins = st.segmented_control("Show", list(_WINS), default="all", format_func=_WINS.__getitem__, key="wins",
                                    bind="query-params", required=True)  # fmt: skip
    found = read(queries.examples, chosen.experiment_id, task, kind)
    won = [example for example in found if example.other_right > example.single_right]
    lost = [example for example in found if example.other_right < example.single_right]
    heading.title(
        literal(f"{shorten(task, 20)}: {label_of(kind)} wins {counted(len(won), 'text')} and loses {len(lost)}"), anchor=False
    )
    if not found:
        nothing(
            "No differences",
            "Under every seed, both kinds of models are right on the same texts, or the task is of numbers or several "
            "labels, or nothing is stored.",
        )
        return
    shown = {"all": found, "other": won, "single": lost}[wins or "all"]
    of_spans = all(example.single_confidence is None for example in found)
    columns = ("example", "true spans" if of_spans else "true class", "task-specific", label_of(kind), "task-specific right",
               f"{label_of(kind)} right", "task-specific confidence", f"{label_of(kind)} confidence")  # fmt: skip
    columns = columns[:6] if of_spans else columns
    texts = ask_for_texts([example.example_id for example in shown])
    rows = [
        (*tuple(vars(example).values())[: len(columns)], *([texts.get(example.example_id, "")] if texts else []))
        for example in shown
    ]
    table = tables.Table(columns=(*columns, "text") if texts else columns, rows=tuple(rows))
    percent = st.column_config.ProgressColumn(min_value=0, max_value=1, format="%.2f")
    number = st.column_config.NumberColumn(format="%.2f")
    formats = {**dict.fromkeys(columns[4:6], percent), **dict.fromkeys(columns[6:], number)}
    show(table, "examples", column_config=formats)
    details("examples", lambda: table, HOW)
