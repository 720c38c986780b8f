"""The rows of a JSON document, in any of these layouts.

[{"text": "a", "label": 1}, ...]                      objects
[["a", 1], ...]                                       lists, whose columns are called column_1, column_2, ...
{"version": 2, "data": ROWS}                          under a key, or deeper
{"train": ROWS, "test": ROWS}                         a list for each split, as column `split`; other keys as column `list`
{"greeting": ["hello", ...], "goodbye": [...]}        texts by their label, as columns `text` and `list`
{"text": ["a", ...], "label": [1, ...]}               columns, as lists or as objects by row, as pandas writes them
"""

from collections.abc import Mapping
from typing import Any, cast

from mtlens.data.splits import split_in

Row = dict[str, Any]
_LIST, _SPLIT, _TEXT = "list", "split", "text"


def rows_in(content: object) -> list[Row] | None:
    """The rows of a document; None where it contains no table."""
    if isinstance(content, list):
        return _rows(cast("list[Any]", content))
    if not isinstance(content, dict):
        return None
    fields = cast("Mapping[str, Any]", content)
    columns = _columns(fields)
    if columns is not None:
        return columns
    tables = {key: value for key, value in fields.items() if isinstance(value, list) and value}
    inner = [value for value in fields.values() if isinstance(value, dict)]
    if not tables:
        return rows_in(inner[0]) if len(inner) == 1 else None
    return _joined(tables)


def _rows(items: list[Any]) -> list[Row] | None:
    """The elements of a list as rows; None where some are none."""
    if all(isinstance(item, dict) for item in items):
        return items
    if all(isinstance(item, list) for item in items) and len({len(item) for item in items}) == 1:
        return [_row(item) for item in items]
    return None


def _row(items: list[Any]) -> Row:
    """A row from a list; an object in it stands for its fields, as the entities of spaCy's training data."""
    row: Row = {}
    for place, item in enumerate(items, start=1):
        row |= item if isinstance(item, dict) else {f"column_{place}": item}
    return row


def _columns(fields: Mapping[str, Any]) -> list[Row] | None:
    """Rows from columns of the same length; None where the document has none."""
    if len(fields) < 2:
        return None
    if all(isinstance(value, list) for value in fields.values()):
        scalars = all(not isinstance(cell, (list, dict)) for value in fields.values() for cell in value)
        if scalars and len({len(value) for value in fields.values()} | {0}) == 2:  # as long as one another, and not empty
            return [dict(zip(fields, cells, strict=True)) for cells in zip(*fields.values(), strict=True)]
    if all(isinstance(value, dict) and value for value in fields.values()):
        keys = list(next(iter(fields.values())))
        if all(list(value) == keys for value in fields.values()) and not _is_nested(fields):
            return [{column: cells[key] for column, cells in fields.items()} for key in keys]
    return None


def _is_nested(fields: Mapping[str, Any]) -> bool:
    return any(isinstance(cell, (dict, list)) for value in fields.values() for cell in value.values())


def _joined(tables: Mapping[str, list[Any]]) -> list[Row] | None:
    """The rows of several lists, with the name of the list or of the split that it is; lists of other things are left out."""
    are_texts = all(isinstance(item, str) for items in tables.values() for item in items)
    if are_texts:
        tables = {key: [{_TEXT: item} for item in items] for key, items in tables.items()}
    found = {key: rows for key, items in tables.items() if (rows := _rows(items)) is not None}
    if len(found) < 2:
        return None if are_texts else next(iter(found.values()), None)
    splits = {key: split_in(key) for key in found}
    column, names = (_LIST, {key: key for key in found}) if None in splits.values() else (_SPLIT, splits)
    return [row if column in row else {**row, column: names[key]} for key, rows in found.items() for row in rows]
