"""Exact network selection: which models to train so that every task is served well within a budget.

    minimise over families F of cost <= B: sum_j w_j min_{G in F, j in G} L_j(G)

Groups may overlap, and each task is served by the group that is best for it. Standley et al. 2020, "Which tasks should be
learned together in multi-task learning?" (network selection). Losses are smaller-is-better here and in `branch_and_bound`;
everywhere else mtlens uses scores, for which larger is better, and only `Candidates.from_scores` converts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import DataError
from mtlens.grouping.branch_and_bound import BranchAndBound
from mtlens.grouping.partitions import Group, membership, tasks_of

ROUNDING = 1e-9  # costs add up to the budget within this fraction of it
_TIE = 1e-12  # totals that differ less, relative to their size, are equal
_MAX_PARTITION_TASKS = 20  # memory doubles with each task, time triples: seconds at 15 tasks, minutes at 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """G models to choose from: the loss of each of T tasks in each group, and the cost of the group.

    A loss is infinite where the group does not contain the task, or where it is unknown. A group may occur several times, as a
    small and as a large model.
    """

    groups: tuple[Group, ...]
    losses: NDArray[np.float64]  # [G, T]
    costs: NDArray[np.float64]  # [G]

    def __post_init__(self) -> None:
        """Raise `DataError` where the arrays do not fit together or contain invalid losses or costs."""
        num_groups = len(self.groups)
        if self.losses.ndim != 2 or len(self.losses) != num_groups or self.costs.shape != (num_groups,):
            raise DataError(
                f"candidates should have losses [{num_groups}, T] and costs [{num_groups}]; "
                f"found {self.losses.shape} and {self.costs.shape}"
            )
        if not ((self.costs > 0) & np.isfinite(self.costs)).all():
            raise DataError(f"the cost of a group should be positive and finite; found {self.costs.tolist()}")
        if (np.isnan(self.losses) | (self.losses == -np.inf)).any():
            raise DataError("a loss should be a number, or infinite where nothing is known; found NaN or minus infinity")
        if (outside := np.isfinite(self.losses) & ~membership(self.groups, self.num_tasks)).any():
            row, task = np.argwhere(outside)[0]
            raise DataError(f"a group should have losses of its own tasks; found {self.groups[row]:#b} with task {task}")
        if not (served := np.isfinite(self.losses).any(axis=0)).all():
            raise DataError(f"every task should be in a group whose outcome is known; found none with task {served.argmin()}")

    @property
    def num_tasks(self) -> int:
        """T."""
        return self.losses.shape[1]

    @classmethod
    def from_scores(cls, groups: Sequence[Group], scores: NDArray[Any], cost: Callable[[Group], float] = lambda _: 1.0) -> Self:
        """Candidates from scores `[G, T]`, NaN where a group does not contain a task or the score is unknown: loss = -score."""
        losses = np.where(np.isnan(scores), np.inf, -scores)
        return cls(groups=tuple(groups), losses=losses, costs=np.array([cost(group) for group in groups], dtype=np.float64))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A family of groups, and the group that serves each task."""

    rows: tuple[int, ...]  # of the candidates
    groups: tuple[Group, ...]  # of those rows
    served_by: tuple[int, ...]  # [T] row of the candidates
    total: float  # weighted loss
    cost: float
    is_proven: bool  # no family within the budget has a smaller total


