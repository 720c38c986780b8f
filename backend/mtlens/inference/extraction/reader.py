"""Reads reports: the class or number of each task, how sure it is, and the sentence it was read from.

This is done for every motion segment, or for the whole report if the family was trained on whole texts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.config.task import Task
from mtlens.errors import DataError, MtlensError
from mtlens.inference.extraction.document import Part, Parted, parted
from mtlens.inference.extraction.findings import Finding, ReportFindings, SpanFinding
from mtlens.inference.model.family import Family
from mtlens.inference.model.said import listed
from mtlens.inference.segmentation import cleaned
from mtlens.tasks import kind_of

THRESHOLD = 0.5


class Reader:
    """Reads reports with a family, many at once in common batches."""

    def __init__(self, family: Family, threshold: float = THRESHOLD):
        self.family, self.threshold = family, threshold

    @property
    def has_spans(self) -> bool:
        """Whether a task of tags is among those that are read."""
        return bool(self.family.config.words)

    def read(self, reports: Sequence[tuple[str, str]]) -> list[ReportFindings]:
        """Findings of (id, text) pairs, in their order. DataError, without the text, for one that is empty or too long.

        Any other error becomes an MtlensError without the original message, which could contain report text.
        """
        try:
            return self._read(reports)
        except MtlensError:
            raise
        except Exception as error:
            raise MtlensError(f"reports should be readable; reading them failed with {type(error).__name__}") from error

    def _read(self, reports: Sequence[tuple[str, str]]) -> list[ReportFindings]:
        if self.family.config.pairs:
            raise DataError(
                "reports should go to models of single texts; found models of pairs, which `predict` takes in Python"
            )
        in_parts = parted(self.family, [cleaned(text) for _, text in reports])
        parts = [part for report in in_parts for part in report.parts if part.text]
        texts = list(dict.fromkeys(text for part in parts for text in (part.text, *part.sentences)))
        place = {text: number for number, text in enumerate(texts)}
        probabilities = self.family.classify(texts)
        return [
            ReportFindings(
                id=name, findings=self._findings(report, place, probabilities), notes=report.notes, sentences=report.sentences
            )
            for (name, _), report in zip(reports, in_parts, strict=True)
        ]

    def _findings(
        self, report: Parted, place: dict[str, int], probabilities: dict[str, NDArray[np.float32]]
    ) -> tuple[Finding, ...]:
        return tuple(
            self._finding(part, task, place, probabilities[task.name])
            for part in report.parts
            for task in self.family.config.tasks
        )

    def _finding(self, part: Part, task: Task, place: dict[str, int], rows: NDArray[Any]) -> Finding:
        if not part.text:
            return Finding(
                segment=part.segment, task=task.name, label=None, probability=None, status="not mentioned", sentence=None
            )
        kind = kind_of(task)
        said = rows[place[part.text]]
        spans = self.family.spans(task, part.text, said)
        if spans is not None:
            return Finding(
                segment=part.segment, task=task.name, label=listed(spans), probability=None, status="read", sentence=None,
                spans=tuple(SpanFinding(**span._asdict()) for span in spans),
            )  # fmt: skip
        confidence = kind.confidence(said)
        sure = confidence is None or confidence >= self.threshold
        agreement = kind.agreement(task, said, rows[[place[text] for text in part.sentences]]) if part.sentences else ()
        return Finding(
            segment=part.segment,
            task=task.name,
            label=self.family.in_words(task, said) if sure else None,
            probability=None if confidence is None else round(confidence, 4),
            status="read" if sure else "abstained",
            sentence=part.sentences[int(np.argmax(agreement))] if part.sentences else None,
        )
