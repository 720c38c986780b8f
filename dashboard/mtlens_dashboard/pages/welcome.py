"""What every page shows while there are no results: what to type, or why the results cannot be read."""

import streamlit as st

from mtlens_dashboard.widgets.markdown import literal
from mtlens_dashboard.widgets.shown_workspace import workspace


def page(problem: str | None) -> None:
    """`problem` is why the store cannot be read; None where it can and holds no experiment."""
    if problem and "nothing here yet" not in problem:
        st.title("The results cannot be read", anchor=False)
        st.error(literal(problem))
        return
    st.title("No results here yet", anchor=False)
    root = workspace().root
    lacks = "which holds no experiment yet" if root.is_dir() else "a folder that does not exist yet"
    st.markdown(f"The dashboard looks at **{literal(str(root))}**, {lacks}. Results are shown as soon as they arrive.")
    st.markdown("In another terminal, start an experiment of your own, or the one that comes with mtlens:")
    at = f" -w {workspace().root}"
    st.code(f"mtlens run experiment.yaml{at}\nmtlens demo{at}", language=None, wrap_lines=True)
