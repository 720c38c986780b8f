"""Guesses which columns of a table are texts, labels and splits, from their names and contents."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from mtlens.data.columns import nearest
from mtlens.data.guess_kinds import guessed_label, holds_labels
from mtlens.data.label_columns import LabelColumn
from mtlens.data.records import Records
from mtlens.data.sources.texts import Text
from mtlens.data.splits import USUAL_SPLITS
from mtlens.data.text_column import Cell, TextColumn
from mtlens.errors import DataError

_LOOKED_AT, _SOME = 20_000, 200  # rows
_FEW_CLASSES, _LONGEST_LABEL, _MOST_WORDS = 10, 60, 8
_MOST_DIFFERENT = 0.9  # share of different values among whole numbers that measure something
_ROWS_PER_CLASS = {"few": 2, "many": 20}  # at least, in a column of so many classes
_FEWEST_WORDS, _FEWEST_SENTENCES = 5, 100  # words in a sentence; different sentences, of texts that repeat
_MOST_DIGITS = 0.4  # share of the characters of a text: dates and coordinates have more
_ALIKE = 1.5  # largest ratio of the lengths of two texts that may be a pair
_GROUP = re.compile(
    r"(patient|subject|person|user|author|speaker|document|doc|report|study|case|customer)[ _-]?(id|no|nr|number|key)?",
    re.IGNORECASE,
)
_NO_LABEL = re.compile(
    r"(.*[ _-])?(id|index|idx|key|no|nr|row|year|date|time|timezone|created|page|url|fold|split|count|confidence)|"
    r"unnamed.*|#.*",
    re.IGNORECASE,
)
_PAIRS = (
    ("premise", "hypothesis"),
    ("question", "answer"),
    ("question", "sentence"),
    ("query", "passage"),
    ("text_a", "text_b"),
)


@dataclass(frozen=True, kw_only=True)
class Guess:
    """The likely roles of the columns of a table."""

    text: Text
    labels: list[LabelColumn]
    split: str | None
    groups: list[str]  # columns whose values may be patients, authors and the like
    texts: list[str]  # all columns that look like texts


@dataclass(frozen=True, kw_only=True)
class _Looks:
    """A column at a glance: distinct values and median number of words and characters of its first rows that are filled."""

    name: str
    filled: int
    distinct: int
    words: float
    characters: float
    digits: float  # share of the characters

    @property
    def is_text(self) -> bool:
        """Long, of words, and hardly ever the same; sentences may repeat, as those of pairs do."""
        is_various = self.distinct > 0.5 * self.filled and (self.words >= 3 or self.characters >= 25)
        is_sentence = self.words >= _FEWEST_WORDS and self.distinct > max(_FEWEST_SENTENCES, 0.02 * self.filled)
        return (is_various or is_sentence) and self.digits < _MOST_DIGITS


def guess_columns(records: Records, *, text: Text | None = None) -> Guess:
    """Guess the columns of a table that has been read whole. text: given by the user; None: it is guessed too.

    Raises DataError where no column looks like texts, or none like labels.
    """
    looks = [_look(column, cells) for column, cells in records.cells.items() if column.strip()]
    labelled = {look.name for look in looks if look.filled and holds_labels(look.name, records)}
    text = text or _text([look for look in looks if look.name not in labelled], records.name)
    used = {text} if isinstance(text, str) else set(text if isinstance(text, tuple) else text.join)
    others = [look for look in looks if look.name not in used and look.filled]
    split = next((look.name for look in others if _is_split(records.cells[look.name])), None)
    labels = [label for look in others if look.name != split for label in _labels(look, records, labelled)]
    if not labels:
        found = nearest("label", records.columns)
        raise DataError(f"{records.name}: table should have a label column, which `--task` names if none is guessed; {found}")
    groups = [look.name for look in others if _GROUP.fullmatch(look.name.strip()) and look.distinct < look.filled]
    texts = [look.name for look in looks if look.is_text and look.name not in labelled]
    return Guess(text=text, labels=labels, split=split, groups=groups, texts=texts)


def is_header(cells: Sequence[str]) -> bool:
    """Whether the first row of a file may hold names: no numbers and no sentences, or the column numbers that pandas writes."""
    if list(cells) == [str(place) for place in range(len(cells))]:
        return True
    return not any(_is_number(cell) or len(cell) > _LONGEST_LABEL or len(cell.split()) > _MOST_WORDS for cell in cells)


def is_repeated_below(records: Records) -> bool:
    """Whether the name of a column is one of few values below it; then it is not a name but the first row."""
    return any(name in values for name, cells in records.cells.items() if len(values := set(islice(cells, _LOOKED_AT))) < 20)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _look(column: str, cells: Sequence[Cell]) -> _Looks:
    filled = [cell for cell in islice(cells, _LOOKED_AT) if cell and cell.strip()]
    words = sorted(len(cell.split()) for cell in filled) or [0]
    characters = sorted(map(len, filled)) or [0]
    middle = len(words) // 2
    some = "".join(filled[:_SOME])
    return _Looks(
        name=column,
        filled=len(filled),
        distinct=len(set(filled)),
        words=words[middle],
        characters=characters[middle],
        digits=sum(map(str.isdecimal, some)) / max(1, len(some)),
    )


def _text(looks: Sequence[_Looks], table: str) -> Text:
    """A pair where two text columns are named as one, or are the only ones and alike; else the longest texts."""
    texts = [look for look in looks if look.is_text]
    if not texts:
        longest = max(looks, key=lambda look: look.characters, default=None)
        if longest is None or longest.characters < 8 or longest.distinct < 2:
            raise DataError(
                f"{table}: table should have a column of texts; found none that looks like it (name it by `--text`)"
            )
        return longest.name
    for first in texts:
        for second in texts:
            if first is not second and _are_a_pair(first.name, second.name):
                return (first.name, second.name)
    shorter, longer = (
        sorted(texts, key=lambda look: look.characters)[:: len(texts) - 1] if len(texts) > 1 else (texts[0], texts[0])
    )
    if len(texts) == 2 and longer.characters <= _ALIKE * shorter.characters:
        return (texts[0].name, texts[1].name)
    return longer.name


def _are_a_pair(first: str, second: str) -> bool:
    """Whether names differ in a number or letter alone (sentence1, sentence2), or are those of a usual pair."""
    names = (first.strip().lower(), second.strip().lower())
    same = [
        tuple(re.sub(rf"(?<![^\W\d_]){mark}(?![^\W\d_])|{mark}$", "*", name) for mark, name in zip(marks, names, strict=True))
        for marks in ("12", "ab")
    ]
    return names in _PAIRS or any(a == b and "*" in a for a, b in same)


def _is_split(cells: Sequence[Cell]) -> bool:
    values = {value.lower() for value in TextColumn.of(cells).counts()}
    return len(values) > 1 and values <= USUAL_SPLITS.keys()


def _labels(look: _Looks, records: Records, labelled: set[str]) -> Iterator[LabelColumn]:
    """The column as a label column, if it looks like one."""
    holds_labels = look.name in labelled
    if (
        (look.is_text and not holds_labels)
        or (look.characters > _LONGEST_LABEL and not holds_labels)
        or _NO_LABEL.fullmatch(look.name.strip())
        or _GROUP.fullmatch(look.name.strip())
    ):
        return
    try:
        column = guessed_label(look.name, records)
    except DataError:
        return
    if column.kind in ("tags", "multilabel"):
        yield column
        return
    classes = len(column.counts)
    is_fractional = all(map(_is_number, column.counts)) and not all(float(name).is_integer() for name in column.counts)
    if classes > _FEW_CLASSES and is_fractional:
        yield replace(column, kind="number")
        return
    if column.is_number:
        if look.distinct <= _MOST_DIFFERENT * look.filled:  # else it numbers the rows
            yield column
        return
    if sum(column.counts.values()) >= _ROWS_PER_CLASS["few" if classes <= _FEW_CLASSES else "many"] * classes:
        yield column
