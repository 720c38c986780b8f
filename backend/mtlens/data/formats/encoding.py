"""Finds the encoding of a text file: UTF-8 if the bytes are valid UTF-8, else the most likely encoding."""

import codecs
import re
from typing import BinaryIO

from charset_normalizer import from_bytes

from mtlens.errors import DataError

UTF_8 = "utf-8-sig"
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CHUNK = 1 << 20
_SAMPLE = 1 << 16  # bytes of lines that are not ASCII, from which an encoding is guessed
_WESTERN = "cp1252"  # of Excel on Windows
_RUNS = re.compile(rb"[\x80-\xff]{3,}")


def find_encoding(stream: BinaryIO, name: str) -> str:
    """Python's name of the encoding. Raises `DataError` for a file with NUL characters, which is not text."""
    start = stream.read(4)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    stream.seek(0)
    decoder, lines, is_utf_8, sample = codecs.getincrementaldecoder("utf-8")(), 1, True, b""
    while chunk := stream.read(_CHUNK):
        if (place := chunk.find(b"\0")) >= 0:
            line = lines + chunk.count(b"\n", 0, place)
            raise DataError(f"{name}:{line}: table should be text; found a NUL character")
        lines += chunk.count(b"\n")
        if is_utf_8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf_8 = False
        if len(sample) < _SAMPLE and not chunk.isascii():
            sample += b"\n".join(line for line in chunk.split(b"\n") if not line.isascii())[:_SAMPLE]
    if is_utf_8 and not decoder.getstate()[0]:
        return UTF_8
    return _guess(sample)


def _guess(sample: bytes) -> str:
    """Western European where bytes beyond ASCII stand alone, as in its words; else what charset-normalizer takes them for."""
    together = sum(map(len, _RUNS.findall(sample)))
    if together > sum(byte > 127 for byte in sample) / 2 and (best := from_bytes(sample).best()) is not None:
        return best.encoding
    try:
        sample.decode(_WESTERN)
    except UnicodeDecodeError:
        return "latin-1"
    return _WESTERN
