"""Arrow columns of any simple type as columns of strings, without reading more of them at once than memory holds."""

import json
from typing import Any

import pyarrow as pa

from mtlens.data.formats.base import MOST_CHARACTERS, as_text
from mtlens.data.text_column import pc
from mtlens.errors import DataError

_OUT_OF_RANGE = "value out of range"  # what Arrow writes for a time that no calendar holds


def strings(array: Any, column: str, where: str) -> Any:
    """The column as Arrow's large strings. where: place of its first row, for errors."""
    if pa.types.is_dictionary(array.type):
        values = strings(array.dictionary, column, where)
        return values.take(array.indices)
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        array.validate(full=True)  # UTF-8
        _check_lengths(array, column, where)
        return array.cast(pa.large_string())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind) or pa.types.is_temporal(kind):
        text = array.cast(pa.large_string())
        if pa.types.is_temporal(kind) and pc.any(pc.match_substring(text, _OUT_OF_RANGE)).as_py():
            raise DataError(
                f"{where}: column {column!r} should hold text, numbers or times of the calendar; found one beyond it"
            )
        return text
    return pa.array([as_text(value, column, where) for value in array.to_pylist()], pa.large_string())


def class_names(schema: Any) -> dict[str, list[str]]:
    """Names of the classes of columns that `datasets` has written as their numbers."""
    try:
        content = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = content["info"]["features"]
        own = {column: feature for column, feature in features.items() if feature.get("_type") == "ClassLabel"}
        of_lists = {column: feature["feature"] for column, feature in features.items() if _is_list_of_classes(feature)}
        return {column: list(feature["names"]) for column, feature in (own | of_lists).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_list_of_classes(feature: Any) -> bool:
    """Whether `datasets` has declared a column of lists of classes, as those of tags."""
    inner = feature.get("feature") if isinstance(feature, dict) else None
    return isinstance(inner, dict) and inner.get("_type") == "ClassLabel"


def named_classes(array: Any, names: list[str]) -> Any:
    """Names by the numbers of a column, or in lists; null for a number that is none, such as -1."""
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        known = dict(enumerate(names))
        rows = [None if row is None else [known.get(number, str(number)) for number in row] for row in array.to_pylist()]
        return pa.array([None if row is None else json.dumps(row, ensure_ascii=False) for row in rows], pa.large_string())
    numbers = array.cast(pa.int64())
    known = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names)))
    return pa.array(names, pa.large_string()).take(pc.if_else(known, numbers, None))


def decoded_bytes(array: Any) -> int:
    """Bytes of a column of strings when each row has its own text."""
    if pa.types.is_dictionary(array.type):
        lengths = pc.binary_length(array.dictionary.cast(pa.large_string())).take(array.indices)
        return int(pc.sum(lengths).as_py() or 0)
    return int(array.nbytes)


def _check_lengths(array: Any, column: str, where: str) -> None:
    longest = pc.max(pc.binary_length(array)).as_py() if len(array) else 0
    if longest is not None and longest > 4 * MOST_CHARACTERS:
        raise DataError(
            f"{where}: column {column!r} should hold at most {MOST_CHARACTERS:,} characters; found {longest:,} bytes"
        )
