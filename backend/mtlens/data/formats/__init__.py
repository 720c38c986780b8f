"""The file formats of tables, by suffix. To add one: write its reader beside the others, and add its suffix here."""

from collections.abc import Mapping
from pathlib import Path

from mtlens.data.formats.base import Reader
from mtlens.data.formats.compression import is_compressed, suffix_of
from mtlens.data.formats.form import Form
from mtlens.errors import DataError

__all__ = ["Form", "Reader", "known_suffixes", "open_table"]


def _readers() -> Mapping[str, type[Reader]]:
    from mtlens.data.formats.conll import Conll
    from mtlens.data.formats.json_lines import JsonDocument, JsonLines
    from mtlens.data.formats.parquet import Arrow, Parquet
    from mtlens.data.formats.separated import Separated
    from mtlens.data.formats.spreadsheet import Spreadsheet

    return {
        ".csv": Separated,
        ".tsv": Separated,
        ".tab": Separated,
        ".txt": Separated,
        ".jsonl": JsonLines,
        ".ndjson": JsonLines,
        ".json": JsonDocument,
        ".parquet": Parquet,
        ".arrow": Arrow,
        ".feather": Arrow,
        ".xlsx": Spreadsheet,
        ".xls": Spreadsheet,
        ".ods": Spreadsheet,
        ".conll": Conll,
        ".bio": Conll,
        ".iob": Conll,
        ".iob2": Conll,
        ".bilou": Conll,
    }


_WHOLE = (".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".ods")  # compressed by themselves


def known_suffixes() -> tuple[str, ...]:
    """Suffixes of the files that can be read."""
    return tuple(_readers())


def open_table(path: Path, name: str, form: Form) -> Reader:
    """Open a file by its suffix; `name` stands for it in errors.

    Raises `DataError` with the line where the file is absent, empty, or not what its suffix says.
    """
    try:
        empty = path.stat().st_size == 0
    except OSError as error:
        raise DataError(f"{name}: table should be a readable file; found: {error.strerror}") from None
    if empty:
        raise DataError(f"{name}: table should hold rows; found an empty file")
    return _reader(path, name, form)(path, name, form)


def _reader(path: Path, name: str, form: Form) -> type[Reader]:
    """By the suffix, or of a file with another one, such as SMSSpamCollection or train.label, by how it begins."""
    from mtlens.data.formats.json_lines import JsonDocument
    from mtlens.data.formats.sample import looks_like_text, sample_lines
    from mtlens.data.formats.separated import Separated

    suffix, readers = suffix_of(path), _readers()
    if suffix in readers and not (is_compressed(path) and suffix in _WHOLE):
        return _of_lines(path) if suffix == ".txt" and form.delimiter is None else readers[suffix]
    if suffix in readers or not looks_like_text(path):
        raise DataError(f"{name}: a table should end in one of {', '.join(readers)}; found {path.suffix or 'no suffix'!r}")
    if "".join(sample_lines(path, 10)).lstrip("\ufeff \r\n").startswith("{"):
        return JsonDocument
    return _of_lines(path) if form.delimiter is None else Separated


def _of_lines(path: Path) -> type[Reader]:
    """The reader of a text file, which may have a word in each line, or the label of each line in front of it."""
    from mtlens.data.formats.conll import Conll, is_conll
    from mtlens.data.formats.label_first import LabelFirst, is_label_first
    from mtlens.data.formats.separated import Separated

    return Conll if is_conll(path) else LabelFirst if is_label_first(path) else Separated
