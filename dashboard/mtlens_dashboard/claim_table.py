"""Tables of the figures of the claim: gains beside evidence, and predictors in the order of their rank correlation."""

from collections.abc import Sequence

from mtlens_dashboard.queries.claim import ClaimInfo, ClaimPointInfo, ClaimVerdictInfo, DoseInfo
from mtlens_dashboard.tables import Table
from mtlens_dashboard.wording import claim_titles

_POINT = (
    "experiment", "data", "relatedness", "task", "metric", "unit", "margin", "gain", "gain_low", "gain_high", "verdict",
    "evidence", "value", "low", "high", "threshold", "seeds",
)  # fmt: skip
_PREDICTOR = (
    "evidence", "label", "baseline", "scope", "rank_correlation", "low", "high", "corrected", "ceiling", "slope", "slope_low",
    "slope_high", "unit", "auc", "auc_low", "auc_high", "points", "groups", "tasks", "experiments", "reason",
)  # fmt: skip
_VERDICT = (
    "experiment", "evidence", "statistic", "scope", "threshold", "value", "low", "high", "verdict", "experiments", "points",
    "statement",
)  # fmt: skip


def of_gains(info: ClaimInfo) -> Table:
    """One row per gain, as measured."""
    return _of_points(info.known)


def of_dose(info: DoseInfo) -> Table:
    """One row per gain and kind of evidence."""
    return _of_points(info.points)


def of_predictors(info: ClaimInfo) -> Table:
    """One row per kind of evidence, the highest rank correlation first."""
    rows = [tuple(getattr(predictor, name) for name in _PREDICTOR) for predictor in claim_titles.ranked(info.predictors)]
    return Table(columns=_PREDICTOR, rows=tuple(rows))


def short(info: ClaimInfo) -> Table:
    """What a reader compares, each value with its interval in one cell."""
    rows = [
        (
            f"{predictor.label} (baseline)" if predictor.baseline else predictor.label,
            claim_titles.correlation(predictor),
            claim_titles.plain(predictor.corrected),
            claim_titles.plain(predictor.ceiling),
            claim_titles.slope_of(predictor, info.unit),
            claim_titles.with_bounds(predictor.auc, predictor.auc_low, predictor.auc_high, signs=False),
            predictor.points,
        )
        for predictor in claim_titles.ranked(info.predictors)
    ]
    columns = ("evidence", "rank correlation", "corrected", "ceiling", "slope", "area under ROC", "gains")
    return Table(columns=columns, rows=tuple(rows))


def remarks(info: ClaimInfo) -> list[str]:
    """Why some of these values are undefined: each reason once, with the kinds of evidence that it holds for."""
    labels: dict[str, list[str]] = {}
    for predictor in claim_titles.ranked(info.predictors):
        if predictor.reason:
            labels.setdefault(predictor.reason, []).append(predictor.label)
    return [f"{'; '.join(of_reason)}: {reason}" for reason, of_reason in labels.items()]


def of_verdicts(verdicts: Sequence[ClaimVerdictInfo]) -> Table:
    """One row per preregistered claim and experiment; those over all experiments have none."""
    return Table(columns=_VERDICT, rows=tuple(tuple(getattr(verdict, name) for name in _VERDICT) for verdict in verdicts))


def _of_points(points: Sequence[ClaimPointInfo]) -> Table:
    rows = [(", ".join(point.tasks), *(getattr(point, name) for name in _POINT)) for point in points]
    return Table(columns=("tasks", *_POINT), rows=tuple(rows))
