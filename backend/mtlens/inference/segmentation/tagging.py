"""What a tagger is, and what a report looks like once its sentences are tagged."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from mtlens.data.synthetic_reports.anatomy import LEVELS, REGIONS
from mtlens.inference.segmentation.headings import BODY
from mtlens.inference.segmentation.language import looks_foreign
from mtlens.inference.segmentation.levels import REGION_OF, find_levels
from mtlens.inference.segmentation.sentences import Sentence, split

Tags = frozenset[str]
"""Motion segments that a sentence speaks of, and `general` where it speaks of the spine as a whole or of none."""


class Tagger(Protocol):
    """Says of each sentence which motion segments it speaks of."""

    def tag(self, reports: Sequence[Sequence[Sentence]]) -> list[list[Tags]]:
        """Tags of each sentence of each report, in their order; never an empty set."""
        ...


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """A report in sentences with their tags. notes: what a reader of the findings should know of the report."""

    sentences: tuple[Sentence, ...]
    tags: tuple[Tags, ...]
    notes: tuple[str, ...]

    @cached_property
    def of_segment(self) -> dict[str, tuple[int, ...]]:
        """Numbers of the sentences that speak of each segment of the regions that the report speaks of, down the spine."""
        regions = {REGION_OF[tag] for tags in self.tags for tag in tags if tag in REGION_OF}
        levels = [level for region in REGIONS if region in regions for level in LEVELS[region]]
        return {level: tuple(number for number, tags in enumerate(self.tags) if level in tags) for level in levels}

    def text(self, level: str) -> str:
        """The sentences of one segment, joined: what a model reads. Empty for a segment that no sentence speaks of."""
        return " ".join(self.sentences[number].text for number in self.of_segment.get(level, ()))


def segment(reports: Sequence[str], tagger: Tagger) -> list[Segmented]:
    """Split and tag plain texts (see `cleaned`)."""
    sentences = [split(report) for report in reports]
    tags = tagger.tag(sentences)
    return [
        Segmented(sentences=of_report, tags=tuple(of_sentences), notes=_notes(of_report, of_sentences))
        for of_report, of_sentences in zip(sentences, tags, strict=True)
    ]


def _notes(sentences: Sequence[Sentence], tags: Sequence[Tags]) -> tuple[str, ...]:
    notes: list[str] = []
    named = {tag for of_sentence in tags for tag in of_sentence if tag in REGION_OF}
    if not named:
        notes.append(_where_named(sentences))
    if len({REGION_OF[level] for level in named}) > 1:
        notes.append("speaks of more than one region of the spine")
    unsupported = {level for sentence in sentences for level in find_levels(sentence.text).unsupported}
    if unsupported:
        notes.append(f"levels that mtlens does not know: {', '.join(sorted(unsupported)[:10])}")
    if looks_foreign(" ".join(sentence.text for sentence in sentences)):
        notes.append("does not look like English, which is all that mtlens reads")
    return tuple(notes)


def _where_named(sentences: Sequence[Sentence]) -> str:
    """Why no sentence speaks of a motion segment: it may be that only the history names one."""
    sections: dict[str, dict[str, None]] = {}
    for sentence in sentences:
        if sentence.section not in BODY:
            for level in find_levels(sentence.text).named:
                sections.setdefault(sentence.section, {})[level] = None
    if not sections:
        return "no motion segment is mentioned"
    levels = dict.fromkeys(level for named in sections.values() for level in named)
    return f"motion segments are named in the {' and '.join(sections)} only: {', '.join(levels)}"
