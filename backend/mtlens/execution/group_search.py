"""The groups of tasks that a search trains: proposed, registered, counted against the budgets, scored from their run folders.

A search proposes families, which are partitions or overlapping covers, one after another until its budget is used up or nothing
is left to propose. Its state is in the run folders. Finished families are also kept as JSON, which only saves time: without
that file the search proposes them again, finds their runs finished, and counts them as before.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from mtlens.config.hashing import content_hash
from mtlens.config.run import Run
from mtlens.config.run_kinds import MULTI, SINGLE
from mtlens.config.sections import Search
from mtlens.data.splits import VALIDATION
from mtlens.errors import DataError
from mtlens.execution.plan import Plan, PlannedRun, unfold_group
from mtlens.grouping.measurements import FeatureAffinities, Floats, GradientAffinities, Measured
from mtlens.grouping.optimal_family import ROUNDING
from mtlens.grouping.partitions import Family, Group, canonical_family, group_of, tasks_of
from mtlens.grouping.proposers import Blend, Proposer, is_settled
from mtlens.statistics.units import units
from mtlens.store.analysis.model_selection import best_candidate
from mtlens.store.workspace.files import to_json, write_atomic
from mtlens.store.workspace.run_folder import METRICS, RunFolder
from mtlens.store.workspace.run_tables import read_metrics
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import metric_object, metric_of

Announce = Callable[[Sequence[PlannedRun]], None]


class GroupSearch:
    """One search over one workspace. `announce` is called with the runs of every group that the search asks for.

    evidence: known affinities of the tasks, from which a guided search starts.
    """

    def __init__(
        self,
        plan: Plan,
        workspace: Workspace,
        search: Search,
        announce: Announce,
        evidence: tuple[GradientAffinities, FeatureAffinities] = (GradientAffinities(), FeatureAffinities()),
    ):
        self._plan, self._workspace, self._search, self._announce = plan, workspace, search, announce
        self._evidence = evidence
        self._num_tasks = len(plan.experiment.tasks)
        self._runs: dict[Group, tuple[PlannedRun, ...]] = {}
        self._scores: dict[Group, dict[int, Floats]] = {}
        self._failed: set[Group] = set()
        self._began = time.monotonic()
        self._proposer = _proposer(search, self._num_tasks)
        self.restore_from(self._state)

    def propose(self) -> Family | None:
        """The next family with runs that have to be trained; None when the search is over."""
        while not self._is_used_up():
            measured = None if self._search.method == "exhaustive" else self.measured()
            predictor = Blend(measured, *self._evidence)
            if measured and is_settled(measured, predictor, self._search):
                return None
            family = self._proposer.propose(predictor, self._is_allowed, self._is_affordable)
            if family is None:
                return None
            self._ask(family)
            if self.missing(family):
                return family
            self.tell(family)
        return None

    def missing(self, family: Family) -> list[Run]:
        """Unfinished runs of the family's groups, without those of groups that have failed in this search."""
        runs = [planned.run for group in family if group not in self._failed for planned in self._of(group)]
        return [run for run in runs if RunFolder(self._workspace, run.run_id).state != "done"]

    def tell(self, family: Family) -> float:
        """Record that all runs of a family have ended; returns its mean validation score over tasks, NaN where a run failed.

        Each task counts with the group that is best for it.
        """
        self._failed |= {group for group in family if self._score(group) is None}
        self._state.parent.mkdir(exist_ok=True)
        self.save_to(self._state)
        score = float("nan")
        if all(group in self._scores for group in family):
            scores = [self._scores[group] for group in family]
            best = [max(found[task].mean() for found in scores if task in found) for task in range(self._num_tasks)]
            score = float(np.mean(best))
        self._proposer.learn(family, score)
        return score

    def stages(self) -> Iterator[list[Run]]:
        """Runs to train without Ray Tune: one stage per family; an exhaustive search without limits is one stage."""
        limits = (self._search.runs, self._search.gpu_seconds, self._search.minutes)
        if self._search.method == "exhaustive" and limits == (None, None, None):
            families = list(iter(self.propose, None))
            if families:
                yield list({run.run_id: run for family in families for run in self.missing(family)}.values())
            for family in families:
                self.tell(family)
            return
        for family in iter(self.propose, None):
            yield self.missing(family)
            self.tell(family)

    def measured(self) -> Measured | None:
        """Known validation scores of all groups, including single tasks and all tasks; None where there are none."""
        alone = [1 << task for task in range(self._num_tasks)]
        for group in (*alone, (1 << self._num_tasks) - 1, *self._runs):
            self._score(group)
        scores = {(group, task): score for group, found in self._scores.items() for task, score in found.items()}
        return Measured(num_tasks=self._num_tasks, scores=scores) if scores else None

    @property
    def failed(self) -> tuple[Group, ...]:
        """Groups with a run that failed now: left out, and tried again when the search is started again."""
        return tuple(sorted(self._failed))

    def _ask(self, family: Family) -> None:
        new = [group for group in family if group not in self._runs]
        self._runs |= {group: self._of(group) for group in new}
        if runs := [planned for group in new for planned in self._of(group) if planned.role != SINGLE.name]:
            self._announce(runs)

    def _of(self, group: Group) -> tuple[PlannedRun, ...]:
        return self._runs.get(group) or unfold_group(self._plan, tasks_of(group))

    def _score(self, group: Group) -> dict[int, Floats] | None:
        """Scores of a group's tasks `[S]`, of the grid point that is best on validation; None unless all its runs are done."""
        if group not in self._scores:
            found = _group_scores(self._plan, group, self._of(group), self._workspace)
            if found is None:
                return None
            self._scores[group] = found
        return self._scores[group]

    def _extra(self) -> list[Run]:
        """Runs that the search and nothing else asks for."""
        planned = {run.run_id for run in self._plan.distinct}
        return [wanted.run for runs in self._runs.values() for wanted in runs if wanted.run.run_id not in planned]

    def _is_used_up(self) -> bool:
        search = self._search
        if search.minutes is not None and time.monotonic() - self._began >= 60 * search.minutes:
            return True
        if search.gpu_seconds is None:
            return False
        folders = (RunFolder(self._workspace, run.run_id) for run in self._extra())
        return sum(folder.facts()["seconds"] for folder in folders if folder.state == "done") >= search.gpu_seconds

    def _is_allowed(self, family: Family) -> bool:
        """Affordable, free of failed groups, and within the trainings that are left.

        Too many covers can be made of known groups, so a cover has to hold a new group.
        """
        search = self._search
        if any(group in self._failed for group in family) or (search.overlap and self._runs.keys() >= set(family)):
            return False
        if not self._is_affordable(family):
            return False
        experiment = self._plan.experiment
        most = self._num_tasks - (MULTI.asked_by in experiment.runs)  # then all tasks together are trained anyway
        new = sum(group not in self._runs and 1 < group.bit_count() <= most for group in family)
        return search.runs is None or len(self._extra()) + new * experiment.runs_per_group <= search.runs

    def _is_affordable(self, family: Family) -> bool:
        """Whether its models cost no more than a family may, which matters where not every group is trained anyway."""
        search = self._search
        most = self._num_tasks if search.models is None and search.overlap else search.models
        if search.method == "exhaustive" or most is None:
            return True
        return sum(search.costs.get(group.bit_count(), 1.0) for group in family) <= most * (1 + ROUNDING)

    def save_to(self, path: Path) -> None:
        """Write the finished families as JSON: lists of groups, which are lists of task numbers."""
        over = sorted(family for family in self._proposer.seen if all(group in self._scores for group in family))
        write_atomic(path, to_json({"families": [[tasks_of(group) for group in family] for family in over]}), durable=False)

    def restore_from(self, path: Path) -> None:
        """Read what `save_to` wrote; a file that is missing, truncated or of other tasks is ignored."""
        try:
            found = json.loads(path.read_bytes())["families"]
            families = {canonical_family(map(group_of, groups), self._num_tasks) for groups in found}
        except (OSError, ValueError, KeyError, TypeError, DataError):
            return
        for family in sorted(family for family in families if not self.missing(family)):
            self._proposer.seen.add(family)
            self._ask(family)

    @property
    def _state(self) -> Path:
        settings = content_hash([self._search.model_dump(mode="json"), [run.run_id for run in self._plan.distinct]])
        return self._workspace.root / "search" / f"{self._plan.experiment.experiment_id}-{settings}.json"