def best_family(
    candidates: Candidates, *, budget: float, weights: Sequence[float] | None = None, max_nodes: int = 100_000
) -> Selection:
    """The family of least total loss within the budget; of several, the cheapest, and then the order of rows decides.

    weights `[T]` are those of the tasks, 1 by default. After `max_nodes` nodes of branch and bound the best family so far is
    returned, without proof of optimality. Raises `DataError` where no family with every task is affordable, or none was found.
    """
    losses = candidates.losses * _checked_weights(weights, candidates.num_tasks)
    known = np.isfinite(losses)
    worst = np.where(known, losses, -np.inf).max(axis=0)
    span = worst - losses.min(axis=0)
    unserved = worst + span.sum() + 1.0  # a family that leaves a task out loses more than any that does not
    tolerance = _TIE * float(np.abs(unserved).sum())
    search = BranchAndBound(
        losses=np.where(known, losses, unserved), costs=candidates.costs, tolerance=tolerance, max_nodes=max_nodes
    )
    search.run(unserved, budget * (1 + ROUNDING))
    rows = list(search.chosen)
    if not known[rows].any(axis=0).all():
        found = "none" if search.is_complete else f"none in {max_nodes} nodes"
        raise DataError(f"the budget should pay for a family with every task; found {found} for {budget:g}")
    return _selection(candidates, losses, rows, is_proven=search.is_complete)


def best_partition(candidates: Candidates, *, weights: Sequence[float] | None = None) -> Selection:
    """The partition of least total loss, each task in one group; of several, the cheapest.

    Dynamic programming over subsets in O(3^T): the best partition of a set is the best combination of a group that contains the
    set's lowest task and a partition of the rest. Raises `DataError` where the known groups make no partition.
    """
    if candidates.num_tasks > _MAX_PARTITION_TASKS:
        raise DataError(f"partitions should be of at most {_MAX_PARTITION_TASKS} tasks; found {candidates.num_tasks}")
    losses = candidates.losses * _checked_weights(weights, candidates.num_tasks)
    row_of, alone = _complete_groups(candidates, losses)
    tolerance = _TIE * candidates.num_tasks * float(np.abs(losses[np.isfinite(losses)]).max())
    best = np.zeros_like(alone)  # [2^T, 2] total and cost
    first = np.zeros(len(alone), dtype=np.int64)  # the group of each set's lowest task
    for tasks in range(1, len(alone)):
        lowest = tasks & -tasks
        groups = _subsets(tasks ^ lowest) | lowest
        outcomes = alone[groups] + best[tasks ^ groups]
        ties = np.flatnonzero(outcomes[:, 0] <= outcomes[:, 0].min() + tolerance)
        chosen = ties[outcomes[ties, 1].argmin()]
        first[tasks], best[tasks] = groups[chosen], outcomes[chosen]
    rows: list[int] = []
    rest = len(alone) - 1
    if not np.isfinite(best[rest, 0]):
        raise DataError("the groups whose outcome is known should contain a partition of all tasks; found none")
    while rest:
        rows.append(int(row_of[first[rest]]))
        rest ^= int(first[rest])
    return _selection(candidates, losses, rows, is_proven=True)


def best_within(candidates: Candidates, *, budget: float, overlap: bool) -> Selection:
    """The best family within the budget where groups may overlap, else the best partition within it.

    Raises `DataError` where there is none.
    """
    if overlap:
        return best_family(candidates, budget=budget)
    best = best_partition(candidates)
    return best if best.cost <= budget * (1 + ROUNDING) else _partition_within(candidates, budget * (1 + ROUNDING))


