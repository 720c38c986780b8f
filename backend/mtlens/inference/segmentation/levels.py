"""Which motion segments a sentence names, in all the forms that radiologists write.

C5-C6, C5-6, C5/6, L-5/6, L5S1, L45; lists (C3-4, 4-5 and 5-6), chains (L3/4/5), ranges (C3 through C7, L2-L5); L5-1 for
L5-S1; the lumbosacral junction; letters read for digits (C4-CS); all, any or the remaining levels; exceptions (apart from
C5-6). A vertebra alone (an L5 root, a C4 haemangioma) is no segment, and T1 and T2 alone are ways of weighting a picture.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from mtlens.data.synthetic_reports.anatomy import LEVELS, REGIONS, Region

REGION_OF: Final[dict[str, Region]] = {level: region for region in REGIONS for level in LEVELS[region]}
"""Region of each motion segment that mtlens knows."""

Scope = Literal["named", "all", "remaining"]

_SPINE = (*(f"C{n}" for n in range(1, 8)), *(f"T{n}" for n in range(1, 13)), *(f"L{n}" for n in range(1, 6)), "S1", "S2")
_PLACE = {bone: place for place, bone in enumerate(_SPINE)}
_MISREAD = {"S": "5", "I": "1", "L": "1", "|": "1", "G": "6", "Z": "2"}

_BONE = r"[CTDLS]\s?(?:\d{1,2}|[SILGZ|])(?![A-RT-Z0-9]|S[A-Z])"  # an S may follow: L5S1
_BONE_OR = rf"(?:{_BONE}|[CTDLS]\s?\d{{1,2}}(?=levels?\b))"
_DASH = r"[-\u2010-\u2015\u2212/_]"
_JOIN = rf"\s{{0,2}}(?:{_DASH}|to|through|thru|down\s+to)\s{{0,2}}|\s?"
_NOT_A_SIZE = r"(?![0-9A-Z]|\.\d|\s?(?:mm|cm)\b)"
_CHAIN = re.compile(rf"(?<![A-Z0-9]){_BONE_OR}(?:(?:{_JOIN}){_BONE_OR}|{_DASH}\d{{1,2}}{_NOT_A_SIZE})+", re.IGNORECASE)
_MEMBER = re.compile(r"([CTDLS])\s?(\d{1,2}|[SILGZ|](?![A-RT-Z]))|()(\d{1,2})", re.IGNORECASE)
_MORE = re.compile(
    r"\s{0,2}(?:,|;|&|and|or)\s{0,2}(?:and\s)?(\d)\s?[-\u2010-\u2015/]\s?(\d)(?!\s?(?:mm|cm|[0-9.]|week|month|year|of\b))",
    re.IGNORECASE,
)


def _misspelt(word: str) -> str:
    """A pattern of the word, also with one letter lost or two neighbours swapped after the first."""
    places = range(1, len(word))
    lost = [word[:at] + word[at + 1 :] for at in places]
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places[:-1]]
    return "|".join(sorted({word, *lost, *swapped}, key=len, reverse=True))


_LEVEL = (
    rf"(?:(?:{_misspelt('levels')}|{_misspelt('level')})\b|segments?|slices?|spaces?"
    r"|(?:motion|disc|disk|inter)\w*\s(?:levels?|segments?|spaces?))"
)
_EXCEPT = re.compile(
    r"\b(?:apart|aside|distinct)\s+from|\bexcept(?:ing|ion)?\b|\bexcluding|\bother\s+than|\bleaving\b", re.IGNORECASE
)
_REMAINING = re.compile(
    rf"\b(?:remaining|other|rest\s+of\s+the)\b[^.;]{{0,25}}?\b{_LEVEL}|\belsewhere\b(?!\s+in\b)", re.IGNORECASE
)
_ALL = re.compile(
    rf"\b(?:all|any|every|each)\b(?:\s+(?:of\s+the|the|imaged|lumbar|cervical|single))*\s+{_LEVEL}|\bthroughout\b|\bon\s+any\s+slice",
    re.IGNORECASE,
)
_NO_CONTRAST = re.compile(
    r"\b(?:no|without)\b[^.;]{0,40}\b(?:contrast|gadolinium|enhanc\w+)|\bunenhanced\b", re.IGNORECASE
)  # true of the whole spine

_JUNCTIONS = re.compile(
    r"\b(?:(lumbo-?\s?sacral)|(thoraco-?\s?lumbar)|cervico-?\s?thoracic)\s+(?:junction|level|segment|disc|disk)", re.IGNORECASE
)
_REWRITTEN: Final = (
    (re.compile(r"\b([CTDL])-(?=\d{1,2}\s?[-/]\s?\d)", re.IGNORECASE), r"\1"),  # L-4/5
    (re.compile(r"\b([CL])(?=12|23|34|45|56|67)(\d)(\d)(?![\d.]|\s?[mc]m\b)", re.IGNORECASE), r"\1\2-\3"),  # L45
    (re.compile(r"\b([CTDL]\d{1,2})\s(?=\d{1,2}\s(?:disc|disk|level|interspace|segment))", re.IGNORECASE), r"\1-"),  # C5 6 disc
    (re.compile(r"(?<=\d)-(to|through|thru)-(?=[CTDLS]?\d)", re.IGNORECASE), r" \1 "),  # C4-to-C6
)
_AFTER_LAST = {"L5": "S1", "C7": "T1", "T12": "L1"}  # what a 1 without its letter means after these


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What one sentence says of levels.

    named: segments, in the order of the spine. excepted: segments named as exceptions only. unsupported: levels that mtlens
    has no segment for, such as T5-T6. scope: whether the sentence speaks of the named ones, of all, or of the remaining.
    """

    named: tuple[str, ...]
    excepted: tuple[str, ...]
    unsupported: tuple[str, ...]
    scope: Scope


