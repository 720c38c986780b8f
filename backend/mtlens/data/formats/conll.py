"""Reads files with a word in each line and a blank line after each sentence, as those of the CoNLL shared tasks.

A sentence is a row. Fields of a line are parted by tabs or blanks; each is a column, whose cell is the list of its values.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from mtlens.data.formats.base import BATCH, Batch, Reader
from mtlens.data.formats.dialect import decoded, encoding_of, text_stream
from mtlens.data.formats.form import Form
from mtlens.data.formats.sample import sample_lines
from mtlens.errors import DataError

WORDS, TAGS = "words", "tags"
_DOCUMENT = "-DOCSTART-"
_COMMENT = re.compile(r"#\s*\S+\s*=|#\s+id\b")  # of CoNLL-U and MultiCoNER
_TAG = re.compile(r"O|[BIOLUESMW]-\S+")
_SAMPLE = 400  # lines


class Conll(Reader):
    """A word in each line. Without `columns` the first field is called words and the last one tags."""

    is_text: ClassVar[bool] = True

    def __init__(self, path: Path, name: str, form: Form) -> None:
        super().__init__(path, name, form)
        self._encoding, notes = encoding_of(path, name, form)
        self.notes += notes
        first = next(self._sentences(), None)
        if first is None:
            raise DataError(f"{name}: table should hold a word in each line; found none")
        width = len(first[1][0])
        if form.columns and len(form.columns) != width:
            raise DataError(f"{name}: `columns` should name the {width} fields of a line; found {len(form.columns)}")
        middle = [f"column_{place}" for place in range(2, width)]
        self.columns = form.columns or tuple([WORDS, *middle, TAGS][:width])

    def batches(self, places: Mapping[str, int]) -> Iterator[Batch]:
        """A row for each sentence."""
        self.lists = dict.fromkeys(places, 1)
        lines: list[int] = []
        rows: list[list[list[str]]] = []
        for line, words in self._sentences():
            for place, fields in enumerate(words):
                if len(fields) != len(self.columns):
                    found = f"found {len(fields)}"
                    raise DataError(
                        f"{self.name}:{line + place}: line should have {len(self.columns)} fields, as the first has; {found}"
                    )
            lines.append(line)
            rows.append(words)
            if len(rows) == BATCH:
                yield _batch(lines, rows, places)
                lines, rows = [], []
        if rows:
            yield _batch(lines, rows, places)

    def _sentences(self) -> Iterator[tuple[int, list[list[str]]]]:
        """The line that each sentence begins on, and the fields of its words."""
        words: list[list[str]] = []
        began = 0
        with text_stream(self.path, self.name, self._encoding) as stream, decoded(self.name, self._encoding):
            for number, text in enumerate(stream, start=1):
                fields = _fields(text)
                if not fields and words:
                    yield began, words
                    words = []
                if not fields or fields[0] == _DOCUMENT or (not words and _COMMENT.match(text)):
                    continue
                began = began if words else number
                words.append(fields)
        if words:
            yield began, words


def is_conll(path: Path) -> bool:
    """Whether a text file looks like one: blank lines, as many fields in all other lines, and tags in the last."""
    lines = sample_lines(path, _SAMPLE)
    words = [fields for line in lines if (fields := _fields(line)) and fields[0] != _DOCUMENT and not _COMMENT.match(line)]
    if len(words) < 2 or len({len(fields) for fields in words}) > 1 or all(line.strip() for line in lines):
        return False
    return len(words[0]) > 1 and all(_TAG.fullmatch(fields[-1]) for fields in words)


def _fields(line: str) -> list[str]:
    """Fields of a line; none of one that holds only blanks or tabs, as stand between the sentences of WNUT 2017."""
    if not line.strip():
        return []
    text = line.strip("\r\n ")
    return text.split("\t") if "\t" in text else text.split()


def _batch(lines: list[int], rows: list[list[list[str]]], places: Mapping[str, int]) -> Batch:
    return Batch(
        lines=lines,
        cells={
            column: [json.dumps([fields[place] for fields in words], ensure_ascii=False) for words in rows]
            for column, place in places.items()
        },
    )