def _partition_within(candidates: Candidates, budget: float) -> Selection:
    """The partition of least total loss that costs no more than the budget; of several, the cheapest.

    The dynamic programme of `best_partition` with a second state, the budget that is left: O(3^T) times the number of
    different sums of costs within the budget, which are few where costs go by the size of the group.
    """
    row_of, alone = _complete_groups(candidates, candidates.losses)
    levels = _sums_of_costs(candidates, budget)
    values, kind_of = np.unique(alone[:, 1], return_inverse=True)
    left = np.searchsorted(levels, (levels[None, :] - values[:, None]) * (1 + ROUNDING) + ROUNDING, side="right") - 1
    best = np.full((len(alone), len(levels) + 1), np.inf)  # the last column is that of a budget that was overdrawn
    best[0, :-1] = 0.0
    first = np.zeros((len(alone), len(levels)), dtype=np.int64)
    for tasks in range(1, len(alone)):
        groups = _subsets(tasks ^ (tasks & -tasks)) | (tasks & -tasks)
        outcomes = alone[groups, :1] + best[(tasks ^ groups)[:, None], left[kind_of[groups]]]
        first[tasks] = groups[outcomes.argmin(axis=0)]
        best[tasks, :-1] = outcomes.min(axis=0)
    totals, rows, rest = best[-1, :-1], list[int](), len(alone) - 1
    if not np.isfinite(totals).any():
        raise DataError(f"the budget should pay for a partition of all tasks; found none for {budget:g}")
    tolerance = _TIE * candidates.num_tasks * float(np.abs(candidates.losses[np.isfinite(candidates.losses)]).max())
    level = int(np.flatnonzero(totals <= totals.min() + tolerance)[0])
    while rest:
        group = int(first[rest, level])
        rows.append(int(row_of[group]))
        rest, level = rest ^ group, int(left[kind_of[group], level])
    return _selection(candidates, candidates.losses, rows, is_proven=True)


def _sums_of_costs(candidates: Candidates, budget: float) -> NDArray[np.float64]:
    """What partitions of any of the tasks can cost within the budget, ascending from 0."""
    by_size: dict[int, set[float]] = {}
    for group, cost in zip(candidates.groups, candidates.costs.tolist(), strict=True):
        by_size.setdefault(group.bit_count(), set()).add(cost)
    sums: list[set[float]] = [{0.0}]
    for size in range(1, candidates.num_tasks + 1):
        reached = {
            round(cost + rest, 9)
            for own, costs in by_size.items()
            if own <= size
            for cost in costs
            for rest in sums[size - own]
        }
        sums.append({total for total in reached if total <= budget})
    return np.array(sorted(set[float]().union(*sums)))


def _complete_groups(candidates: Candidates, losses: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each set of tasks the candidate that is trained on it, and its total and cost `[2^T, 2]`, infinite for none.

    Of several candidates with the same group it is the best, then the cheapest.
    """
    row_of = np.full(1 << candidates.num_tasks, -1, dtype=np.int64)
    alone = np.full((1 << candidates.num_tasks, 2), np.inf)
    totals = np.where(membership(candidates.groups, candidates.num_tasks), losses, 0.0).sum(axis=1)
    for row in np.lexsort((candidates.costs, totals))[::-1]:
        group = candidates.groups[row]
        row_of[group], alone[group] = row, (totals[row], candidates.costs[row])
    return row_of, alone


def _subsets(tasks: int) -> NDArray[np.int64]:
    """All subsets of a set of tasks, as bit masks."""
    subsets = np.zeros(1, dtype=np.int64)
    for task in tasks_of(tasks):
        subsets = np.concatenate([subsets, subsets | 1 << task])
    return subsets


def _selection(candidates: Candidates, losses: NDArray[np.float64], rows: list[int], *, is_proven: bool) -> Selection:
    """What the chosen rows amount to; each task is served by the first of those that are best for it."""
    rows = sorted(rows)
    servers = losses[rows].argmin(axis=0)
    return Selection(
        rows=tuple(rows),
        groups=tuple(candidates.groups[row] for row in rows),
        served_by=tuple(rows[server] for server in servers),
        total=float(losses[rows].min(axis=0).sum()),
        cost=float(candidates.costs[rows].sum()),
        is_proven=is_proven,
    )


def _checked_weights(weights: Sequence[float] | None, num_tasks: int) -> NDArray[np.float64]:
    checked = np.ones(num_tasks) if weights is None else np.asarray(weights, dtype=np.float64)
    if checked.shape != (num_tasks,) or not ((checked > 0) & np.isfinite(checked)).all():
        raise DataError(f"weights should be {num_tasks} positive numbers; found {checked.tolist()}")
    return checked
