"""Which runs of an experiment are compared: the chosen grid point of each role, paired by task and seed."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtlens.config.run_kinds import SINGLE

_ENDED = ("done", "failed", "damaged")

Selection = dict[tuple[str, str], bool | None]
"""Role and run id -> whether the run's grid point is the chosen one; None: not decided yet."""

Pairs = dict[str, dict[int, tuple[str, str]]]
"""Task -> seed -> the task-specific run and the run that is compared with it."""


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A run's part in an experiment. tasks: empty before it starts. validation: mean score over its tasks."""

    run_id: str
    role: str
    candidate: int
    seed: int
    tasks: tuple[str, ...]
    state: str
    validation: float


def select(runs: Sequence[TrainedRun], num_seeds: int) -> Selection:
    """Choose, for each role and task set, the grid point with the best mean validation score over all seeds.

    Nothing is chosen before all runs of that grid have ended, so that both sides of a comparison had the same tuning. A grid
    point with a failed run cannot be chosen; of equal ones, the first is chosen.
    """
    grid_points: dict[str, set[int]] = defaultdict(set)
    groups: dict[tuple[str, tuple[str, ...]], list[TrainedRun]] = defaultdict(list)
    for run in runs:
        grid_points[run.role].add(run.candidate)
        groups[run.role, run.tasks].append(run)
    selection: Selection = {}
    for (role, _), group in groups.items():
        best = _choose(group, len(grid_points[role]), num_seeds)
        selection |= {(role, run.run_id): None if best is None else run.candidate == best for run in group}
    return selection


def _choose(group: Sequence[TrainedRun], num_candidates: int, num_seeds: int) -> int | None:
    """The chosen grid point of one set of tasks; None while its grid has not ended, or where every point has a failed run."""
    if num_candidates == 1:
        return group[0].candidate
    if sum(run.state in _ENDED for run in group) < num_candidates * num_seeds:
        return None
    scores: dict[int, list[float]] = defaultdict(list)
    for run in group:
        if run.state == "done":
            scores[run.candidate].append(run.validation)
    complete = {candidate: of_seeds for candidate, of_seeds in scores.items() if len(of_seeds) == num_seeds}
    return best_candidate(complete) if complete else None


def best_candidate(scores: Mapping[int, Sequence[float]]) -> int:
    """The grid point with the best mean of its validation scores, one per seed; the first of equals."""
    sums = {candidate: math.fsum(of_seeds) for candidate, of_seeds in scores.items()}
    return max(sorted(sums), key=sums.__getitem__)


def select_of_looks(runs: Sequence[TrainedRun], first: Sequence[int]) -> Selection:
    """As `select`, by the seeds of the first look; later seeds are trained at the chosen grid point only."""
    early = [run for run in runs if run.seed in first or not run.tasks]
    selection = select(early, len(first))
    chosen = {(run.role, run.tasks): run.candidate for run in early if selection[run.role, run.run_id]}
    later = {
        (run.role, run.run_id): chosen.get((run.role, run.tasks)) == run.candidate
        for run in runs
        if (run.role, run.run_id) not in selection
    }
    return selection | later


def pair(runs: Sequence[TrainedRun], selection: Selection, kind: str) -> Pairs:
    """As `pair_each`, for the seeds that all paired tasks share."""
    pairs = pair_each(runs, selection, kind)
    shared = sorted(set[int].intersection(*map(set, pairs.values()))) if pairs else []
    return {task: {seed: pairs[task][seed] for seed in shared} for task in sorted(pairs)} if shared else {}


def pair_each(runs: Sequence[TrainedRun], selection: Selection, kind: str) -> Pairs:
    """Chosen and finished runs of role `kind`, paired with the task-specific ones; each task with all seeds that it has.

    Where a kind trains a task in several sets of tasks, the first set counts, by the names of its tasks.
    """
    chosen = [run for run in runs if run.state == "done" and selection[run.role, run.run_id]]
    singles = {(run.tasks[0], run.seed): run.run_id for run in chosen if run.role == SINGLE.name}
    candidates = [run for run in chosen if run.role == kind]
    first_set = {task: run.tasks for run in sorted(candidates, key=lambda run: run.tasks, reverse=True) for task in run.tasks}
    pairs: Pairs = defaultdict(dict)
    for run in candidates:
        for task in run.tasks:
            if first_set[task] == run.tasks and (task, run.seed) in singles:
                pairs[task][run.seed] = singles[task, run.seed], run.run_id
    return pairs
