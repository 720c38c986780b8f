"""Two experiments side by side: the scores of each kind of model and their differences, from view `model_scores`."""

import math
from dataclasses import dataclass

from mtlens.statistics.welch import Summary, difference
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.scores import ScoreInfo, scores


@dataclass(frozen=True, kw_only=True)
class ChangeInfo:
    """One kind of model on one task in two experiments: mean scores over seeds, and the second less the first.

    low, high: 95 % interval over seeds (Welch); None where one of them has fewer than two seeds.
    """

    role: str
    task: str
    metric: str
    first: float
    second: float
    difference: float
    low: float | None
    high: float | None


def changes(workspace: Workspace, first: str, second: str, metric: str) -> tuple[ChangeInfo, ...]:
    """What both have: equal kinds of models on equal tasks, by one metric on the test split."""
    before, after = (
        {
            (score.role, score.task): score
            for score in scores(workspace, of)
            if score.metric == metric and score.mean is not None
        }
        for of in (first, second)
    )
    return tuple(_change(before[key], after[key]) for key in before if key in after)


def _change(first: ScoreInfo, second: ScoreInfo) -> ChangeInfo:
    delta, low, high = difference(_summary(first), _summary(second))
    return ChangeInfo(
        role=first.role,
        task=first.task,
        metric=first.metric,
        first=first.mean or 0.0,
        second=second.mean or 0.0,
        difference=delta,
        low=low,
        high=high,
    )


def _summary(score: ScoreInfo) -> Summary:
    error = math.nan if score.deviation is None else score.deviation / math.sqrt(score.seeds)
    return Summary(mean=score.mean or 0.0, error=error, freedom=score.seeds - 1)
