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
    suffix, readers = suffix_of(path), _readers()
    reader = readers.get(suffix)
    if reader is None or (is_compressed(path) and suffix in _WHOLE):
        raise DataError(f"{name}: a table should end in one of {', '.join(readers)}; found {path.suffix or 'no suffix'!r}")
    try:
        empty = path.stat().st_size == 0
    except OSError as error:
        raise DataError(f"{name}: table should be a readable file; found: {error.strerror}") from None
    if empty:
        raise DataError(f"{name}: table should hold rows; found an empty file")
    return _conll_or(reader, path, name, form)(path, name, form)


def _conll_or(reader: type[Reader], path: Path, name: str, form: Form) -> type[Reader]:
    """The reader of a text file, which may have a word in each line."""
    from mtlens.data.formats.conll import Conll, is_conll

    return Conll if suffix_of(path) == ".txt" and form.delimiter is None and is_conll(path, name) else reader
