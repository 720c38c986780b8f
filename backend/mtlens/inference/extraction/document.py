"""The texts that a family reads from a report, as in training: the text of each motion segment, or the whole report."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mtlens.inference.extraction.findings import WHOLE, Sentences
from mtlens.inference.model.family import Family
from mtlens.inference.segmentation import Segmented, segment, split
from mtlens.inference.segmentation.headings import BODY


@dataclass(frozen=True, kw_only=True)
class Part:
    """A text to classify and its sentences; empty where the report has none. segment: a motion segment or WHOLE."""

    segment: str
    text: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Parted:
    """A report in its parts. notes: remarks for readers of the findings. sentences: how many belong to which part."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    sentences: Sentences


def parted(family: Family, reports: Sequence[str]) -> list[Parted]:
    """Split plain texts (see `cleaned`) into the parts that the family reads."""
    if not family.config.levels:
        ends = family.read_characters(reports)
        return [_whole(report, end, family.config.max_length) for report, end in zip(reports, ends, strict=True)]
    return [_by_segment(report, family.config.levels) for report in segment(reports, family.tagger)]


def _by_segment(report: Segmented, levels: Sequence[str]) -> Parted:
    parts = tuple(
        Part(segment=level, text=report.text(level), sentences=tuple(report.sentences[number].text for number in numbers))
        for level, numbers in report.of_segment.items()
        if level in levels
    )
    others = [level for level, numbers in report.of_segment.items() if level not in levels and numbers]
    more = (f"segments that this model was not trained on: {', '.join(others)}",) if others else ()
    return Parted(parts=parts, notes=(*report.notes, *more), sentences=_counted(report, levels))


def _counted(report: Segmented, levels: Sequence[str]) -> Sentences:
    counts = Counter(
        "segments" if not tags.isdisjoint(levels) else "general" if sentence.section in BODY else "background"
        for sentence, tags in zip(report.sentences, report.tags, strict=True)
    )
    return Sentences(segments=counts["segments"], general=counts["general"], background=counts["background"])


def _whole(report: str, end: int, most: int) -> Parted:
    """end: characters that are read; a sentence after them has no part in what is found."""
    found = split(report)
    sentences = tuple(sentence.text for sentence in found if sentence.start < end)
    notes = () if end == len(report) else (f"this model reads {most:,} tokens; what comes after them was not read",)
    counts = Sentences(whole=len(sentences), unread=len(found) - len(sentences))
    return Parted(parts=(Part(segment=WHOLE, text=report, sentences=sentences),), notes=notes, sentences=counts)
