"""How well one kind of evidence predicts gains: correlation, slope and area under ROC, each with an interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from mtlens.statistics.claim import noise
from mtlens.statistics.claim.intervals import FISHER, LOGIT, PLAIN, Transform, auc_variance, interval, rank_variance
from mtlens.statistics.claim.points import Floats, Point, Points
from mtlens.statistics.claim.ranks import roc_auc, spearman

Scope = Literal["within", "across"]
SCOPES: tuple[Scope, ...] = ("within", "across")
FEWEST_TASKS, FEWEST_POINTS, FEWEST_EXPERIMENTS = 3, 5, 3
METHOD = (
    "points: tasks in groups, without tasks that were not learnt; 95 % intervals: jackknife over tasks{units}, Student's t, no "
    "narrower than for independent points, on Fisher's z (rank correlation) and the logit (area); corrected: attenuation "
    "by the standard errors of both; slope: method of moments with errors in the evidence"
)


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """Results for one kind of evidence in one scope; None: undefined, see `reason`. Bounds are those of 95 % intervals."""

    scope: Scope
    experiments: int
    groups: int
    tasks: int
    points: int
    rank_correlation: float | None = None
    low: float | None = None
    high: float | None = None
    corrected: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    ceiling: float | None = None
    reason: str | None = None
    method: str


def predictor(found: Sequence[Point], scope: Scope) -> Predictor:
    """Judge one kind of evidence over all points.

    within: gains and evidence are centred on their means in each experiment; the jackknife is over tasks. across: they are not
    centred; there is also a jackknife over experiments, and the wider interval counts.
    """
    return judge(Points.of(found), scope)


def judge(points: Points, scope: Scope) -> Predictor:
    """As `predictor`, for points that are arrays already."""
    about: dict[str, Any] = {
        "scope": scope,
        "experiments": points.num_experiments,
        "groups": points.groups,
        "tasks": points.num_tasks,
        "points": len(points.gains),
        "method": METHOD.format(units=" and over experiments, the wider one" if scope == "across" else ""),
    }
    if reason := _too_few(points, scope):
        return Predictor(**about, reason=reason)
    return Predictor(**about, **_Judged(points, scope).columns())


def _too_few(points: Points, scope: Scope) -> str | None:
    """Why nothing can be said."""
    if points.num_tasks < FEWEST_TASKS:
        return f"{FEWEST_TASKS} tasks at least; found {points.num_tasks}"
    if len(points.gains) < FEWEST_POINTS:
        return f"{FEWEST_POINTS} points at least; found {len(points.gains)}"
    if scope == "across" and points.num_experiments < FEWEST_EXPERIMENTS:
        return f"{FEWEST_EXPERIMENTS} experiments at least; found {points.num_experiments}"
    return None


class _Judged:
    """All statistics for weights 1 (first row), and without each unit."""

    def __init__(self, points: Points, scope: Scope) -> None:
        left_out = [points.without_each_task] + ([points.without_each_experiment] if scope == "across" else [])
        self.points = points
        self.sizes = [len(weights) for weights in left_out]
        self.weights = np.vstack([np.ones((1, len(points.gains))), *left_out])
        self.lost = points.num_experiments if scope == "within" else 1
        self.gains, self.values = self._centred(points.gains, scope), self._centred(points.values, scope)

    def columns(self) -> dict[str, Any]:
        """Columns of `Predictor`."""
        points, weights = self.points, self.weights
        ranks = spearman(self.values, self.gains, weights)
        low, high = self._interval(ranks, FISHER, rank_variance(len(points.gains)))
        of_gains = float(noise.reliability(self.gains[:1], points.gain_errors, weights[:1], self.lost)[0])
        of_values = float(noise.reliability(self.values[:1], points.errors, weights[:1], self.lost)[0])
        slopes = noise.slope(self.values, self.gains, points.errors, weights, self.lost)
        slope_low, slope_high = self._interval(slopes, PLAIN)
        areas = roc_auc(self.values, points.kept, weights)
        kept, lost = int((points.kept == 1).sum()), int((points.kept == 0).sum())
        least = auc_variance(float(areas[0]), kept, lost) if kept and lost else 0.0
        auc_low, auc_high = self._interval(areas, LOGIT, least)
        reasons = self._reason(float(ranks[0]), low, of_gains, of_values, kept, lost)
        reasons += ["without one of the tasks nothing is lost or kept"] if kept and lost and auc_low is None else []
        return {
            "rank_correlation": _known(ranks[0]), "low": low, "high": high,
            "corrected": _known(noise.disattenuated(float(ranks[0]), of_values, of_gains)),
            "slope": _known(slopes[0]), "slope_low": slope_low, "slope_high": slope_high,
            "auc": _known(areas[0]), "auc_low": auc_low, "auc_high": auc_high,
            "ceiling": _known(noise.ceiling(of_gains)) if math.isfinite(of_gains) else None,
            "reason": "; ".join(filter(None, reasons)) or None,
        }  # fmt: skip

    def _centred(self, values: Floats, scope: Scope) -> Floats:
        if scope == "within":
            return self.points.centred(values, self.weights)
        return np.broadcast_to(values, self.weights.shape)

    def _interval(self, found: Floats, transform: Transform, least: float = 0.0) -> tuple[float | None, float | None]:
        ends = np.cumsum([1, *self.sizes])
        parts = [found[start:end] for start, end in pairwise(ends)]
        return interval(float(found[0]), parts, transform, least)

    def _reason(self, rank: float, low: float | None, of_gains: float, of_values: float, kept: int, lost: int) -> list[str]:
        points, least = self.points, noise.LEAST_RELIABILITY
        return [
            "gains or evidence do not vary" if not math.isfinite(rank) else "",
            "they vary by one task alone" if math.isfinite(rank) and low is None else "",
            "gains are noise" if of_gains < least else "",
            "evidence is noise" if of_values < least else "",
            "" if np.isfinite(points.gain_errors).any() else "errors of gains are unknown",
            "" if np.isfinite(points.errors).any() else "errors of evidence are unknown",
            "" if kept and lost else f"no area: {kept} kept, {lost} lost",
        ]


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
