"""A report's findings, as they are printed, served and shown; clients of a server can import this module without torch."""

from typing import Final

from pydantic import Field

from mtlens.config.sections import Spec

WHOLE: Final = "whole"
"""Name in place of a motion segment where a family reads each report as a whole."""


class SpanFinding(Spec):
    """A part of a text that a task of tags has found.

    type: one of the task's classes. start, end: its first character and the one after its last, in the report without markup,
    or in the text of the segment where reports are read by segment. probability: mean over its words.
    """

    type: str
    start: int
    end: int
    text: str
    probability: float


class Finding(Spec):
    """One task in one segment, or in the whole report.

    label: class, or number as text; None where the model abstains or no sentence speaks of the segment. probability: of the
    likeliest class, calibrated; None for numbers. status: "read", "abstained" or "not mentioned". sentence: the sentence that,
    read alone, has the highest probability of the class or the nearest number; None for tags. spans: for a task of tags.
    """

    segment: str
    task: str
    label: str | None
    probability: float | None
    status: str
    sentence: str | None
    spans: tuple[SpanFinding, ...] | None = Field(default=None, exclude_if=lambda spans: spans is None)


class Sentences(Spec):
    """Numbers of sentences of reports by the part that they belong to.

    segments: about a motion segment that the family knows. general: about the whole spine, no segment or another segment.
    background: history, technique and comparison. whole: read as part of a whole text. unread: beyond the longest text that is
    read.
    """

    segments: int = 0
    general: int = 0
    background: int = 0
    whole: int = 0
    unread: int = 0

    def __add__(self, other: "Sentences") -> "Sentences":
        """Sum of both, number by number."""
        return Sentences(**{name: value + getattr(other, name) for name, value in self.model_dump().items()})

    def __str__(self) -> str:
        """The total, and the numbers by part."""
        words = {
            "segments": "of motion segments",
            "general": "general",
            "background": "of history, technique and comparison",
            "whole": "read",
            "unread": "not read",
        }
        counts = {name: value for name, value in self.model_dump().items() if value}
        parts = ", ".join(f"{value:,} {words[name]}" for name, value in counts.items())
        return f"{sum(counts.values()):,} sentences" + (f": {parts}" if parts else "")


class ReportFindings(Spec):
    """What was read from one report. notes: remarks for its reader. sentences: how many belong to which part."""

    id: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    sentences: Sentences = Sentences()
