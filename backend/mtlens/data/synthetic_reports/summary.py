"""Statistics of a corpus, to hold against the targets of the generator."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import rankdata

from mtlens.data.synthetic_reports.anatomy import GENERAL, LEVELS, PATHOLOGIES, TASKS
from mtlens.data.synthetic_reports.priors import ADJACENT_LEVELS, CORRELATIONS, Floats
from mtlens.data.synthetic_reports.report import Corpus

WORD_QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Two severities in one segment or at adjacent levels; NaN where there are too few reports.

    latent: Pearson's, of the Gaussian latents. target: what the generator aims at, on the latent scale.
    classes: Spearman's, of the clean classes, mean over levels, so that it owes nothing to levels being worse for all.
    """

    latent: float
    classes: float
    target: float


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What was generated.

    class_counts[task][level][class]: annotated labels. correlations: by "canal-disc" and the like.
    words[quantile]: length of a segment's text. multi_level_share: of the sentences that speak of any level.
    hedged_share: of the segments. label_noise_share: of the graded labels.
    """

    num_reports: int
    num_patients: int
    num_practices: int
    num_unseen_practices: int
    num_unseen_reports: int
    class_counts: dict[str, dict[str, dict[str, int]]]
    correlations: dict[str, Correlation]
    words: dict[float, float]
    multi_level_share: float
    hedged_share: float
    label_noise_share: float


def summarise(corpus: Corpus) -> Summary:
    """Counts, correlations and lengths over all reports."""
    reports = corpus.reports
    segments = [segment for report in reports for segment in report.segments]
    spans = [len(sentence.segments - {GENERAL}) for report in reports for sentence in report.sentences]
    lengths = np.quantile([len(segment.text.split()) for segment in segments], WORD_QUANTILES)
    wrong = [segment.labels[task] != segment.clean[task] for segment in segments for task in PATHOLOGIES[corpus.region]]
    return Summary(
        num_reports=len(reports),
        num_patients=len({report.patient for report in reports}),
        num_practices=len({report.practice for report in reports}),
        num_unseen_practices=len({report.practice for report in reports if report.unseen}),
        num_unseen_reports=sum(report.unseen for report in reports),
        class_counts=_class_counts(corpus),
        correlations=_correlations(corpus),
        words=dict(zip(WORD_QUANTILES, lengths.tolist(), strict=True)),
        multi_level_share=sum(span > 1 for span in spans) / sum(span > 0 for span in spans),
        hedged_share=sum(segment.hedged for segment in segments) / len(segments),
        label_noise_share=sum(wrong) / len(wrong),
    )


def _class_counts(corpus: Corpus) -> dict[str, dict[str, dict[str, int]]]:
    counts = Counter(
        (task, segment.level, label)
        for report in corpus.reports
        for segment in report.segments
        for task, label in segment.labels.items()
    )
    return {
        task: {level: {name: counts[task, level, name] for name in classes} for level in LEVELS[corpus.region]}
        for task, classes in TASKS[corpus.region].items()
    }


def _correlations(corpus: Corpus) -> dict[str, Correlation]:
    """Pairs of tasks with a target, then each task's adjacent levels; [reports, 6] severities underneath."""
    tasks = PATHOLOGIES[corpus.region]
    latent = {task: np.array([[s.latent[task] for s in report.segments] for report in corpus.reports]) for task in tasks}
    classes = {
        task: np.array([[names.index(s.clean[task]) for s in report.segments] for report in corpus.reports], dtype=np.float64)
        for task, names in tasks.items()
    }
    correlations = {
        "-".join(sorted(pair)): _correlation(
            [latent[task] for task in sorted(pair)], [classes[task] for task in sorted(pair)], target * corpus.relatedness
        )
        for pair, target in CORRELATIONS.items()
        if pair <= set(tasks)
    }
    for task in tasks:
        correlations[f"{task} at adjacent levels"] = _correlation(
            _shifted(latent[task]), _shifted(classes[task]), ADJACENT_LEVELS
        )
    return correlations


def _correlation(latent: list[Floats], classes: list[Floats], target: float) -> Correlation:
    """Of two severities, each [reports, levels]; levels where a class never varies have no rank correlation."""
    ranked = [_pearson(rankdata(a), rankdata(b)) for a, b in zip(classes[0].T, classes[1].T, strict=True)]
    defined = [value for value in ranked if not np.isnan(value)]
    return Correlation(
        latent=_pearson(latent[0].ravel(), latent[1].ravel()),
        classes=float(np.mean(defined)) if defined else float("nan"),
        target=target,
    )


def _shifted(severities: Floats) -> list[Floats]:
    """Every level but the last, and every level but the first."""
    return [severities[:, :-1], severities[:, 1:]]


def _pearson(a: Floats, b: Floats) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
