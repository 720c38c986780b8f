"""Reads the cells of a column of tags or spans, in their usual notations, as spans of characters."""

import ast
import json
from itertools import pairwise
from typing import Any, NamedTuple, cast

from mtlens.config.task import Task
from mtlens.errors import DataError
from mtlens.tasks.tag_schemes import OUTSIDE, parsed, spans_of

_BEGIN, _END = ("start", "begin", "start_offset", "start_char"), ("end", "stop", "end_offset", "end_char")
_TYPE = ("label", "type", "tag", "entity", "entity_group", "class", "labels")


class CellSpan(NamedTuple):
    """Characters begin to end, which is after the last one, and the index of the type."""

    begin: int
    end: int
    kind: int


def spans_of_cell(task: Task, cell: str, text: str, where: str) -> list[CellSpan]:
    """The spans of a text in their order. DataError for a cell that holds none, and for spans that overlap.

    The cell is a list of tags, one for each word, or tags with blanks between; or a list of spans, each an object with start,
    end and label, or such a list.
    """
    content = _content(cell)
    if isinstance(content, dict):
        content = _of_columns(cast("dict[str, Any]", content))
    if not isinstance(content, list):
        raise DataError(f"{where}: column {task.column!r} should hold tags or spans; found {cell.strip()[:80]!r}")
    items = cast("list[Any]", content)
    if all(isinstance(item, str | int) for item in items):
        return _of_tags(task, list(map(str, items)), text, where) if items else []
    return _checked(task, [_span(task, item, text, where) for item in items], where)


def _content(cell: str) -> object:
    """A list or an object, from JSON or as Python prints it; or the tags between blanks."""
    stripped = cell.strip()
    if stripped[:1] not in "[{":
        return stripped.split()
    try:
        return json.loads(stripped)
    except ValueError:
        try:
            return ast.literal_eval(stripped)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None


def _of_columns(content: dict[str, Any]) -> object:
    """Spans of an object of lists, as `datasets` writes a sequence of objects; of a single object, the list in it."""
    lists = {key: value for key, value in content.items() if isinstance(value, list)}
    if len(lists) == 1:
        return next(iter(lists.values()))
    if len({len(value) for value in lists.values()}) == 1:
        return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    return None


def _of_tags(task: Task, written: list[str], text: str, where: str) -> list[CellSpan]:
    """Spans of the words of a text that has a tag for each."""
    words = _words(text, len(written))
    if words is None:
        found = f"{len(written):,} tags and {len(text.split()):,} words"
        raise DataError(f"{where}: column {task.column!r} should hold a tag for each word between blanks; found {found}")
    tags: list[tuple[str, str]] = []
    for tag in written:
        known = parsed(task.labels.get(tag, tag))
        if known is None:
            hint = f"; `labels: {{{tag}: B-{task.classes[0]}}}` says which tag a value means" if tag.isdecimal() else ""
            raise DataError(
                f"{where}: column {task.column!r} should hold tags such as {OUTSIDE} and B-{task.classes[0]}; "
                f"found {tag[:80]!r}{hint}"
            )
        tags.append((known[0], known[1] and task.classes[_type(task, known[1], where)]))
    found = [CellSpan(words[span.first][0], words[span.last][1], task.classes.index(span.kind)) for span in spans_of(tags)]
    return [span for span in found if span.end > span.begin]


def _words(text: str, count: int) -> list[tuple[int, int]] | None:
    """Characters of `count` words, split at single blanks or at any blanks; None where neither gives as many."""
    for words in (text.split(" "), text.split()):
        if len(words) == count:
            places: list[tuple[int, int]] = []
            start = 0
            for word in words:
                begin = text.index(word, start)
                places.append((begin, begin + len(word)))
                start = begin + len(word)
            return places
    return None


def _span(task: Task, item: object, text: str, where: str) -> CellSpan:
    begin, end, name = _parts(item)
    if not (isinstance(begin, int) and isinstance(end, int) and isinstance(name, str)):
        raise DataError(
            f"{where}: column {task.column!r} should hold spans with start, end and label; "
            f"found {json.dumps(item, default=str)[:80]}"
        )
    if not 0 <= begin < end <= len(text):
        raise DataError(
            f"{where}: column {task.column!r} should hold spans inside a text of {len(text):,} characters; "
            f"found {begin} to {end}"
        )
    return CellSpan(begin, end, _type(task, name, where))


def _parts(item: object) -> tuple[object, object, object]:
    """Begin, end and type of a span as it is written."""
    if isinstance(item, (list, tuple)):
        parts = list(cast("list[object]", item))
        return (parts[0], parts[1], parts[2]) if len(parts) >= 3 else (None, None, None)
    if not isinstance(item, dict):
        return None, None, None
    fields = cast("dict[str, object]", item)
    begin, end, name = (next((fields[key] for key in keys if key in fields), None) for keys in (_BEGIN, _END, _TYPE))
    return begin, end, cast("list[object]", name)[0] if isinstance(name, list) and name else name


def _type(task: Task, name: str, where: str) -> int:
    """Index of a type by its name, whose case does not count where only one is alike."""
    if name in task.classes:
        return task.classes.index(name)
    alike = [index for index, known in enumerate(task.classes) if known.casefold() == name.casefold()]
    if len(alike) != 1:
        listed = ", ".join(task.classes[:10]) + (", ..." if len(task.classes) > 10 else "")
        raise DataError(f"{where}: column {task.column!r} should hold spans of [{listed}]; found {name[:80]!r}")
    return alike[0]


def _checked(task: Task, spans: list[CellSpan], where: str) -> list[CellSpan]:
    """In their order; DataError where two overlap, of which a word could have one tag alone."""
    ordered = sorted(set(spans))
    for first, second in pairwise(ordered):
        if second.begin < first.end:
            found = f"{first.begin} to {first.end} and {second.begin} to {second.end}"
            raise DataError(f"{where}: column {task.column!r} should hold spans that do not overlap; found {found}")
    return ordered
