"""Texts beside the ids of examples, from a table that the reader gives again: they stay in the memory of the session."""

import csv
import io
from collections.abc import Collection, Mapping
from pathlib import PurePath

import streamlit as st

from mtlens_dashboard.queries.examples import TEST

_NUMBER = "its number"  # what a row is found by where the table has no column of ids


def ask_for_texts(ids: Collection[str]) -> dict[str, str]:
    """Text of each id that the given table has; empty while none is given. Nothing of it is stored."""
    opened = st.expander("Show the texts: choose the file of the table", type="compact", key="own-table", on_change="rerun")
    if not opened.open:
        return {}
    with opened:
        st.caption("A CSV file in UTF-8. It is read in this session and not stored; the dashboard forgets it with the page.")
        given = st.file_uploader("Table", type=["csv"], key="own_table")
        if given is None:
            return {}
        rows = list(csv.DictReader(io.StringIO(given.getvalue().decode(errors="replace"))))
        columns = list(rows[0]) if rows else []
        if not columns:
            st.caption("The file should have a header and rows; it has none.")
            return {}
        with st.container(horizontal=True):
            by = st.selectbox("A row is found by", [_NUMBER, *columns], key="own_ids", width=220)
            longest = max(columns, key=lambda column: max(len(str(row[column] or "")) for row in rows))
            text = st.selectbox("Column of texts", columns, index=columns.index(longest), key="own_texts", width=220)
        found = texts_of_ids(ids, rows, text, None if by == _NUMBER else by, PurePath(given.name).stem)
        st.caption(f"{len(found)} of {len(ids)} texts found.")
        return found


def texts_of_ids(
    ids: Collection[str], rows: Collection[Mapping[str, str | None]], text: str, by: str | None, name: str
) -> dict[str, str]:
    """Texts by the ids that mtlens gives to rows: those of a column, or else numbers from 1. name: of the file, which stands
    before them where an experiment has several tables, or the name of the split where it has a file for each.
    """
    keys = [str(number) for number in range(1, len(rows) + 1)] if by is None else [row[by] or "" for row in rows]
    texts = {key: row[text] or "" for key, row in zip(keys, rows, strict=True)}
    short = {id_: id_.removeprefix(f"{name}:").removeprefix(f"{TEST}:") for id_ in ids}
    return {id_: texts[key] for id_, key in short.items() if key in texts}
