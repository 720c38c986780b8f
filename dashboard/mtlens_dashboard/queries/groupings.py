"""Which tasks belong together? Views `groupings` and `group_scores`, and how methods were judged; a store without them has
searched none.
"""

from collections.abc import Collection
from dataclasses import dataclass

from mtlens.config.run_kinds import MULTI
from mtlens.statistics.learnt import NOT_LEARNT
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import columns, read_infos

ORACLE = "exhaustive oracle"
"""The method that trains all groups; the choices of the other methods are compared with its choice."""


@dataclass(frozen=True, kw_only=True)
class GroupingInfo:
    """One way to divide the tasks among models. Scores are by the metric of each task, mean over tasks.

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
    """Gain of one task from training in one group: score in the group less score alone. None: not measured."""

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
class MethodInfo:
    """How a method did on trial, on seeds that it has not seen.

    correlation: Spearman's, of predicted gains with the measured ones of a task's groups, mean over tasks. ceiling: that of
    the measured gains themselves. None: undefined for all tasks. regret: at each of `budgets`, in models, the score of the
    exhaustive oracle's choice less that of the method's choice, below 0 where the oracle's choice scored lower, None where no
    choice is affordable; permuted_regret: the same with the tasks of the predicted gains permuted. discovery_seconds: compute
    that the method needs to choose.
    """

    method: str
    correlation: float | None
    ceiling: float | None
    budgets: tuple[float, ...]
    regret: tuple[float | None, ...]
    permuted_regret: tuple[float | None, ...]
    discovery_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class TrialInfo:
    """Predicted and measured gains, and the evaluation of the methods; empty before all groups are trained."""

    scores: tuple[GroupScoreInfo, ...]
    methods: tuple[MethodInfo, ...]

    @property
    def ceiling(self) -> float | None:
        """Rank correlation of the measured gains of one half of the seeds with those of the other."""
        return next((method.ceiling for method in self.methods), None)

    @property
    def can_compare(self) -> bool:
        """Whether the seeds agree enough to compare methods: the ceiling is positive, and no method exceeds it."""
        known = [method.correlation for method in self.methods if method.correlation is not None]
        return self.ceiling is not None and self.ceiling > 0 and max(known, default=0.0) <= self.ceiling

    def correlation(self, method: str) -> float | None:
        """That of the method of this name."""
        return next((info.correlation for info in self.methods if info.method == method), None)

    def only(self, methods: Collection[str], tasks: Collection[str]) -> "TrialInfo":
        """The same with some of the methods, and the gains of some of the tasks."""
        scores = tuple(score for score in self.scores if score.method in methods and score.task in tasks)
        return TrialInfo(scores=scores, methods=tuple(info for info in self.methods if info.method in methods))


@dataclass(frozen=True, kw_only=True)
class RecommendationInfo:
    """What to train together, in words, by the verdicts on test. verdict: matches, inconclusive, worse or separate."""

    verdict: str
    statement: str
    groups: tuple[tuple[str, ...], ...]
    method: str


_RECOMMENDATION = f"SELECT {columns(RecommendationInfo)} FROM recommendation WHERE experiment_id = $experiment_id"

_METHODS = f"""
    SELECT rank_correlation AS correlation, {columns(MethodInfo, "correlation")}
    FROM grouping_methods WHERE experiment_id = $experiment_id
"""

_GROUPINGS = f"""
    SELECT {columns(GroupingInfo, "groups")},
        list_transform(groups, lambda own: coalesce(list_filter(names, lambda name: list_contains(own, name)), own)) AS groups
    FROM groupings, (SELECT list(task ORDER BY position) AS names FROM task WHERE experiment_id = $experiment_id)
    WHERE experiment_id = $experiment_id ORDER BY method, rank
"""

_ALONE = """
    SELECT
        'task-specific models' AS method, 1 AS rank, groups, len(groups)::DOUBLE AS cost, NULL AS predicted,
        NULL AS predicted_low, NULL AS predicted_high, single_mean AS measured, NULL AS measured_low, NULL AS measured_high,
        NULL AS regret, NULL AS discovery_seconds, false AS recommended
    FROM comparison, (SELECT list([task] ORDER BY position) AS groups FROM task WHERE experiment_id = $experiment_id)
    WHERE experiment_id = $experiment_id AND kind = $kind AND task IS NULL AND NOT EXISTS (
        SELECT * FROM comparison WHERE experiment_id = $experiment_id AND kind = $kind AND verdict = $not_learnt
    )
"""

_GROUP_SCORES = f"""
    SELECT {columns(GroupScoreInfo)} FROM group_scores WHERE experiment_id = $experiment_id ORDER BY method, tasks, task
"""


def groupings(workspace: Workspace, experiment_id: str) -> tuple[GroupingInfo, ...]:
    """All candidates, the best of each method first, and the task-specific models, with which they are compared."""
    candidates = read_infos(workspace, GroupingInfo, _GROUPINGS, {"experiment_id": experiment_id})
    if not candidates or any(all(len(group) == 1 for group in candidate.groups) for candidate in candidates):
        return candidates
    params = {"experiment_id": experiment_id, "kind": MULTI.name, "not_learnt": NOT_LEARNT}
    return (*candidates, *read_infos(workspace, GroupingInfo, _ALONE, params))


def trial(workspace: Workspace, experiment_id: str) -> TrialInfo:
    """Predicted gains beside measured ones, and how well each method did."""
    params = {"experiment_id": experiment_id}
    return TrialInfo(
        scores=read_infos(workspace, GroupScoreInfo, _GROUP_SCORES, params),
        methods=read_infos(workspace, MethodInfo, _METHODS, params),
    )


def recommendation(workspace: Workspace, experiment_id: str) -> RecommendationInfo | None:
    """The recommendation, once there is one."""
    rows = read_infos(workspace, RecommendationInfo, _RECOMMENDATION, {"experiment_id": experiment_id})
    return rows[0] if rows else None
