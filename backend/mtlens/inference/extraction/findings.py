"""A report's findings, as they are printed, served and shown; known to whoever asks a server and has no torch."""

from typing import Final

from pydantic import Field

from mtlens.config.sections import Spec

WHOLE: Final = "whole"
"""What stands for a motion segment where a family reads each report as a whole."""


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
    likeliest class, calibrated; None of a number. status: "read", "abstained" or "not mentioned". sentence: the one that alone
    makes the class likeliest, or whose number is nearest; None of tags. spans: of a task of tags.
    """

    segment: str
    task: str
    label: str | None
    probability: float | None
    status: str
    sentence: str | None
    spans: tuple[SpanFinding, ...] | None = Field(default=None, exclude_if=lambda spans: spans is None)


class Sentences(Spec):
    """Where the sentences of reports went.

    segments: read as speaking of a motion segment that the family knows. general: of the spine as a whole, of none, or of
    another segment. background: history, technique and comparison. whole: read with a whole text. unread: after its end.
    """

    segments: int = 0
    general: int = 0
    background: int = 0
    whole: int = 0
    unread: int = 0

    def __add__(self, other: "Sentences") -> "Sentences":
        """The sentences of both."""
        return Sentences(**{name: value + getattr(other, name) for name, value in self.model_dump().items()})

    def __str__(self) -> str:
        """All that there are, and where they went."""
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
    """What was read from one report. notes: what a reader should know of it. sentences: how many went where."""

    id: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    sentences: Sentences = Sentences()
