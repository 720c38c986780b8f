"""This experiment beside another one: scores with their differences, and settings that differ. Tags and notes of this one."""

import streamlit as st

from mtlens.config.run_kinds import label_of
from mtlens.statistics.shown import Unit, counted
from mtlens.store.workspace import annotations
from mtlens.store.workspace.annotations import Annotation
from mtlens_dashboard import queries, tables
from mtlens_dashboard.widgets.chart import details, nothing, show
from mtlens_dashboard.widgets.filters import Chosen, label
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import read
from mtlens_dashboard.widgets.shown_workspace import workspace
from mtlens_dashboard.wording.formatting import bounds, difference, listing, score_of

HOW = """
Mean test scores over seeds; difference: the other experiment minus this one, with its 95 % interval over seeds (Welch's t
for independent samples). It does not know whether both have the same test texts: if the data differ, so may the scores.
"""


def page(chosen: Chosen) -> None:
    """What changed since last week?"""
    others = {other.experiment_id: other for other in read(queries.experiments) if other.experiment_id != chosen.experiment_id}
    if not others:
        st.title("No other experiment to compare with yet", anchor=False)
        nothing("One experiment only", "Two experiments of a workspace are compared here, also two versions of one file.")
        _note(chosen)
        return
    heading = st.empty()
    other = st.selectbox(
        "Compare with", list(others), format_func=lambda id_: label(others[id_]) if id_ in others else id_, key="other",
        bind="query-params",
    )  # fmt: skip
    changes = [
        change for change in read(queries.changes, chosen.experiment_id, other, chosen.metric) if change.task in chosen.tasks
    ]
    settled = [change for change in changes if change.low is not None and (change.low > 0 or (change.high or 0.0) < 0)]
    head = f"{len(settled)} of {counted(len(changes), 'score')} differ from" if changes else "No common scores with"
    heading.title(literal(f"{head} {label(others[other])}"), anchor=False)
    _scores(chosen, changes)
    _settings(chosen, others[other])
    _note(chosen)


def _scores(chosen: Chosen, changes: list[queries.ChangeInfo]) -> None:
    unit = Unit(chosen.metric)
    st.markdown(f"## {literal(unit.name)}, side by side")
    if not changes:
        nothing("No common scores", "Both experiments need finished models of one kind on a task of the same name.")
        return
    columns = ("model", "task", "this", "other", "difference", "95 % interval")
    rows = [
        (
            label_of(change.role),
            change.task,
            score_of(change.first, unit),
            score_of(change.second, unit),
            difference(change.difference, unit),
            bounds(change.low, change.high, unit),
        )
        for change in changes
    ]
    table = tables.Table(columns=columns, rows=tuple(rows))
    show(table, "changes")
    details("changes", lambda: table, HOW)


def _settings(chosen: Chosen, other: queries.ExperimentInfo) -> None:
    settings = read(queries.differing_experiments, (chosen.experiment_id, other.experiment_id))
    names = (label(chosen.experiment), label(other))
    st.markdown("## Settings that differ")
    if not settings:
        st.caption("Their experiment files are equal.")
        return
    table = tables.of_settings(settings, names)
    show(table, "differing")
    details("differing", lambda: table, f"Settings in which {literal(listing(names))} differ; all others are equal.")


def _note(chosen: Chosen) -> None:
    """Tags, notes and whether it is hidden: kept in the workspace, beside the results; nothing is ever deleted."""
    noted = annotations.load(workspace()).get(chosen.experiment_id, Annotation())
    st.markdown(f"## Tags and note of {literal(label(chosen.experiment))}")
    with st.form("note", border=False):
        tags = st.text_input("Tags, separated by commas", ", ".join(noted.tags), max_chars=200)
        note = st.text_area("Note", noted.note, max_chars=5000, height=100)
        hidden = st.checkbox("Hide it from the list of experiments; links still open it", noted.hidden)
        pressed = st.form_submit_button("Save", icon=":material/save:")
    if pressed:
        kept = tuple(dict.fromkeys(tag.strip() for tag in tags.split(",") if tag.strip()))
        annotations.save(workspace(), chosen.experiment_id, Annotation(tags=kept, note=note, hidden=hidden))
        st.rerun()
