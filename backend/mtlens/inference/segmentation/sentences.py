"""A report's sections and sentences, each at its place in the text.

A section begins with a heading (see `headings`); a report without any is all findings. A sentence ends at a full stop or a
semicolon, and at the end of a line unless the line is only wrapped there. Where a report has no heading of findings, its
history, technique or comparison ends where a sentence after the first says something of a level.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mtlens.inference.segmentation.headings import BODY, SectionName, find_headings
from mtlens.inference.segmentation.levels import find_levels
from mtlens.inference.segmentation.wrapping import wrapped_breaks

_UNKNOWN = re.compile(r"^[A-Z][A-Za-z]*(?: [A-Za-z]+){1,3}:[ \t]*", re.MULTILINE)  # "What we see:" heads something too
_STOP = re.compile(r"(?<!\d)[.;!?]+(?=\s|\Z)|(?<=\d)(?<!^\d)(?<!^\d\d)[.;!?]+(?=\s+\D|\s*\Z)|\s//\s|\n", re.MULTILINE)
_BULLET = re.compile(r"[\s\-*\u2022\u00b7]+|\(?\d{1,2}[.)](?=\s)\s*")
_WRAPPED_AFTER = re.compile(
    r"(?:\b(?:at|of|the|a|an|and|or|with|without|to|in|on|by|from|for|is|are|no)|[,&/])$", re.IGNORECASE
)
_NAMES_A_LEVEL = re.compile(r"[CTDL]\s?\d", re.IGNORECASE)
_PAST = re.compile(
    r"\b(?:prior|previous|status post|s/p|post-?\s?op\w*|surg\w+|fusion|laminectomy|discectomy|since|history|known|pain\w*"
    r"|radicul\w+|numb\w*|MRI|CT|study|dated|\d{4})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """text is `report[start:end]`. starts_line: nothing comes before it on its line, so it may begin something new."""

    text: str
    start: int
    end: int
    section: SectionName
    starts_line: bool


def split(report: str) -> tuple[Sentence, ...]:
    """Sentences in the order of the report, without headings, bullets and numbers before them."""
    sections, wrapped = list(_sections(report)), wrapped_breaks(report)
    has_findings = any(name == "findings" for name, *_ in sections[1:])
    found: list[Sentence] = []
    for name, start, end in sections:
        sentences = _sentences(report, name, start, end, wrapped)
        found += sentences if has_findings or name in BODY else _with_findings(sentences)
    return tuple(found)


def _sections(report: str) -> Iterator[tuple[SectionName, int, int]]:
    """Name, start and end of each section's body; what comes before the first heading are findings."""
    section: SectionName = "findings"
    start = 0
    for heading in find_headings(report):
        yield section, start, heading.start
        section, start = heading.section, heading.end
    yield section, start, len(report)


def _with_findings(sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    """The sentences of a history, technique or comparison; findings from the one on, after the first, that begins them."""
    is_over = False
    for number, sentence in enumerate(sentences):
        is_over = is_over or (number > 0 and _tells_of_a_level(sentence.text))
        yield replace(sentence, section="findings") if is_over else sentence


def _tells_of_a_level(sentence: str) -> bool:
    """Whether it names a motion segment, and not as that of a symptom, an operation or an earlier study."""
    if not find_levels(sentence).named:
        return False
    return _NAMES_A_LEVEL.match(sentence) is not None or _PAST.search(sentence) is None


def _sentences(report: str, section: SectionName, start: int, end: int, wrapped: frozenset[int]) -> Iterator[Sentence]:
    begin, starts_line = start, True
    for stop in _STOP.finditer(report, start, end):
        newline = stop.group() == "\n"
        if newline and (stop.start() in wrapped or _is_wrapped(report, begin, stop.start(), stop.end(), end)):
            continue
        yield from _trimmed(report, section, begin, stop.start() if newline else stop.end(), starts_line)
        begin = stop.end()
        starts_line = newline or stop.group().strip() == "//" or (starts_line and not report[start:begin].strip())
    yield from _trimmed(report, section, begin, end, starts_line)


def _is_wrapped(report: str, begin: int, at: int, after: int, end: int) -> bool:
    """Whether the sentence goes on in the next line: that begins in lower case, or this one ends with a small word."""
    line = report[max(begin, at - 60) : at].rstrip()
    following = report[after : min(after + 12, end)].lstrip(" \t")
    if not line or not following or following[0] == "\n":
        return False
    return bool((following[0].islower() and not _NAMES_A_LEVEL.match(following)) or _WRAPPED_AFTER.search(line))


def _trimmed(report: str, section: SectionName, start: int, end: int, starts_line: bool) -> Iterator[Sentence]:
    """The sentence without bullet, number or unknown heading before it and blanks around it; nothing for punctuation alone."""
    while starts_line and (skipped := _BULLET.match(report, start, end) or _UNKNOWN.match(report, start, end)):
        if _UNKNOWN.match(report, start, end) and _NAMES_A_LEVEL.search(skipped.group()):
            break
        start = skipped.end()
    while start < end and report[start].isspace():
        start += 1
    while end > start and report[end - 1].isspace():
        end -= 1
    text = report[start:end]
    if any(character.isalpha() for character in text):
        yield Sentence(text=text, start=start, end=end, section=section, starts_line=starts_line)
