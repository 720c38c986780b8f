"""Stored strings, such as task names, inside sentences that Streamlit reads as Markdown."""

import re

_SPECIAL = re.compile(r"([!-/:-@\[-`{-~])")  # ASCII punctuation: a backslash before it makes it an ordinary character


def literal(text: str) -> str:
    """Markdown that shows `text` as it is: no markup, links, formulas, icons or HTML, and on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
