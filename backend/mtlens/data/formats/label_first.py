"""Reads text files whose lines begin with their label: those of fastText, and those of TREC's questions.

__label__positive __label__long a text    fastText: one label or several
DESC:manner How did it begin ?            a word in capitals, with or without a part behind a colon
1 a text                                  a whole number
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from mtlens.data.formats.base import BATCH, Batch, Reader
from mtlens.data.formats.compression import open_bytes
from mtlens.data.formats.dialect import decoded, text_stream
from mtlens.data.formats.encoding import UTF_8, find_encoding
from mtlens.data.formats.form import Form
from mtlens.data.formats.sample import sample_lines
from mtlens.errors import DataError

LABEL, TEXT = "label", "text"
_PREFIX = "__label__"
_FAST_TEXT = re.compile(rf"((?:{_PREFIX}\S+\s+)+)(.*)", re.DOTALL)
_PLAIN = re.compile(r"([A-Z]{2,}(?::[\w.-]+)?|-?\d+) +([^\t]*)", re.DOTALL)
_SAMPLE, _FEWEST = 1000, 20  # lines
_MOST_LABELS, _OFTEN = 100, 4  # different ones, and lines that have one, on average


class LabelFirst(Reader):
    """A text in each line, after its label. Where a line has several labels, the cells of the column are lists."""

    is_text: ClassVar[bool] = True

    def __init__(self, path: Path, name: str, form: Form) -> None:
        super().__init__(path, name, form)
        with open_bytes(path, name) as stream, decoded(name, "utf-8"):
            self._encoding = form.encoding or find_encoding(stream, name)
        if form.columns and len(form.columns) != 2:
            raise DataError(f"{name}: `columns` should name the label and the text of a line; found {len(form.columns)}")
        encoding = f"in {self._encoding}, " if form.encoding is None and self._encoding != UTF_8 else ""
        self.notes.append(f"{name} is read {encoding}with the label of each text in front of it")
        self.columns = form.columns or (LABEL, TEXT)
        self._several = any(len(labels) > 1 for _, labels, _ in self._lines())

    def batches(self, places: Mapping[str, int]) -> Iterator[Batch]:
        """Rows in their order."""
        rows: list[tuple[int, str, str]] = []
        for line, labels, text in self._lines():
            rows.append((line, json.dumps(labels, ensure_ascii=False) if self._several else labels[0], text))
            if len(rows) == BATCH:
                yield _batch(rows, places)
                rows = []
        if rows:
            yield _batch(rows, places)

    def _lines(self) -> Iterator[tuple[int, list[str], str]]:
        """The number of each line that is not blank, its labels and its text."""
        with text_stream(self.path, self.name, self._encoding) as stream, decoded(self.name, self._encoding):
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                found = _parted(line)
                if found is None:
                    raise DataError(f"{self.name}:{number}: line should begin with a label; found {line.strip()[:40]!r}")
                yield number, *found


def is_label_first(path: Path) -> bool:
    """Whether the first lines of a text file all begin with one of few labels."""
    lines = [line for line in sample_lines(path, _SAMPLE) if line.strip()]
    found = [parted for line in lines if (parted := _parted(line))]
    if not found or len(found) < len(lines):
        return False
    if all(_FAST_TEXT.match(line) for line in lines):
        return True
    labels = {own[0] for own, _ in found}
    return len(lines) >= _FEWEST and 1 < len(labels) <= min(_MOST_LABELS, len(lines) // _OFTEN)


def _parted(line: str) -> tuple[list[str], str] | None:
    """The labels in front of a line, and the text behind them."""
    text = line.rstrip("\r\n")
    if found := _FAST_TEXT.match(text):
        return [label.removeprefix(_PREFIX) for label in found[1].split()], found[2]
    found = _PLAIN.fullmatch(text)
    return found and ([found[1]], found[2])


def _batch(rows: list[tuple[int, str, str]], places: Mapping[str, int]) -> Batch:
    return Batch(
        lines=[line for line, _, _ in rows],
        cells={column: [row[1 + place] for row in rows] for column, place in places.items()},
    )
