"""A short answer in a frame: the question, the answer with its mark, and a sentence."""

import streamlit as st

from mtlens_dashboard.figures.theme import Mark
from mtlens_dashboard.widgets.markdown import literal

_COLOURS = {"good": "green", "better": "blue", "bad": "orange", "weak": "yellow", "open": "gray"}
"""Names that Streamlit's Markdown has; `mtlens_dashboard.server` gives them the theme's colours. Ink is that of the text."""


def card(question: str, mark: Mark, answer: str, sentence: str) -> None:
    """All text is shown literally, as it may contain names of tasks."""
    with st.container(border=True, height="stretch", gap="xxsmall"):
        st.caption(literal(question))
        symbol = f":{_COLOURS[mark.role]}[{mark.symbol}]" if mark.role in _COLOURS else mark.symbol
        st.markdown(f"## {symbol} {literal(answer)}\n\n{literal(sentence)}")
