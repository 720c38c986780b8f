"""A tagger against the truth of the generator: precision and recall of tags, and where it went wrong."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mtlens.data.synthetic_reports import Report
from mtlens.data.synthetic_reports.anatomy import GENERAL
from mtlens.inference.segmentation.cleaning import cleaned
from mtlens.inference.segmentation.sentences import Sentence, split
from mtlens.inference.segmentation.tagging import Tagger, Tags


@dataclass(frozen=True, kw_only=True)
class Error:
    """A sentence with other tags than the truth; synthetic, so that it may be shown."""

    text: str
    missing: tuple[str, ...]
    surplus: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TagScore:
    """Pairs of a sentence and a motion segment: those found that are true (hits), found, and true.

    exact: share of the sentences that have their tags right, all of them. split: share of the true sentences that were cut
    out of the report as they are. Shares are in [0, 1].
    """

    hits: int
    found: int
    true: int
    exact: float
    split: float
    errors: tuple[Error, ...]

    @property
    def precision(self) -> float:
        """Share of the found pairs that are true."""
        return self.hits / max(self.found, 1)

    @property
    def recall(self) -> float:
        """Share of the true pairs that are found."""
        return self.hits / max(self.true, 1)


def score_tagger(tagger: Tagger, reports: Sequence[Report]) -> TagScore:
    """Tag the texts of synthetic reports and compare with the tags that they were written from.

    A true sentence is compared with the union of the tags of all sentences that were cut from it.
    """
    reports = [replace(report, text=cleaned(report.text)) for report in reports]
    cut = [split(report.text) for report in reports]
    tagged = tagger.tag(cut)
    counts: Counter[str] = Counter()
    errors: list[Error] = []
    for report, sentences, tags in zip(reports, cut, tagged, strict=True):
        for text, true, start, end in _spans(report):
            inside = _inside(sentences, start, end)
            counts["split"] += [(sentences[place].start, sentences[place].end) for place in inside] == [(start, end)]
            found: Tags = frozenset[str]().union(*(tags[place] for place in inside)) - {GENERAL}
            counts.update(hits=len(found & true), found=len(found), true=len(true), exact=found == true, sentences=1)
            if found != true:
                errors.append(Error(text=text, missing=tuple(sorted(true - found)), surplus=tuple(sorted(found - true))))
    total = max(counts["sentences"], 1)
    return TagScore(
        hits=counts["hits"],
        found=counts["found"],
        true=counts["true"],
        exact=counts["exact"] / total,
        split=counts["split"] / total,
        errors=tuple(errors),
    )


def true_tags(report: Report, sentences: Sequence[Sentence]) -> list[Tags]:
    """What the sentences that were cut from a synthetic report should be tagged with: motion segments alone."""
    tags: list[Tags] = [frozenset()] * len(sentences)
    for _, true, start, end in _spans(report):
        for place in _inside(sentences, start, end):
            tags[place] |= true
    return tags


def _spans(report: Report) -> Iterator[tuple[str, Tags, int, int]]:
    """Text, motion segments, start and end of each true sentence."""
    at = 0
    for truth in report.sentences:
        start = report.text.index(truth.text, at)
        at = start + len(truth.text)
        yield truth.text, truth.segments - {GENERAL}, start, at


def _inside(sentences: Sequence[Sentence], start: int, end: int) -> list[int]:
    """Numbers of the sentences that were cut from a stretch of the report."""
    return [place for place, sentence in enumerate(sentences) if sentence.start < end and sentence.end > start]
