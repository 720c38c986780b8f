"""From a `Spine` to its corpus of reports; every report has random numbers of its own, so more reports change no other."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports.anatomy import CONTROLS, LEVELS, REGIONS, TASKS, Region
from mtlens.data.synthetic_reports.latent import Severities, SeverityModel
from mtlens.data.synthetic_reports.layout import write
from mtlens.data.synthetic_reports.practice import practices, volumes
from mtlens.data.synthetic_reports.priors import CONTRAST, HAEMANGIOMA
from mtlens.data.synthetic_reports.report import Corpus, Report, ReportSentence, SegmentText
from mtlens.data.synthetic_reports.statement import Truth
from mtlens.data.synthetic_reports.voice import Voice

FOLLOW_UP: Final = 0.2
"""Probability that a report is the second one on the previous report's patient."""

BILATERAL: Final = 0.4
"""Probability that a patient's foramina and roots are affected on both sides."""


class _Series(NamedTuple):
    """A series of reports with random numbers of its own. prefix: of ids; patient, report: streams of random numbers."""

    prefix: str
    patient: int
    report: int


_MAIN, _TEST = _Series("", 0, 1), _Series("test-", 2, 3)


def generate(spine: Spine) -> Corpus:
    """The corpus of a `Spine`: a function of its fields, and a prefix of the same corpus with more reports."""
    return _corpus(spine, _MAIN, spine.reports)


def generate_test(spine: Spine) -> Corpus:
    """The test reports of a `Spine`: of the same practices and severities, on other patients than those of `generate`."""
    return _corpus(spine, _TEST, spine.test_reports)


def _corpus(spine: Spine, series: _Series, number: int) -> Corpus:
    reports = tuple(_CorpusWriter(spine, series).reports(number))
    return Corpus(region=spine.region, relatedness=spine.relatedness, reports=reports)


class _CorpusWriter:
    def __init__(self, spine: Spine, series: _Series) -> None:
        self._series = series
        self._region: Region = spine.region
        self._relatedness = spine.relatedness
        self._seed = spine.seed
        self._model = SeverityModel(spine.region, spine.relatedness)
        self._practices = practices(spine.region, spine.seed)
        self._cumulative_volumes = np.cumsum(volumes())

    def reports(self, number: int) -> Iterator[Report]:
        patient, follow_up = -1, False
        for index in range(number):
            rng = self._rng(self._series.report, index)
            follow_up = rng.random() < FOLLOW_UP and index > 0 and not follow_up
            patient += not follow_up
            yield self._report(index, patient, follow_up, rng)

    def _rng(self, stream: int, index: int) -> np.random.Generator:
        seed = np.random.SeedSequence(self._seed, spawn_key=(REGIONS.index(self._region), stream, index))
        return np.random.default_rng(seed)

    def _report(self, index: int, patient: int, follow_up: bool, rng: np.random.Generator) -> Report:
        patient_rng = self._rng(self._series.patient, patient)
        practice = self._practices[int(np.searchsorted(self._cumulative_volumes[:-1], patient_rng.random(), side="right"))]
        drawn = self._model.draw(patient_rng, rng)
        truth = Truth(
            severities=tuple(dict(zip(self._model.tasks, row, strict=True)) for row in drawn.clean.tolist()),
            haemangioma=tuple((patient_rng.random(len(LEVELS[self._region])) < HAEMANGIOMA).tolist()),
            contrast=rng.random() < CONTRAST,
            follow_up=follow_up,
        )
        voice = Voice(
            practice=practice,
            region=self._region,
            shared=frozenset(task for task in self._model.tasks if rng.random() < self._relatedness),
            rng=rng,
            side="left" if patient_rng.random() < 0.5 else "right",
            bilateral=patient_rng.random() < BILATERAL,
            size=float(rng.random()),
        )
        text, sentences = write(voice, truth)
        return Report(
            id=f"{self._series.prefix}r{index:06d}",
            patient=f"{self._series.prefix}p{patient:06d}",
            practice=practice.number,
            unseen=practice.unseen,
            text=text,
            sentences=sentences,
            segments=tuple(self._segment(level, sentences, truth, drawn) for level in range(len(LEVELS[self._region]))),
        )

    def _segment(self, level: int, sentences: tuple[ReportSentence, ...], truth: Truth, drawn: Severities) -> SegmentText:
        name = LEVELS[self._region][level]
        here = [sentence for sentence in sentences if name in sentence.segments]
        controls = {"haemangioma": int(truth.haemangioma[level]), "contrast": int(truth.contrast)}
        clean = self._named(drawn.clean[level].tolist(), controls)
        return SegmentText(
            level=name,
            text=" ".join(sentence.text for sentence in here),
            labels=self._named(drawn.labelled[level].tolist(), controls),
            clean=clean,
            latent=dict(zip(self._model.tasks, drawn.latent[level].tolist(), strict=True)),
            mentions=frozenset[str]().union(*(sentence.mentions for sentence in here)),
            hedged=any(sentence.hedged for sentence in here),
        )

    def _named(self, graded: list[int], controls: dict[str, int]) -> dict[str, str]:
        indices = dict(zip(self._model.tasks, graded, strict=True)) | {task: controls[task] for task in CONTROLS}
        return {task: TASKS[self._region][task][index] for task, index in indices.items()}
