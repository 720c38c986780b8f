"""What people send as a report, made into plain text: markup, entities and control characters go, line breaks stay."""

import html
import re
from typing import Final

from mtlens.errors import DataError

MAX_CHARACTERS: Final = 200_000
"""Longest report; the longest real ones have some ten thousand characters."""

_DROPPED = re.compile(r"<(script|style)\b.{0,100000}?</\1\s*>|<!--.{0,100000}?-->", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<\s*(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][^<>]{0,1000}>")
_NEWLINES = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00a0\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffd\ud800-\udfff]")


def cleaned(text: str) -> str:
    """The report as plain text; the same again for text that is plain already.

    Raises DataError for a report that is empty or longer than MAX_CHARACTERS; the message holds none of it.
    """
    if len(text) > MAX_CHARACTERS:
        raise DataError(f"report should have at most {MAX_CHARACTERS:,} characters; found {len(text):,}")
    plain = _NEWLINES.sub("\n", text)
    if "<" in plain:
        plain = _TAG.sub(" ", _BREAK.sub("\n", _DROPPED.sub(" ", plain)))
    if "&" in plain:
        plain = _NEWLINES.sub("\n", html.unescape(plain))
    plain = _CONTROL.sub(" ", plain).strip()
    if not plain:
        raise DataError("report should hold text; found none")
    return plain


def decoded(content: bytes) -> str:
    """Bytes of a file or a request as text; DataError for what is not UTF-8 text, such as a picture."""
    if b"\0" in content:
        raise DataError("report should be text in UTF-8; found binary data")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"report should be text in UTF-8; found another encoding at byte {error.start}") from None
