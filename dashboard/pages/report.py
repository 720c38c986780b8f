"""The same figures as one file: to mail, to archive, to open without a network."""

import tempfile
from pathlib import Path

import streamlit as st

from dashboard.filters import Chosen, label
from dashboard.literal import literal
from dashboard.report import write_report
from dashboard.shown import workspace


def page(chosen: Chosen) -> None:
    """Written when the button is pressed, from the newest snapshot."""
    st.title(f"One file with all of it: {literal(label(chosen.experiment))}", anchor=False)
    st.markdown(
        "The report is one HTML file with every figure of these pages, the sentence that each one says, and the tables behind "
        "them. It needs no network and no server, and holds no texts: only ids, labels and scores."
    )
    name = f"mtlens-{chosen.experiment_id}.html"
    st.download_button(
        "Write and download the report",
        lambda: _report(chosen.experiment_id),
        name,
        "text/html",
        on_click="ignore",
        icon=":material/download:",
    )
    st.caption("The same from a terminal:")
    st.code(f"mtlens report {name} -w {workspace().root}", language=None)


def _report(experiment_id: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        write_report(workspace(), path, experiment_id)
        return path.read_bytes()
