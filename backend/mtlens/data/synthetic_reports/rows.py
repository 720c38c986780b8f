"""Spine reports as rows of a data set: one for each report and motion segment."""

from dataclasses import dataclass
from typing import Final

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports.anatomy import PATHOLOGIES, Region
from mtlens.data.synthetic_reports.corpus import generate, generate_test
from mtlens.data.synthetic_reports.report import Corpus

SCREENING: Final = ("absent", "present")


@dataclass(frozen=True, kw_only=True, slots=True)
class SpineRow:
    """One example. patient: stays in one split. unseen: belongs to the test split. labels[task]: class name."""

    id: str
    text: str
    patient: str
    unseen: bool
    labels: dict[str, str]


def spine_rows(spine: Spine) -> list[SpineRow]:
    """Six rows for each report, in order; ids such as "r000123:C5-C6" are unique."""
    return _rows(spine, generate(spine))


def spine_test_rows(spine: Spine) -> list[SpineRow]:
    """The same for the test reports; ids begin with "test-"."""
    return _rows(spine, generate_test(spine))


def _rows(spine: Spine, corpus: Corpus) -> list[SpineRow]:
    return [
        SpineRow(
            id=f"{report.id}:{segment.level}",
            text=segment.text,
            patient=report.patient,
            unseen=report.unseen,
            labels=segment.labels | screened(segment.labels, spine.region),
        )
        for report in corpus.reports
        for segment in report.segments
    ]


def screened(labels: dict[str, str], region: Region) -> dict[str, str]:
    """Each graded task as a yes-or-no question, `canal_any` and the like: anything but its first, harmless class."""
    return {f"{task}_any": SCREENING[labels[task] != classes[0]] for task, classes in PATHOLOGIES[region].items()}
