"""Does the multi-task model match the task-specific ones? View `matching`, with the scores of each seed beside it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from mtlens.config.run_kinds import MULTI
from mtlens.statistics.learnt import NOT_LEARNT
from mtlens.statistics.metrics import unit_of
from mtlens.statistics.shown import Unit, shared_unit
from mtlens.store.remarks import remarks
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import columns, read_infos

Verdict = Literal["matches", "better", "worse", "inconclusive", "not learnt"]


@dataclass(frozen=True, kw_only=True)
class MatchInfo:
    """One task, or the mean over tasks where `task` is None. Scores are in the unit of the metric; no metric: in margins.

    A difference is multi less single, or the reverse where less is better. Bounds are None where the interval is unbounded, as
    with one seed. The lists per seed are in the order of `seeds`.
    """

    task: str | None
    metric: str | None
    margin: float
    single_mean: float | None
    multi_mean: float | None
    single_per_seed: tuple[float | None, ...]
    multi_per_seed: tuple[float | None, ...]
    seeds: tuple[int, ...]
    difference: float | None
    low90: float | None
    high90: float | None
    low95: float | None
    high95: float | None
    examples: int
    clusters: int
    verdict: Verdict
    needed: str
    not_learnt: str
    single_collapsed: tuple[int, ...]
    multi_collapsed: tuple[int, ...]
    still_improving: tuple[str, ...] = ()
    p_equivalence: float | None
    p_difference: float | None
    disagreement_rate: float | None
    method: str

    @property
    def difference_per_seed(self) -> tuple[float | None, ...]:
        """Multi less single, seed by seed, or the reverse where less is better."""
        pairs = zip(self.single_per_seed, self.multi_per_seed, strict=True)
        sign = 1.0 if self.metric is None else unit_of(self.metric)[1]
        return tuple(None if single is None or multi is None else sign * (multi - single) for single, multi in pairs)

    @property
    def in_margins(self) -> "MatchInfo":
        """The same with scores and differences divided by the margin."""

        def divided(value: float | None) -> float | None:
            return None if value is None else value / self.margin

        sign = 1.0 if self.metric is None else unit_of(self.metric)[1]
        per_seed = {
            name: tuple(None if value is None else sign * value / self.margin for value in getattr(self, name))
            for name in ("single_per_seed", "multi_per_seed")
        }
        bounds = {name: divided(getattr(self, name)) for name in ("difference", "low90", "high90", "low95", "high95")}
        return replace(self, metric=None, margin=1.0, single_mean=None, multi_mean=None, **per_seed, **bounds)


@dataclass(frozen=True, kw_only=True)
class MatchingInfo:
    """All tasks of an experiment, in its order, and their mean. Without a comparison yet: no tasks, and pooled is None.

    shown: the tasks in figures and tables; sentences are about all tasks.
    """

    experiment: str
    experiment_id: str
    kind: str
    folds: int | None = None  # whose pooled predictions are compared; None: one test split
    tasks: tuple[MatchInfo, ...]
    pooled: MatchInfo | None
    shown: frozenset[str] | None = None  # all of them

    @property
    def unit(self) -> Unit:
        """In which differences are drawn: that of the metric where tasks agree in metric and margin, else margins."""
        return shared_unit([match.metric for match in self.tasks], [match.margin for match in self.tasks]) or Unit(None)

    @property
    def margin(self) -> float:
        """That of all tasks in the unit that is drawn; 1 where that is the margin of each."""
        return self.tasks[0].margin if self.unit.metric and self.tasks else 1.0

    @property
    def margin_in_short(self) -> str:
        """The margin of all tasks in the unit that is drawn: 2 points; or that each has its own."""
        return f"{self.unit.margin(self.margin)} {self.unit.points}" if self.unit.metric else "their margins"

    @property
    def margin_in_words(self) -> str:
        """One margin for all tasks, or that of each."""
        of_tasks = {match.task: Unit(match.metric).margin_in_words(match.margin) for match in self.tasks}
        if len(set(of_tasks.values())) == 1:
            return next(iter(of_tasks.values()))
        return "; ".join(f"{task}: {margin}" for task, margin in of_tasks.items())

    @property
    def drawn(self) -> tuple[MatchInfo, ...]:
        """The rows, in one unit."""
        return tuple(map(self.in_unit, self.rows))

    def in_unit(self, match: MatchInfo) -> MatchInfo:
        """A task or the mean in the unit that is drawn."""
        return match if self.unit.metric else match.in_margins

    @property
    def rows(self) -> tuple[MatchInfo, ...]:
        """The tasks that are shown and, last, the mean over all."""
        tasks = tuple(match for match in self.tasks if self.shown is None or match.task in self.shown)
        return tasks if self.pooled is None else (*tasks, self.pooled)

    @property
    def learnt(self) -> tuple[MatchInfo, ...]:
        """The tasks that the mean and its claim are about."""
        return tuple(match for match in self.tasks if match.verdict != NOT_LEARNT)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader has to know beside the numbers, in lines of plain text."""
        return tuple(line for match in self.rows for line in remarks({**vars(match), "kind": self.kind}))

    def only(self, tasks: Collection[str]) -> "MatchingInfo":
        """The same with rows for some of the tasks."""
        return replace(self, shown=frozenset(tasks))


@dataclass(frozen=True, kw_only=True)
class _About:
    experiment: str
    folds: int | None


_ABOUT = "SELECT name AS experiment, folds FROM experiment WHERE experiment_id = $experiment_id"

_MATCHES = f"""
    SELECT {columns(MatchInfo, "needed", "p_equivalence", "p_difference")}, coalesce(needed, '') AS needed,
        adjusted_p_equivalence AS p_equivalence, least(adjusted_p_better, adjusted_p_worse) AS p_difference
    FROM comparison LEFT JOIN (SELECT task, position FROM task WHERE experiment_id = $experiment_id) USING (task)
    WHERE experiment_id = $experiment_id AND kind = $kind ORDER BY position NULLS LAST
"""


def matching(workspace: Workspace, experiment_id: str, kind: str = MULTI.name) -> MatchingInfo:
    """One kind of model against the task-specific ones."""
    params = {"experiment_id": experiment_id}
    about = read_infos(workspace, _About, _ABOUT, params)
    matches = read_infos(workspace, MatchInfo, _MATCHES, {**params, "kind": kind})
    return MatchingInfo(
        experiment=about[0].experiment if about else experiment_id,
        experiment_id=experiment_id,
        kind=kind,
        folds=about[0].folds if about else None,
        tasks=tuple(match for match in matches if match.task is not None),
        pooled=next((match for match in matches if match.task is None), None),
    )
