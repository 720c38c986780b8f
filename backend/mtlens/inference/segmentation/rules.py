"""The tagger without a model: level names, scopes, and levels carried over to the sentences that follow.

A sentence that names no level speaks of what the sentence before it on its line speaks of; in a new line it starts afresh,
unless the line before holds nothing but levels. "All levels" are those of the region that the report speaks of at that
point, "the remaining" ones those that its findings have not named. History, technique and comparison speak of no level.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from mtlens.data.synthetic_reports.anatomy import GENERAL, LEVELS, Region
from mtlens.inference.segmentation.headings import BODY
from mtlens.inference.segmentation.levels import REGION_OF, Levels, find_levels
from mtlens.inference.segmentation.sentences import Sentence
from mtlens.inference.segmentation.tagging import Tags

_NEARBY: dict[Region, re.Pattern[str]] = {
    "cervical": re.compile(r"\b(?:cervical|neck|c[. ]{0,2}spine)\b", re.IGNORECASE),
    "lumbar": re.compile(r"\b(?:lumb\w*|lss?[. ]{0,2}(?:spine|mri)|low(?:er)? back)\b", re.IGNORECASE),
}
_MULTILEVEL = re.compile(r"\bmulti-?\s?level|\bseveral (?:levels|segments)", re.IGNORECASE)
_LEVELS_ALONE = re.compile(
    r"(?:\W|\b(?:at|the|and|levels?|segments?|to|through|[CTDLS]?\s?\d{1,2}|[CTDLS]\d{1,2})\b){1,60}", re.IGNORECASE
)
_GENERAL_TAG: Tags = frozenset({GENERAL})


class Rules:
    """See the module. It reads a report from top to bottom, once."""

    def tag(self, reports: Sequence[Sequence[Sentence]]) -> list[list[Tags]]:
        """Tags of each sentence of each report."""
        return [_tag(report) for report in reports]


@dataclass(kw_only=True)
class _State:
    """Where the reader stands. region: None until the report gives it away. open: the line before holds levels alone."""

    region: Region | None
    seen: set[str] = field(default_factory=set[str])
    carried: Tags = _GENERAL_TAG
    section: str = ""
    open: bool = False


def _tag(sentences: Sequence[Sentence]) -> list[Tags]:
    state = _State(region=_first_region(sentences))
    return [_read(sentence, state) for sentence in sentences]


def _read(sentence: Sentence, state: _State) -> Tags:
    for region, words in _NEARBY.items():
        if words.search(sentence.text):
            state.region = region
    if sentence.section not in BODY:
        return _GENERAL_TAG
    if sentence.section != state.section:
        state.section, state.carried, state.open = sentence.section, _GENERAL_TAG, False
    found = find_levels(sentence.text)
    tags = _spoken_of(found, state)
    if tags is None:
        tags = _GENERAL_TAG if sentence.starts_line and not state.open else state.carried
        state.open = False
    else:
        state.open = bool(found.named) and _LEVELS_ALONE.fullmatch(sentence.text) is not None
        if _MULTILEVEL.search(sentence.text):
            tags |= _GENERAL_TAG
    state.carried = tags
    return tags


def _spoken_of(found: Levels, state: _State) -> Tags | None:
    """Segments of a sentence that names levels or a scope; None for one that does neither."""
    if found.named:
        state.seen.update(found.named)
        state.region = REGION_OF[found.named[0]]
    elif found.excepted:
        state.region = REGION_OF[found.excepted[0]]
    if found.named and found.scope == "named":
        return frozenset(found.named)
    if found.scope == "named" or state.region is None:
        return _GENERAL_TAG if found.unsupported else None
    every = set(LEVELS[state.region])
    spoken_of = every - state.seen if found.scope == "remaining" else every
    return frozenset((spoken_of | set(found.named)) - set(found.excepted)) or _GENERAL_TAG


def _first_region(sentences: Sequence[Sentence]) -> Region | None:
    """The region of most levels that the report names; None where it names none."""
    counts: Counter[Region] = Counter(REGION_OF[level] for sentence in sentences for level in find_levels(sentence.text).named)
    return counts.most_common(1)[0][0] if counts else None
