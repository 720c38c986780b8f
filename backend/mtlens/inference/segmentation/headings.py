"""Where the sections of a report begin: headings anywhere, in any case, with a colon, a dash or neither.

FINDINGS:   anywhere
FINDINGS -  at the start of a line or a sentence, and in capitals anywhere
FINDINGS    alone on a line; at the start of a line or a sentence where that does not go on ("findings are"); and in
            capitals within text that is not
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

SectionName = Literal["history", "technique", "comparison", "findings", "impression"]
BODY: Final[tuple[SectionName, ...]] = ("findings", "impression")
"""Sections that speak of what the images show."""

_WORDS: Final[dict[SectionName, str]] = {
    "history": r"(?:(?:clinical|patient|medical|past)\s)?(?:history|indications?|information|details|data|problem)"
    r"|reason\sfor\s\w+|(?:presenting\s)?(?:symptoms?|complaints?)",
    "technique": r"(?:mri?\s)?techniques?|technical\s(?:factors|details)|protocol|sequences|procedure|method"
    r"|exam(?:ination)?|study",
    "comparison": r"comparisons?|(?:prior|previous|comparison)\s(?:study|studies|exams?|imaging|mri|ct|radiographs?)",
    "findings": r"findings|report|description|observations?|results?|narrative",
    "impression": r"impressions?|conclusions?|opinion|summary|assessment|(?:final\s)?diagnosis|interpretation",
}
_ANY = "|".join(f"(?P<{name}>{words})" for name, words in _WORDS.items())
_CANDIDATE = re.compile(
    rf"(?<![A-Za-z])(?P<words>{_ANY})(?![A-Za-z])[*_]*[ \t]*"
    r"(?:(?P<colon>:+)|(?P<dash>[-\u2013\u2014](?=\s))|(?P<alone>(?=\n)|\Z)|(?P<bare>(?=[A-Za-z0-9(])))[ \t*_]*",
    re.IGNORECASE,
)
_USUAL = re.compile(
    r"(?:clinical )?(?:history|indications?)|technique|comparison|findings|impressions?|conclusions?", re.IGNORECASE
)
_GOES_ON = re.compile(
    r"(?:of|is|are|was|were|be|in|on|at|with|without|for|from|to|by|as|and|or|that|which|than|the|these|this|may|might|can|could"
    r"|has|have|had|do|does|not|made|consistent|compatible|concerning|suspicious|suggest\w*|show\w*|demonstrat\w*|reveal\w*"
    r"|represent\w*|includ\w*|remain\w*|discussed|described|above|below|noted|seen|likely|most|related|typical|favou?r\w*)\b",
    re.IGNORECASE,
)
_BEFORE_LINE = re.compile(r"[ \t*#_>\u2022\u00b7-]*\Z")
_LOOK_BACK = 40  # characters


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """section: what it heads. start, end: of the heading with its colon or dash in the report."""

    section: SectionName
    start: int
    end: int


def find_headings(report: str) -> Iterator[Heading]:
    """All headings of a report, from the top. The time it takes is linear in the length of the report."""
    small = sum(character.islower() for character in report)
    is_mixed = small > sum(character.isupper() for character in report)
    for match in _CANDIDATE.finditer(report):
        if _heads(report, match, is_mixed):
            section: SectionName = next(name for name in _WORDS if match[name] is not None)
            yield Heading(section=section, start=match.start(), end=match.end())


def _heads(report: str, match: re.Match[str], is_mixed: bool) -> bool:
    """Whether the words are a heading, and not a part of a sentence. is_mixed: most letters of the report are small."""
    before = report[max(0, match.start() - _LOOK_BACK) : match.start()]
    starts_line = bool(_BEFORE_LINE.fullmatch(before.rpartition("\n")[2])) and ("\n" in before or match.start() <= _LOOK_BACK)
    starts = starts_line or before.rstrip(" \t*_#")[-1:] in (".", ";", "!", "?")
    words = match["words"]
    if match["colon"]:
        return True
    if match["dash"]:
        return starts or words.isupper()
    if match["alone"] is not None:
        return starts_line
    if _GOES_ON.match(report, match.end()) and not (is_mixed and report[match.end()].isupper()):
        return False
    return (starts and bool(_USUAL.fullmatch(words))) or (words.isupper() and is_mixed)
