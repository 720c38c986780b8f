"""What the generator returns: sentences, segments, reports, and the corpus of them all."""

from dataclasses import dataclass

from mtlens.data.synthetic_reports.anatomy import Region


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSentence:
    """One sentence and what is true of it.

    section: "history", "technique", "comparison", "findings" or "impression".
    segments: names of the motion segments that it speaks of, without one named as an exception only ("apart from
    C5-C6"); "general" where it speaks of the spine as a whole.
    mentions: graded tasks and controls that it says something about, be it that nothing is wrong.
    hedged: the radiologist is not sure; the labels count a hedged finding as present.
    """

    text: str
    section: str
    segments: frozenset[str]
    mentions: frozenset[str]
    hedged: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentText:
    """One example: all sentences of a report about one motion segment, in the report's order.

    A task that no sentence mentions is of its first class.

    clean: class of each task as generated. labels: the same as annotated, about 3 % of the graded ones wrong by a class.
    latent: standard Gaussian behind each graded task.
    """

    level: str
    text: str
    labels: dict[str, str]
    clean: dict[str, str]
    latent: dict[str, float]
    mentions: frozenset[str]
    hedged: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One report. unseen: its practice belongs to the test split, and no other practice writes like it."""

    id: str
    patient: str
    practice: int
    unseen: bool
    text: str
    sentences: tuple[ReportSentence, ...]
    segments: tuple[SegmentText, ...]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """All reports of one `Spine`."""

    region: Region
    relatedness: float
    reports: tuple[Report, ...]
