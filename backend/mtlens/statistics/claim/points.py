"""Points of the relation between evidence and gain, and how much each weighs when tasks weigh differently.

A point is a task in a group. Points that share a task are not independent, so the unit that varies is the task: where tasks
have weights w, the point of task t with partners P in its group has weight w_t times the mean of w over P. For a pair that is
the product of both weights, as in the pigeonhole bootstrap (Owen 2007) and in jackknives of dyads (Snijders and Borgatti 1999).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.claim.counted import counted
from mtlens.statistics.comparison import AT_LEAST_AS_GOOD

Floats = NDArray[np.float64]
LOST = ("worse",)


class Point(NamedTuple):
    """A task in a group that was trained. Errors are standard errors; None: unknown."""

    experiment_id: str
    data: str
    tasks: Sequence[str]
    task: str
    gain: float
    gain_error: float | None
    value: float
    error: float | None
    verdict: str


@dataclass(frozen=True, eq=False)
class Points:
    """n points of T tasks in E experiments. A task of the same texts in several experiments is one task.

    gains, gain_errors, values, errors `[n]`: NaN where unknown. experiments `[n]`, own `[n]`: places of experiment and task.
    partners `[n, T]`: share of each partner, which sum to 1. kept `[n]`: 1 matches or better, 0 worse, NaN neither.
    groups: number of groups.
    """

    gains: Floats
    gain_errors: Floats
    values: Floats
    errors: Floats
    kept: Floats
    experiments: NDArray[np.intp]
    own: NDArray[np.intp]
    partners: Floats
    groups: int

    @classmethod
    def of(cls, points: Sequence[Point]) -> Self:
        """Points that count: tasks that were not learnt are left out, and of equal gains in several experiments the first."""
        chosen = counted(points)
        tasks = {
            key: place for place, key in enumerate(sorted({(point.data, task) for point in chosen for task in point.tasks}))
        }
        experiments = {name: place for place, name in enumerate(sorted({point.experiment_id for point in chosen}))}
        partners = np.zeros((len(chosen), len(tasks)))
        for row, point in enumerate(chosen):
            others = [tasks[point.data, task] for task in point.tasks if task != point.task]
            partners[row, others] = 1 / len(others)
        verdicts = [1.0 if point.verdict in AT_LEAST_AS_GOOD else 0.0 if point.verdict in LOST else np.nan for point in chosen]
        return cls(
            gains=_floats([point.gain for point in chosen]),
            gain_errors=_floats([point.gain_error for point in chosen]),
            values=_floats([point.value for point in chosen]),
            errors=_floats([point.error for point in chosen]),
            kept=_floats(verdicts),
            experiments=np.array([experiments[point.experiment_id] for point in chosen], dtype=np.intp),
            own=np.array([tasks[point.data, point.task] for point in chosen], dtype=np.intp),
            partners=partners,
            groups=len({(point.experiment_id, tuple(point.tasks)) for point in chosen}),
        )

    @property
    def num_tasks(self) -> int:
        """T."""
        return self.partners.shape[1]

    @property
    def num_experiments(self) -> int:
        """E."""
        return len(np.unique(self.experiments))

    def weighted(self, tasks: Floats) -> Floats:
        """Weights of the points `[B, n]` for weights of the tasks `[B, T]`."""
        return tasks[:, self.own] * (tasks @ self.partners.T)

    @property
    def without_each_task(self) -> Floats:
        """Weights `[T, n]` with each task left out in turn."""
        return self.weighted(1 - np.eye(self.num_tasks))

    @property
    def without_each_experiment(self) -> Floats:
        """Weights `[E, n]` with each experiment left out in turn."""
        return (self.experiments[None, :] != np.unique(self.experiments)[:, None]).astype(np.float64)

    def centred(self, values: Floats, weights: Floats) -> Floats:
        """Values `[n]` less their weighted mean within the experiment, for each row of weights: `[B, n]`."""
        members = (self.experiments[:, None] == np.unique(self.experiments)).astype(np.float64)
        totals = weights @ members
        means = (weights * values) @ members / np.where(totals > 0, totals, 1)
        return values - means @ members.T


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
