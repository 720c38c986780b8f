"""Stored strings, such as task names, inside sentences that Streamlit reads as Markdown."""

from mtlens.store.plain_text import markdown_text


def literal(text: str) -> str:
    """Markdown that shows `text` as it is: no markup, links, formulas, icons or HTML, and on one line."""
    return markdown_text(text)
