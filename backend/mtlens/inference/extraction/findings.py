"""A report's findings, as they are printed, served and shown; known to whoever asks a server and has no torch."""

from typing import Final

from mtlens.config.sections import Spec

WHOLE: Final = "whole"
"""What stands for a motion segment where a family reads each report as a whole."""


class Finding(Spec):
    """One task in one segment, or in the whole report.

    label: class, or number as text; None where the model abstains or no sentence speaks of the segment. probability: of the
    likeliest class, calibrated; None of a number. status: "read", "abstained" or "not mentioned". sentence: the one that alone
    makes the class likeliest, or whose number is nearest.
    """

    segment: str
    task: str
    label: str | None
    probability: float | None
    status: str
    sentence: str | None


class ReportFindings(Spec):
    """What was read from one report. notes: what a reader should know of it."""

    id: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
