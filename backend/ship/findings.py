"""Reads reports: of every motion segment the class of each task, how sure it is, and the sentence it was read from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.data.segments import Segmented, cleaned, segment
from backend.errors import MtlensError
from backend.settings import Task
from backend.ship.family import Family
from backend.ship.finding import Finding, ReportFindings

THRESHOLD = 0.5


class Reader:
    """A family that reads reports; many at once are read in common batches."""

    def __init__(self, family: Family, threshold: float = THRESHOLD):
        self.family, self.threshold = family, threshold

    def read(self, reports: Sequence[tuple[str, str]]) -> list[ReportFindings]:
        """Findings of (id, text) pairs, in their order. DataError, without the text, for one that is empty or too long.

        Whatever else goes wrong is an MtlensError without a message from below, which could hold report text.
        """
        try:
            return self._read(reports)
        except MtlensError:
            raise
        except Exception as error:
            raise MtlensError(f"reports should be readable; reading them failed with {type(error).__name__}") from error

    def _read(self, reports: Sequence[tuple[str, str]]) -> list[ReportFindings]:
        segmented = segment([cleaned(text) for _, text in reports], self.family.tagger)
        texts = list(dict.fromkeys(text for one in segmented for text in self._texts(one)))
        place = {text: number for number, text in enumerate(texts)}
        probabilities = self.family.classify(texts)
        return [
            ReportFindings(id=name, findings=self._findings(one, place, probabilities), notes=self._notes(one))
            for (name, _), one in zip(reports, segmented, strict=True)
        ]

    def _texts(self, report: Segmented) -> list[str]:
        """All that is classified: each segment's text, and its sentences one by one."""
        texts: list[str] = []
        for level in self._levels(report):
            numbers = report.of_segment[level]
            if numbers:
                texts += [report.text(level), *(report.sentences[number].text for number in numbers)]
        return texts

    def _levels(self, report: Segmented) -> list[str]:
        return [level for level in report.of_segment if level in self.family.config.levels]

    def _findings(
        self, report: Segmented, place: dict[str, int], probabilities: dict[str, NDArray[np.float32]]
    ) -> tuple[Finding, ...]:
        return tuple(
            self._finding(report, level, task, place, probabilities[task.name])
            for level in self._levels(report)
            for task in self.family.config.tasks
        )

    def _finding(self, report: Segmented, level: str, task: Task, place: dict[str, int], rows: NDArray[Any]) -> Finding:
        numbers = report.of_segment[level]
        if not numbers:
            return Finding(segment=level, task=task.name, label=None, probability=None, status="not mentioned", sentence=None)
        found = rows[place[report.text(level)]]
        best = int(found.argmax())
        sentences = [report.sentences[number].text for number in numbers]
        sure = float(found[best]) >= self.threshold
        return Finding(
            segment=level,
            task=task.name,
            label=task.classes[best] if sure else None,
            probability=round(float(found[best]), 4),
            status="read" if sure else "abstained",
            sentence=max(sentences, key=lambda text: rows[place[text], best]),
        )

    def _notes(self, report: Segmented) -> tuple[str, ...]:
        others = [level for level in report.of_segment if level not in self.family.config.levels and report.of_segment[level]]
        more = (f"segments that this model was not trained on: {', '.join(others)}",) if others else ()
        return (*report.notes, *more)
