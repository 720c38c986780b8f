"""Which tasks belong together? Views `groupings` and `group_scores`; a store without them has searched none."""

from dataclasses import dataclass

from backend.store.workspace import Workspace
from dashboard.views.rows import read_infos_if_stored


@dataclass(frozen=True, kw_only=True)
class GroupingInfo:
    """One way to divide the tasks among models. Scores are macro-F1 in [0, 1], mean over tasks.

    rank: 1 is the best of its method. cost: in units of one model. measured is None where not all of its groups were
    trained. regret: shortfall of the measured score from the best at the same cost. discovery_seconds: compute that the
    method needed to propose it.
    """

    method: str
    rank: int
    groups: tuple[tuple[str, ...], ...]
    cost: float
    predicted: float | None
    predicted_low: float | None
    predicted_high: float | None
    measured: float | None
    measured_low: float | None
    measured_high: float | None
    regret: float | None
    discovery_seconds: float | None
    recommended: bool


@dataclass(frozen=True, kw_only=True)
class GroupScoreInfo:
    """Gain of one task from training in one group: score in the group less score alone, macro-F1. None: not measured."""

    method: str
    tasks: tuple[str, ...]
    task: str
    predicted: float | None
    predicted_low: float | None
    predicted_high: float | None
    measured: float | None
    measured_low: float | None
    measured_high: float | None


@dataclass(frozen=True, kw_only=True)
class RecommendationInfo:
    """What to train together, in words, by the verdicts on test. verdict: matches, inconclusive, worse or separate."""

    verdict: str
    statement: str


_RECOMMENDATION = "SELECT verdict, statement FROM recommendation WHERE experiment_id = $experiment_id"

_GROUPINGS = """
    SELECT
        method, rank, groups, cost, predicted, predicted_low, predicted_high, measured, measured_low, measured_high, regret,
        discovery_seconds, recommended
    FROM groupings WHERE experiment_id = $experiment_id ORDER BY method, rank
"""

_GROUP_SCORES = """
    SELECT method, tasks, task, predicted, predicted_low, predicted_high, measured, measured_low, measured_high
    FROM group_scores WHERE experiment_id = $experiment_id ORDER BY method, tasks, task
"""


def groupings(workspace: Workspace, experiment_id: str) -> tuple[GroupingInfo, ...]:
    """All candidates, the best of each method first."""
    return read_infos_if_stored(workspace, GroupingInfo, _GROUPINGS, {"experiment_id": experiment_id})


def group_scores(workspace: Workspace, experiment_id: str) -> tuple[GroupScoreInfo, ...]:
    """Predicted and measured gains."""
    return read_infos_if_stored(workspace, GroupScoreInfo, _GROUP_SCORES, {"experiment_id": experiment_id})


def recommendation(workspace: Workspace, experiment_id: str) -> RecommendationInfo | None:
    """The recommendation, once there is one."""
    found = read_infos_if_stored(workspace, RecommendationInfo, _RECOMMENDATION, {"experiment_id": experiment_id})
    return found[0] if found else None
