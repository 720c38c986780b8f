"""The text of each row: one column, a pair of columns, or several columns joined with their names."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from mtlens.config.sections import Name, Spec
from mtlens.data.records import Records
from mtlens.data.text_column import TextColumn, large, pc
from mtlens.errors import DataError


class Joined(Spec):
    """Several columns as one text: `name: content` of each that is not empty, a line each."""

    join: tuple[Name, ...] = Field(min_length=1, description="columns, in the order in which they are read")


Pair = Annotated[tuple[Name, Name], Field(description="columns of the first and the second text of a pair")]
Text = Name | Pair | Joined


@dataclass(frozen=True, kw_only=True, eq=False)
class Texts:
    """Texts of the rows that have one. rows: `[n]`, their places among all rows. second: of pairs alone."""

    rows: NDArray[np.int64]
    first: Sequence[str]
    second: Sequence[str] | None
    notes: tuple[str, ...]


def text_columns(text: Text) -> tuple[str, ...]:
    """The columns that a text is made of."""
    if isinstance(text, Joined):
        return text.join
    return (text,) if isinstance(text, str) else text


def texts_of(text: Text, records: Records, *, refuse: bool) -> Texts:
    """Texts of the rows, without those that are empty, which are counted; a pair is empty if one of its texts is.

    Raises `DataError` where all are empty, and at the first that is where these are to be refused.
    """
    lists = [column for column in text_columns(text) if column in records.lists]
    columns = [_of_words(column, records) if column in lists else records.cells[column].arrow for column in text_columns(text)]
    filled = [is_filled(column) for column in columns]
    is_kept = np.any(filled, axis=0) if isinstance(text, Joined) else np.all(filled, axis=0)
    named = " and ".join(map(repr, text_columns(text)))
    empty = np.flatnonzero(~is_kept)
    if len(empty) == len(is_kept):
        raise DataError(f"{records.name}: column {named} should hold texts; found only empty cells")
    if refuse and len(empty):
        others = f"; {len(empty):,} such rows" if len(empty) > 1 else ""
        raise DataError(f"{records.where(int(empty[0]))}: column {named} should hold text; found an empty cell{others}")
    rows = np.flatnonzero(is_kept)
    kept = [TextColumn(column, rows) if len(empty) else TextColumn(column) for column in columns]
    note = f"{records.name}: rows dropped, as their text is empty (column {named}): {len(empty):,}"
    return Texts(
        rows=rows,
        first=(TextColumn(_joined(text.join, kept)) if isinstance(text, Joined) else kept[0]).filled(),
        second=kept[1].filled() if isinstance(text, tuple) else None,
        notes=(
            *(f"{records.name}: column {column!r} holds lists of words, which are joined with blanks" for column in lists),
            *((note,) if len(empty) else ()),
        ),
    )


def _of_words(column: str, records: Records) -> Any:
    """Lists of words as texts, in which a single blank stands between two words and nowhere else."""
    texts: list[str | None] = []
    for row, cell in enumerate(records.cells[column]):
        words = _list_in(cell)
        if words is None:
            texts.append(cell)
            continue
        if not all(isinstance(word, str) for word in words):
            raise DataError(f"{records.where(row)}: column {column!r} should hold text or lists of words; found another list")
        texts.append(" ".join(word.replace(" ", "\u00a0") for word in words))
    return pa.chunked_array([pa.array(texts, pa.large_string())])


def _list_in(cell: str | None) -> list[Any] | None:
    """The list that a cell holds as JSON; None where it holds a text."""
    try:
        content: object = json.loads(cell) if cell and cell.startswith("[") else None
    except ValueError:
        return None
    return cast("list[Any]", content) if isinstance(content, list) else None


def is_filled(column: Any) -> NDArray[np.bool_]:
    """Whether each cell holds more than blanks, `[n]`."""
    parts = [pc.fill_null(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(chunk)), 0), False) for chunk in column.chunks]
    return np.concatenate([np.zeros(0, dtype=np.bool_), *(part.to_numpy(zero_copy_only=False) for part in parts)])


def _joined(names: Sequence[str], columns: Sequence[TextColumn]) -> Any:
    """`name: content` of each column that is filled, a line each; every row has one."""
    lines: list[Any] = []
    for name, column in zip(names, columns, strict=True):
        line = pc.binary_join_element_wise(large(name), column.arrow, large(": "))
        lines.append(pc.if_else(pa.chunked_array([pa.array(is_filled(column.arrow))]), line, None))
    return pc.binary_join_element_wise(*lines, large("\n"), null_handling="skip")
