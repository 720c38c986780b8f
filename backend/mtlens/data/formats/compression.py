"""Files as streams of bytes, whether or not they are compressed by gzip, bzip2 or xz."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from mtlens.errors import DataError

_OPENERS: dict[str, Callable[[Path], object]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
DAMAGED = (OSError, EOFError, lzma.LZMAError)
"""Exceptions that reading a damaged file raises."""


def open_bytes(path: Path, name: str) -> BinaryIO:
    """The content of a file, decompressed; `DataError` where it cannot be read."""
    opener = _OPENERS.get(path.suffix.lower())
    try:
        return path.open("rb") if opener is None else cast("BinaryIO", opener(path))
    except OSError as error:
        raise DataError(f"{name}: table should be a readable file; found: {error.strerror}") from None


def suffix_of(path: Path) -> str:
    """Suffix of the format in small letters, without that of the compression: `.csv` of `notes.CSV.gz`."""
    return (path.with_suffix("") if path.suffix.lower() in _OPENERS else path).suffix.lower()


def is_compressed(path: Path) -> bool:
    """Whether the suffix is that of a compression."""
    return path.suffix.lower() in _OPENERS
