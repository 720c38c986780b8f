"""Finds the column of a table with the name most similar to a missing one."""

import difflib
import re
from collections.abc import Sequence

_PUNCTUATION = re.compile(r"[.,:;!?](\s|$)|\n")
_MOST_CHARACTERS, _MOST_WORDS = 60, 5  # of a column's name


def nearest(column: str, columns: Sequence[str]) -> str:
    """What a table has instead of a missing column: the most similar name, or the number of columns and their names.

    In a table without a header, the names are the first row, which may be a patient's: if one of them is not a likely name of a
    column, none is repeated in the message.
    """
    count = f"{len(columns):,} column{'s' if len(columns) > 1 else ''}"
    names = [name for name in columns if name.strip()]
    if not all(map(_is_like_a_name, names)):
        return (
            f"found {count}, but its first row does not look like their names; `columns:` names them where there is no header"
        )
    close = difflib.get_close_matches(column, names, n=1)
    return f"nearest is {close[0]!r}" if close else f"found {count}: {', '.join(map(repr, names[:20]))}"


def _is_like_a_name(cell: str) -> bool:
    """Short, of few words, without a digit first and without the punctuation of a sentence."""
    is_short = len(cell) <= _MOST_CHARACTERS and len(re.findall(r"\w+", cell)) <= _MOST_WORDS
    return is_short and not cell.lstrip(" +-.")[:1].isdecimal() and not _PUNCTUATION.search(cell)
