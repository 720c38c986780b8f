"""The same figures as one file: to mail, to archive, to open without a network."""

import shlex
import tempfile
from pathlib import Path

import streamlit as st

from mtlens_dashboard import queries
from mtlens_dashboard.export.citation import bibtex, citation
from mtlens_dashboard.export.report import MOST_ROWS, write_report
from mtlens_dashboard.widgets.filters import Chosen, label
from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.session import read
from mtlens_dashboard.widgets.shown_workspace import workspace


def page(chosen: Chosen) -> None:
    """Written when the button is pressed, from the newest snapshot."""
    st.title(f"One file with all of it: {literal(label(chosen.experiment))}", anchor=False)
    st.markdown(
        "The report is one HTML file of about 2 MB: the table of scores, a list of contents, and each figure of these pages "
        f"once, with its conclusion, how to read it, and the first {MOST_ROWS} rows of its table. Where a page lets you "
        "choose, the report has the default, or the task or pair with the largest difference. It needs no network and no "
        "server, and holds no texts: only ids, labels and scores."
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
    st.code(
        shlex.join(["mtlens", "report", name, "-w", str(workspace().root), "--experiment", chosen.experiment_id]),
        language=None,
        wrap_lines=True,
    )
    st.markdown("## How to cite these results")
    version = read(queries.snapshot).mtlens_version
    st.code(citation(chosen.experiment, version), language=None, wrap_lines=True)
    st.code(bibtex(version), language=None, wrap_lines=True)


def _report(experiment_id: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        write_report(workspace(), path, experiment_id)
        return path.read_bytes()