def find_levels(sentence: str) -> Levels:
    """Read one sentence. The time it takes is linear in its length."""
    sentence = _rewritten(sentence)
    exception = _EXCEPT.search(sentence)
    named: set[str] = set()
    excepted: set[str] = set()
    unsupported: set[str] = set()
    for start, segments in _chains(sentence):
        known = {segment for segment in segments if segment in REGION_OF}
        unsupported |= set(segments) - known
        (excepted if exception and start > exception.start() else named).update(known)
    without = sentence if exception is None else sentence[: exception.start()] + sentence[exception.end() :]
    scope: Scope = "named"
    if _REMAINING.search(without):
        scope = "remaining"
    elif _ALL.search(without) or (excepted and not named) or (not named and _NO_CONTRAST.search(without)):
        scope = "all"
    return Levels(
        named=_in_order(named), excepted=_in_order(excepted - named), unsupported=tuple(sorted(unsupported)), scope=scope
    )


def _rewritten(sentence: str) -> str:
    """Rare forms of levels in a usual one; the rest of the sentence stays."""
    sentence = _JUNCTIONS.sub(lambda match: "L5-S1" if match[1] else "T12-L1" if match[2] else "C7-T1", sentence)
    for form, usual in _REWRITTEN:
        sentence = form.sub(usual, sentence)
    return sentence


def _chains(sentence: str) -> list[tuple[int, list[str]]]:
    """Where each run of level names starts, and its segments."""
    found: list[tuple[int, list[str]]] = []
    for match in _CHAIN.finditer(sentence):
        bones = _bones(match.group())
        if bones is None:
            continue
        segments = _between(bones)
        rest = match.end()
        while more := _MORE.match(sentence, rest):  # "C3-4, 4-5 and 5-6"
            upper = f"{bones[-1][0]}{more[1]}" if bones[-1] != "S1" else f"L{more[1]}"
            lower = _AFTER_LAST.get(upper, "") if more[2] == "1" else f"{upper[0]}{more[2]}"
            if abs(_PLACE.get(upper, -9) - _PLACE.get(lower, 9)) != 1:
                break
            segments += _between([upper, lower])
            bones = [upper, lower]
            rest = more.end()
        found.append((match.start(), segments))
    return found


def _bones(chain: str) -> list[str] | None:
    """The vertebrae of "C4-CS", "L5-S1" or "C5/6", in order; None where they are none, or weightings such as T1/T2."""
    bones: list[str] = []
    letter, clean = "", False
    for member in _MEMBER.finditer(chain):
        letter = (member[1] or "").upper().replace("D", "T") or letter
        digits = (member[2] or member[4]).upper()
        clean |= digits.isdigit()
        bone = letter + str(int(_MISREAD.get(digits, digits)))
        if not member[1] and digits == "1" and bones and bones[-1] in _AFTER_LAST:  # L5-1
            bone = _AFTER_LAST[bones[-1]]
            letter = bone[0]
        bones.append(bone)
    if not clean or len(bones) < 2 or any(bone not in _PLACE for bone in bones):
        return None
    return None if set(bones) <= {"T1", "T2"} else bones


def _between(bones: list[str]) -> list[str]:
    """Segments between neighbours in a list of vertebrae: one for adjacent ones, all on the way for a range."""
    segments: list[str] = []
    for first, second in pairwise(bones):
        low, high = sorted((_PLACE[first], _PLACE[second]))
        segments += [f"{_SPINE[place]}-{_SPINE[place + 1]}" for place in range(low, high)]
    return segments


def _in_order(segments: set[str]) -> tuple[str, ...]:
    return tuple(level for level in REGION_OF if level in segments)
