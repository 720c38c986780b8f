"""Finds how a separated text file is written: encoding, delimiter, and whether quotes enclose fields or are text."""

import contextlib
import csv
import io
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtlens.data.cache import LARGE, file_digest, kept_value
from mtlens.data.formats.base import MOST_CHARACTERS
from mtlens.data.formats.compression import DAMAGED, open_bytes, suffix_of
from mtlens.data.formats.encoding import UTF_8, find_encoding
from mtlens.data.formats.form import Form, Quoting
from mtlens.errors import DataError

csv.field_size_limit(MOST_CHARACTERS)

_DELIMITERS = (",", "\t", ";", "|")
_OF_SUFFIX = {".tsv": "\t", ".tab": "\t"}
_NAMES = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
_SAMPLE = 1 << 18  # characters
_REGULAR = 0.9  # least share of rows with the usual number of fields


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a file is written."""

    encoding: str
    delimiter: str
    quoting: Quoting

    def rows(self, stream: Any) -> Any:
        """A reader of the csv module on a text stream or lines of it."""
        quoting = csv.QUOTE_NONE if self.quoting == "none" else csv.QUOTE_MINIMAL
        return csv.reader(stream, delimiter=self.delimiter, quoting=quoting, strict=True)


def find_dialect(path: Path, name: str, form: Form) -> tuple[Dialect, list[str]]:
    """The dialect of a file, and a note on settings that were found in the file and differ from the default of its suffix.

    Raises `DataError` where quotes can be read in two ways that give different numbers of rows.
    """
    encoding, _ = encoding_of(path, name, form)
    sample = _read_sample(path, name, encoding)
    usual = _OF_SUFFIX.get(suffix_of(path), ",")
    delimiter = form.delimiter or _find_delimiter(sample, usual, form)
    quoting = form.quoting or _kept_quoting(path, name, encoding, delimiter)
    found = [
        ("encoding", f"in {encoding}", form.encoding is None and encoding != UTF_8),
        (
            "delimiter",
            f"with {_NAMES.get(delimiter, repr(delimiter))} between fields",
            form.delimiter is None and delimiter != usual,
        ),
        ("quoting", "with quotes as text", form.quoting is None and quoting == "none"),
    ]
    told = [(key, words) for key, words, is_told in found if is_told]
    note = f"{name} is read {', '.join(words for _, words in told)} (set by {', '.join(key for key, _ in told)})"
    return Dialect(encoding=encoding, delimiter=delimiter, quoting=quoting), [note] if told else []


def encoding_of(path: Path, name: str, form: Form) -> tuple[str, list[str]]:
    """The encoding of a file, given or found, and a note if it was found and is not UTF-8."""
    with open_bytes(path, name) as stream, decoded(name, "utf-8"):
        encoding = form.encoding or find_encoding(stream, name)
    told = form.encoding is None and encoding != UTF_8
    return encoding, [f"{name} is read in {encoding} (set by encoding)"] if told else []


def _read_sample(path: Path, name: str, encoding: str) -> str:
    """The first lines of a file."""
    with text_stream(path, name, encoding) as stream, decoded(name, encoding):
        sample = stream.read(_SAMPLE)
    return sample[: sample.rfind("\n") + 1] or sample if len(sample) == _SAMPLE else sample


@contextlib.contextmanager
def decoded(name: str, encoding: str) -> Generator[None]:
    """`DataError` for what cannot be decompressed or decoded."""
    try:
        yield
    except UnicodeDecodeError as error:
        found = f"byte {error.object[error.start]:#04x}"
        raise DataError(f"{name}: table should be in encoding {encoding}; found {found}") from None
    except DAMAGED as error:
        raise DataError(f"{name}: table should be a sound file; found: {error}") from None


def text_stream(path: Path, name: str, encoding: str) -> io.TextIOWrapper:
    """The text of a file, with its line ends as they are."""
    return io.TextIOWrapper(open_bytes(path, name), encoding=encoding, newline="")


def _find_delimiter(sample: str, usual: str, form: Form) -> str:
    """Tabs or the usual delimiter where they cut most rows into as many fields as the first row has; else the best other.

    Tabs come first: hardly any text holds one, and hardly any header.
    """
    scores = {delimiter: _regularity(sample, delimiter, form) for delimiter in ("\t", usual, *_DELIMITERS)}
    regular = [delimiter for delimiter, score in scores.items() if score >= (_REGULAR, 0)]
    if "\t" in regular or usual in regular or not regular:
        return "\t" if "\t" in regular else usual
    return max(regular, key=lambda delimiter: scores[delimiter])


def _regularity(sample: str, delimiter: str, form: Form) -> tuple[float, int]:
    """Share of rows with the usual number of fields, and that number; (0, 0) where it is 1 or not that of the first row."""
    best = (0.0, 0)
    for quoting in ("standard", "none") if form.quoting is None else (form.quoting,):
        widths: list[int] = []
        reader = Dialect(encoding="", delimiter=delimiter, quoting=quoting).rows(io.StringIO(sample, newline=""))
        with contextlib.suppress(csv.Error):  # rows before the error still count
            widths += (len(row) for row in reader if row)
        if widths:
            named = len(form.columns)
            width, count = Counter(min(width, named) if named else width for width in widths).most_common(1)[0]
            if width > 1 and width == (named or widths[0]):
                best = max(best, (count / len(widths), width))
    return best


def _kept_quoting(path: Path, name: str, encoding: str, delimiter: str) -> Quoting:
    """As `_quoting_of`, which reads the whole file: of a large one, once for its content."""
    if path.stat().st_size < LARGE:
        return _quoting_of(path, name, encoding, delimiter)
    content = (file_digest(path), encoding, delimiter)
    return (
        "none"
        if kept_value(lambda: _quoting_of(path, name, encoding, delimiter), "quoting", *content) == "none"
        else "standard"
    )


def _quoting_of(path: Path, name: str, encoding: str, delimiter: str) -> Quoting:
    """Whether quotes enclose fields; a second look at the file is only needed where rows may have several lines."""
    with text_stream(path, name, encoding) as stream, decoded(name, encoding):
        may_join_lines = _has_rows_of_several_lines(stream, delimiter)
    if not may_join_lines:
        return "standard"
    with text_stream(path, name, encoding) as stream, decoded(name, encoding):
        return _find_quoting(stream, name, delimiter)


def _has_rows_of_several_lines(stream: io.TextIOWrapper, delimiter: str) -> bool:
    """Whether quotes enclose line ends if they enclose fields, or the csv rules do not hold."""
    reader = Dialect(encoding="", delimiter=delimiter, quoting="standard").rows(stream)
    try:
        return any(reader.line_num > number for number, _ in enumerate(reader, 1))
    except csv.Error:
        return True


class _Lines:
    """Lines of a stream, with the number of fields that each has if quotes are text."""

    def __init__(self, stream: io.TextIOWrapper, delimiter: str) -> None:
        self._stream, self._delimiter = stream, delimiter
        self.widths: list[int] = []  # of the lines since it was last emptied
        self.all: Counter[int] = Counter()
        self.has_quotes = False

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            if line.strip("\r\n"):
                width = line.count(self._delimiter) + 1
                self.widths.append(width)
                self.all[width] += 1
            self.has_quotes = self.has_quotes or '"' in line
            yield line


def _find_quoting(stream: io.TextIOWrapper, name: str, delimiter: str) -> Quoting:
    """Whether quotes enclose fields, by reading the whole file so.

    Quotes are text where the csv rules do not hold, or where they would join lines that are each a whole row with quotes as
    text. Fields with tabs hardly ever enclose line ends, so there the second holds if most lines are whole rows.
    """
    lines = _Lines(stream, delimiter)
    first: int | None = None
    swallowed = rows = 0
    follows_rules = True
    try:
        for row in Dialect(encoding="", delimiter=delimiter, quoting="standard").rows(iter(lines)):
            if first is None and row:
                first = len(row)
            rows += bool(row)
            swallowed += len(lines.widths) - 1 if len(lines.widths) > 1 and min(lines.widths) >= (first or 1) else 0
            lines.widths.clear()
    except csv.Error:
        follows_rules = False
        for _ in lines:
            lines.widths.clear()
    if not lines.has_quotes or (follows_rules and not swallowed):
        return "standard"
    total = sum(lines.all.values())
    width, usual = lines.all.most_common(1)[0]
    is_regular = width > 1 and usual / total >= (_REGULAR if delimiter == "\t" else 1.0)
    if is_regular and follows_rules and delimiter != "\t":
        raise DataError(
            f"{name}: quotes should show where fields end; found {rows - 1:,} rows if they do and {total - 1:,} "
            "if they are text; say which by `quoting: standard` or `quoting: none`"
        )
    return "none" if is_regular else "standard"
