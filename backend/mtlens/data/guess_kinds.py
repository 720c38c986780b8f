"""Guesses the kind of a task from the cells of its column: tags, several labels, ordered classes, numbers, or else classes.

Where cells are ambiguous, the alternative is offered as a comment: whole numbers in a small range may be grades or class names.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, cast

from mtlens.data.label_columns import LabelColumn, by_number, label_column
from mtlens.data.records import Records
from mtlens.data.text_column import Cell, TextColumn
from mtlens.errors import DataError
from mtlens.tasks.tag_schemes import parsed

_LOOKED_AT = 20_000  # rows
_SEPARATORS = (";", "|", ",")
_MOST_LABELS, _LONGEST_LABEL, _MOST_WORDS = 50, 40, 4
_SEVERAL, _SOMETIMES = 0.2, 0.02  # least shares of filled cells with more than one label; if the second, with more values
_VALUES_OF_SETS = 2  # times as many different cells as labels
_OFTEN = 3  # cells in which a label occurs, on average
_ORDERED_NAME = re.compile(
    r".*(grade|grading|severity|stage|level|rating|star|score|rank|degree|likert|risk|priority|urgency|agreement)s?([ _-].*)?",
    re.IGNORECASE,
)
_SCALES = [
    [["none", "no", "normal", "absent"], ["minimal", "trace"], ["mild", "slight"], ["moderate"], ["marked"], ["severe"]],
    [["very low"], ["low"], ["medium", "middle", "moderate"], ["high"], ["very high"]],
    [["strongly disagree"], ["disagree"], ["neutral", "neither"], ["agree"], ["strongly agree"]],
    [["never"], ["rarely", "seldom"], ["sometimes"], ["often"], ["always"]],
    [["very poor", "terrible"], ["poor", "bad"], ["fair", "average", "ok"], ["good"], ["very good", "great"], ["excellent"]],
    [["very negative"], ["negative"], ["neutral"], ["positive"], ["very positive"]],
    [["very small"], ["small"], ["medium"], ["large", "big"], ["very large"]],
]  # fmt: skip
_SMALL_RANGE = range(3, 12)  # whole numbers that follow one another
_MANY_NUMBERS = 20


def guessed_label(column: str, records: Records) -> LabelColumn:
    """A column as a label column of the likeliest kind. Raises DataError where it holds no labels."""
    cells = records.cells[column]
    filled = _filled(cells, _LOOKED_AT)
    found = _tags(column, filled) or _several(column, filled)
    if found is not None:
        return replace(found, counts=_counted(found, _filled(cells, None))) if len(cells) > _LOOKED_AT else found
    if (numbers := _numbers(column, cells)) is not None:
        return numbers
    return _ordered(label_column(column, cells, records.name))


def _filled(cells: Iterable[Cell], count: int | None) -> list[str]:
    """What stands in the cells of the first `count` rows, or of all, that are not empty."""
    return [cell.strip() for cell in islice(cells, count) if cell and cell.strip()]


def _counted(label: LabelColumn, cells: Iterable[str]) -> dict[str, int]:
    """Labels or spans of each class in all cells, of which some may stand behind those that were looked at."""
    if label.kind == "tags":
        counts = Counter(kind for cell in cells for kind in _types(cell) or ())
        return dict(sorted(counts.items()))
    parts = (cell.split(label.separator) if label.separator else map(str, _list(cell) or ()) for cell in cells)
    counts = Counter(part.strip() for own in parts for part in own if part.strip())
    return {name: counts[name] for name in sorted(counts, key=by_number)}


def _tags(column: str, cells: Sequence[str]) -> LabelColumn | None:
    """Lists of tags, tags between blanks, or spans; counts are of spans."""
    types: Counter[str] = Counter()
    known = 0
    for cell in cells:
        names = _types(cell)
        if names is None:
            return None
        known += len(names) > 0
        types.update(names)
    return LabelColumn(column=column, counts=dict(sorted(types.items())), kind="tags") if known and types else None


def _types(cell: str) -> list[str] | None:
    """The type of each span in a cell; None where it holds no spans."""
    listed = _list(cell)
    if listed is not None and listed and all(isinstance(item, (dict, list)) for item in listed):
        names = [_type_of(item) for item in listed]
        return None if None in names else [name for name in names if name]
    words = cell.split() if listed is None else listed
    tags = [parsed(word) if isinstance(word, str) else None for word in words]
    if None in tags or not all(tags):
        return None
    return [kind for prefix, kind in (tag for tag in tags if tag) if prefix in "BU"]


def _type_of(item: object) -> str | None:
    if isinstance(item, list):
        parts = cast("list[object]", item)
        return parts[2] if len(parts) > 2 and isinstance(parts[0], int) and isinstance(parts[2], str) else None
    fields = cast("dict[str, object]", item)
    name = fields.get("label", fields.get("type"))
    return name if isinstance(name, str) and "end" in fields else None


def _several(column: str, cells: Sequence[str]) -> LabelColumn | None:
    """Lists of labels, or labels between separators: few of them, which stand in many cells and are short."""
    if cells and all(_list(cell) is not None for cell in cells):
        return _of_parts(column, [[str(part) for part in _list(cell) or ()] for cell in cells], None)
    for separator in _SEPARATORS:
        parts = [[part.strip() for part in cell.split(separator) if part.strip()] for cell in cells]
        several = sum(len(own) > 1 for own in parts) / max(1, len(cells))
        least = _SOMETIMES if len(set(cells)) > _VALUES_OF_SETS * len({part for own in parts for part in own}) else _SEVERAL
        if several >= least and (found := _of_parts(column, parts, separator)):
            return found
    return None


def _of_parts(column: str, parts: Sequence[Sequence[str]], separator: str | None) -> LabelColumn | None:
    counts = Counter(part for own in parts for part in own)
    are_short = all(len(part) <= _LONGEST_LABEL and len(part.split()) <= _MOST_WORDS for part in counts)
    are_sets = all(len(set(own)) == len(own) for own in parts)
    is_some = 2 <= len(counts) <= _MOST_LABELS and counts.total() >= _OFTEN * len(counts)
    if not (are_short and are_sets and is_some) or (all(map(_is_number, counts)) and not _are_codes(parts)):
        return None
    names = sorted(counts, key=by_number)
    return LabelColumn(column=column, counts={name: counts[name] for name in names}, kind="multilabel", separator=separator)


def _are_codes(parts: Sequence[Sequence[str]]) -> bool:
    """Whether numbers are numbers of labels (4,27 and 0,1,11), and not decimals or thousands with commas."""
    are_short = all(re.fullmatch(r"0|[1-9]\d?", part) for own in parts for part in own)
    return are_short and any(len(own) > 2 for own in parts)


def _numbers(column: str, cells: Sequence[Cell]) -> LabelColumn | None:
    """Many different numbers."""
    counts = TextColumn.of(cells).counts()
    if len(counts) <= _MANY_NUMBERS or not all(map(_is_number, counts)):
        return None
    return LabelColumn(column=column, counts=dict(sorted(counts.items(), key=lambda item: by_number(item[0]))), kind="number")


def _ordered(label: LabelColumn) -> LabelColumn:
    """Ordered classes where their names say so, or where the column's name does and they are whole numbers in a row."""
    ranks = [_rank(name) for name in label.counts]
    for number in range(len(_SCALES)):
        own = [rank.get(number) for rank in ranks]
        places = [place for place in own if place is not None]
        if len(places) == len(own) > 2 and len(set(places)) == len(places):
            in_order = [name for _, name in sorted(zip(places, label.counts, strict=True))]
            return replace(label, kind="ordinal", counts={name: label.counts[name] for name in in_order})
    if not _is_range(label):
        return label
    if _ORDERED_NAME.fullmatch(label.column.strip()):
        return replace(label, kind="ordinal")
    return replace(label, offer="kind: ordinal    # if the classes are in an order, as grades are")


def _rank(name: str) -> dict[int, int]:
    """By scale, the place of a class in it."""
    written = " ".join(name.lower().replace("_", " ").replace("-", " ").split())
    return {number: place for number, scale in enumerate(_SCALES) for place, words in enumerate(scale) if written in words}


def _is_range(label: LabelColumn) -> bool:
    """Whether the classes are whole numbers that follow one another, three or more."""
    if len(label.counts) not in _SMALL_RANGE or not all(re.fullmatch(r"-?\d+", name) for name in label.counts):
        return False
    numbers = sorted(map(int, label.counts))
    return numbers == list(range(numbers[0], numbers[-1] + 1))


def _list(cell: str) -> list[Any] | None:
    """The list that a cell holds as JSON."""
    try:
        content: object = json.loads(cell) if cell.startswith("[") else None
    except ValueError:
        return None
    return cast("list[Any]", content) if isinstance(content, list) else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def holds_labels(column: str, records: Records) -> bool:
    """Whether the cells of a column that looks like texts, or like lists, are tags, spans or several labels."""
    filled = _filled(records.cells[column], _LOOKED_AT)
    try:
        return (_tags(column, filled) or _several(column, filled)) is not None
    except DataError:
        return False
