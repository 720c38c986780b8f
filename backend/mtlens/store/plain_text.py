"""Escapes text from files for terminals, spreadsheets and Markdown pages, so that it is displayed and never interpreted."""

import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SPECIAL = re.compile(r"([!-/:-@\[-`{-~])")  # ASCII punctuation: a backslash before it makes it an ordinary character
_MARKUP = re.compile(r"([\\`*<>|\[\]])")  # what makes markup in the middle of a line; names keep their - and _
_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)  # where addresses are told from other words
_JOINER = "\N{WORD JOINER}"  # of no width


def printable(text: str) -> str:
    """The text with control characters replaced, except line breaks and tabs: none can move the cursor or reverse text.

    >>> printable("red\\x1b[31m")
    'red\ufffd[31m'
    """
    return _CONTROL.sub("\ufffd", text)


def csv_cell(value: object) -> object:
    """A cell of a CSV file. A text that a spreadsheet would read as a formula gets an apostrophe before it.

    >>> csv_cell("=1+1"), csv_cell(-1)
    ("'=1+1", -1)
    """
    if not isinstance(value, str):
        return value
    return ("'" if value.startswith(_FORMULA) else "") + printable(value)


def json_text(text: str) -> str:
    """JSON in which control characters that JSON allows unescaped are escaped."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}" if match[0] >= "\x7f" else match[0], text)


def markdown_text(text: str) -> str:
    """Markdown that shows `text` as it is: no markup, links, formulas, icons or HTML, and on one line.

    Addresses are broken up by a character of no width, as renderers make links of them after backslashes have been read.
    """
    return _SPECIAL.sub(r"\\\1", _LINKED.sub(_JOINER, " ".join(text.split())))


def markdown_cell(text: str) -> str:
    """A cell of a Markdown table that people may also read as it is written: as `markdown_text`, with fewer backslashes."""
    return _MARKUP.sub(r"\\\1", _LINKED.sub(_JOINER, " ".join(text.split())))
