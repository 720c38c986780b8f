"""Paste a report and see what an exported family of models reads from it; nothing is stored."""

import streamlit as st

from mtlens.errors import MtlensError
from mtlens.inference.extraction.findings import ReportFindings
from mtlens_dashboard.queries import inference_client
from mtlens_dashboard.widgets.chart import columns
from mtlens_dashboard.widgets.markdown import literal

SYNTHETIC = """\
HISTORY: Neck pain for 3 months.
FINDINGS:
C4-C5: mild canal stenosis. The foramina are patent.
C5-C6: 4 mm disc protrusion with moderate canal stenosis. The cord is flattened. Grade II right foraminal encroachment.
At the remaining levels, no significant abnormality.
IMPRESSION:
1. Moderate canal stenosis at C5-6."""
_HEAD = ("segment", "task", "class", "probability", "read from")
_MOST = 200_000


def page() -> None:
    """It works without any experiment in the workspace: all it needs is a model that is served."""
    st.title("Try a model on a report", anchor=False)
    st.caption(
        "The report goes to `mtlens serve MODEL` on this machine; neither it nor the dashboard keeps it. Use synthetic or "
        "anonymised texts. No medical device."
    )
    if not inference_client.is_served():
        st.info("No model is served on this machine now. Type this in a terminal first, with the folder of an exported model:")
        st.code("mtlens export experiment.yaml family/\nmtlens serve family/", language=None)
    with st.form("report", border=False):
        text = st.text_area("Report", SYNTHETIC, height=240, max_chars=_MOST)
        pressed = st.form_submit_button("Read", icon=":material/play_arrow:")
    if not pressed:
        return
    try:
        _show(inference_client.read(text))
    except MtlensError as error:
        st.error(literal(str(error)))


def _show(result: ReportFindings) -> None:
    st.caption(f"{result.sentences}.")
    for note in result.notes:
        st.info(literal(note))
    mentioned = [finding for finding in result.findings if finding.status != "not mentioned"]
    rows = [
        (finding.segment, finding.task, finding.label or "abstains", finding.probability, finding.sentence)
        for finding in mentioned
    ]
    if rows:
        st.dataframe(columns(_HEAD, rows), hide_index=True, key="findings")
    silent = dict.fromkeys(finding.segment for finding in result.findings if finding.status == "not mentioned")
    if silent:
        st.caption(f"Not mentioned: {', '.join(silent)}")