def _proposer(search: Search, num_tasks: int) -> Proposer:
    if search.method != "optuna":
        return Proposer(search.method, num_tasks, search.seed, overlap=search.overlap)
    from mtlens.execution.ray_backend.optuna_proposer import OptunaProposer  # with Ray Tune, which the other methods do without

    return OptunaProposer(num_tasks, search.seed, overlap=search.overlap)


def _group_scores(plan: Plan, group: Group, runs: Sequence[PlannedRun], workspace: Workspace) -> dict[int, Floats] | None:
    """Validation score of each task under each seed, `[S]`, at the best grid point; None while a run is not done."""
    if any(RunFolder(workspace, planned.run.run_id).state != "done" for planned in runs):
        return None
    unit_of_task = _signed_units(plan)
    metrics = {task.name: metric_of(task) for task in plan.experiment.tasks}
    by_point: dict[int, list[dict[str, float]]] = {}
    for planned in runs:
        rows = read_metrics(RunFolder(workspace, planned.run.run_id).path / METRICS)
        chosen = [row for row in rows if row.split == VALIDATION and row.label is None and row.name == metrics.get(row.task)]
        scores = {row.task: row.value / unit_of_task[row.task] for row in chosen}
        by_point.setdefault(planned.candidate, []).append(scores)
    means = {point: [float(np.mean(list(scores.values()))) for scores in seeds] for point, seeds in by_point.items()}
    best = by_point[best_candidate(means)]
    names = {task: plan.experiment.tasks[task].name for task in tasks_of(group)}
    return {task: np.array([scores[name] for scores in best]) for task, name in names.items()}


def _signed_units(plan: Plan) -> dict[str, float]:
    """What each task's metric is divided by so that more is better and a mean over tasks can be taken."""
    tasks, margins = plan.experiment.tasks, plan.experiment.margins
    of_tasks = units([metric_of(task) for task in tasks], [margins[task.name] for task in tasks])
    return {task.name: metric_object(task).sign * unit for task, unit in zip(tasks, of_tasks, strict=True)}
