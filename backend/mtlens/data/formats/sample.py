"""The first lines of a file, from which its format is detected."""

from itertools import islice
from pathlib import Path

from mtlens.data.formats.compression import DAMAGED, open_bytes
from mtlens.errors import DataError

_START = 1 << 12  # bytes
_OF_TEXT = frozenset(b"\t\n\r\f\x1b")  # control characters that stand in texts


def sample_lines(path: Path, count: int) -> list[str]:
    """The first lines, at most `count`; bytes that are no UTF-8 are replaced. None of a file that cannot be read."""
    try:
        with open_bytes(path, path.name) as stream:
            return [line.decode("utf-8", "replace") for line in islice(stream, count)]
    except (DataError, *DAMAGED):
        return []


def looks_like_text(path: Path) -> bool:
    """Whether a file begins with text: without the NUL and other control characters of files that are none."""
    try:
        with open_bytes(path, path.name) as stream:
            start = stream.read(_START)
    except (DataError, *DAMAGED):
        return False
    return all(byte >= 32 or byte in _OF_TEXT for byte in start)
