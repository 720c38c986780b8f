"""Keeps an open page up to date: reruns it when, at a check every two seconds, results or the colour scheme have changed."""

import streamlit as st

from mtlens.errors import MtlensError
from mtlens_dashboard import queries
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import newest, read, theme
from mtlens_dashboard.widgets.shown_workspace import workspace

SECONDS = 2.0
_SHOWN = "results shown"
_SCHEME = "colour scheme shown"


def remember(experiment_id: str | None) -> None:
    """Note which results the page has just drawn, and in which colour scheme."""
    st.session_state[_SHOWN] = _results(experiment_id)
    st.session_state[_SCHEME] = theme().name


@st.fragment(run_every=SECONDS)
def watch(experiment_id: str | None) -> None:
    """Rerun the page once there are other results than those that it shows, or the browser has another colour scheme.

    Progress alone does not count: otherwise a page would be drawn every two seconds while runs train. Where the
    store cannot be read, the page stays as it is, with a note.
    """
    if theme().name != st.session_state.get(_SCHEME):
        st.rerun()
    try:
        about = read(queries.snapshot)
        results = _results(experiment_id)
    except MtlensError as error:
        if st.session_state.get(_SHOWN) is not None:
            st.caption(f"Cannot be read now; this is the last good view. {literal(str(error))}")
        return
    if results != st.session_state.get(_SHOWN):
        st.session_state[_SHOWN] = results
        st.rerun()
    st.caption(f"Data as of {about.published:%Y-%m-%d %H:%M:%S} UTC · {literal(workspace().root.name)}")


def _results(experiment_id: str | None) -> object:
    """Changes when a run ends, a comparison or evidence arrives, or an experiment begins; None where there is no store."""
    try:
        newest()
        evidence_jobs = read(queries.evidence_jobs, experiment_id) if experiment_id else ()
        return read(queries.experiments), tuple(
            (evidence_job.kind, evidence_job.state, evidence_job.number) for evidence_job in evidence_jobs
        )
    except MtlensError:
        return None
