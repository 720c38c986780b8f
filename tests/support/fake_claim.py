"""Gains beside evidence for the stores of `tests.support.fake_stores`: made-up points, predictors and verdicts of a claim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from mtlens.statistics.claim.kinds import EVIDENCE_KINDS
from tests.support.fake_evidence import EXPERIMENT, NAN

KINDS = ("cka_effect_min", "cka_effect_mean", "cosine_start", "cosine_training", "tag", "data_size_ratio", "task_mean")
SPREAD = {"cka_effect_min": (0.7, 0.3), "cka_effect_mean": (0.8, 0.2), "tag": (0.0, 0.01), "task_mean": (0.0, 0.02)}
"""Middle and half range of values; 0.2 and 0.4 for others."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """An experiment whose pairs, and all of whose tasks together, were trained."""

    experiment_id: str = EXPERIMENT
    data: str = "tables/<i>notes</i>.csv"
    relatedness: float | None = None
    tasks: tuple[str, ...]
    odd_values: bool = False


def claim(experiments: Sequence[Trained], *, stated: bool = True) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables of the claim. stated: whether one was preregistered."""
    points = [point for experiment in experiments for point in _points(experiment)]
    return {
        "summary.claim": points,
        "summary.claim_predictor": [
            _predictor(kind, number, scope, points) for scope in ("within", "across") for number, kind in enumerate(KINDS)
        ],
        "summary.claim_verdict": _verdicts([one.experiment_id for one in experiments]) if stated else [],
    }


def _points(experiment: Trained) -> Iterator[dict[str, Any]]:
    """Gains rise with the evidence and with relatedness, up to noise; a baseline has no interval of its own."""
    random = np.random.default_rng(int(1000 * (experiment.relatedness or 0.0)))
    groups = [tuple(pair) for pair in combinations(sorted(experiment.tasks), 2)][:40]
    if len(experiment.tasks) > 2:
        groups.append(tuple(sorted(experiment.tasks)))
    for group in groups:
        for task in group:
            quality = float(random.uniform(-1, 1)) if experiment.relatedness is None else 2 * experiment.relatedness - 1
            gain = 0.025 * quality + float(random.normal(0, 0.012))
            verdict = (
                "worse" if gain < -0.02 else "better" if gain > 0.02 else "matches" if abs(gain) < 0.012 else "inconclusive"
            )
            odd = experiment.odd_values and task == group[0]
            for kind in KINDS:
                middle, half = SPREAD.get(kind, (0.2, 0.4))
                value = middle + half * (0.8 * quality + 0.2 * float(random.uniform(-1, 1)))
                width = 0.0 if EVIDENCE_KINDS[kind].baseline else 0.15 * half
                yield {
                    "experiment_id": experiment.experiment_id, "data": experiment.data, "relatedness": experiment.relatedness,
                    "tasks": list(group), "task": task, "metric": "macro_f1", "unit": "score", "margin": 0.02, "gain": gain,
                    "gain_error": 0.006, "gain_low": NAN if odd else gain - 0.013, "gain_high": None if odd else gain + 0.013,
                    "verdict": verdict, "evidence": kind, "value": value, "error": width / 2,
                    "low": None if odd else value - width, "high": None if odd else value + width, "seeds": 3,
                }  # fmt: skip


def _predictor(kind: str, number: int, scope: str, points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Weaker from kind to kind and across experiments; the last one is undefined within experiments."""
    value = 0.6 - 0.14 * number - (0.1 if scope == "across" else 0.0)
    own = [point for point in points if point["evidence"] == kind]
    row: dict[str, Any] = {
        "evidence": kind, "label": EVIDENCE_KINDS[kind].label, "baseline": EVIDENCE_KINDS[kind].baseline, "scope": scope,
        "experiments": len({point["experiment_id"] for point in own}), "groups": len({tuple(one["tasks"]) for one in own}),
        "tasks": len({point["task"] for point in own}), "points": len(own), "unit": "score", "rank_correlation": value,
        "low": value - 0.25, "high": value + 0.2, "corrected": min(1.2 * value, 1.0), "slope": 0.07 * value,
        "slope_low": 0.07 * (value - 0.25), "slope_high": 0.07 * (value + 0.2), "auc": 0.5 + value / 2, "auc_low": 0.4,
        "auc_high": 0.95, "ceiling": 0.85, "reason": None, "method": "jackknife over tasks",
    }  # fmt: skip
    if scope == "within" and number == len(KINDS) - 1:
        unknown = (
            "rank_correlation",
            "low",
            "high",
            "corrected",
            "slope",
            "slope_low",
            "slope_high",
            "auc",
            "auc_low",
            "auc_high",
        )
        row |= dict.fromkeys(unknown) | {"reason": "a mean over the other groups needs three groups of each task"}
    return row


def _verdicts(experiments: Sequence[str]) -> list[dict[str, Any]]:
    """The claim over all experiments is supported, in each of them it is undecided."""
    common = {"evidence": "cka_effect_min", "statistic": "rank_correlation", "scope": "within", "threshold": 0.3}
    told = {"value": 0.6, "low": 0.35, "high": 0.8, "verdict": "supported", "statement": "0.60 (0.35 to 0.80) is above 0.30"}
    open_ = {"value": 0.5, "low": 0.1, "high": 0.8, "verdict": "undecided", "statement": "0.50 (0.10 to 0.80) holds 0.30"}
    whole = {"experiment_id": None, **common, "experiments": len(experiments), "points": 60, **told}
    return [whole, *({"experiment_id": one, **common, "experiments": 1, "points": 14, **open_} for one in experiments)]
