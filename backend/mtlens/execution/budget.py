"""What the runs of an experiment have cost, what further ones will cost, and whether its budget allows them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from mtlens.config.experiment import Experiment
from mtlens.execution.plan import PlannedRun
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace

_DONE = """
    SELECT DISTINCT ON (run_id) run_id, role, len(tasks), seconds, started, finished
    FROM experiment_run JOIN run USING (run_id)
    WHERE experiment_id = ? AND state = 'done' AND seconds IS NOT NULL AND started IS NOT NULL AND finished IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True)
class _Done:
    run_id: str
    role: str
    num_tasks: int
    seconds: float
    started: datetime
    finished: datetime


@dataclass(frozen=True, eq=False)
class Budgeting:
    """The budget of one experiment, and its use by the runs finished in a workspace, over all starts of the experiment."""

    experiment: Experiment
    workspace: Workspace

    def allows(self, runs: Sequence[PlannedRun]) -> bool:
        """Whether all of the runs together, including those that are done, stay within the budget."""
        if (budget := self.experiment.budget) is None:
            return True
        new = sum(self._expected(planned) for planned in runs if planned.run.run_id not in self._known)
        hours = (self._seconds + new) / 3600
        minutes = self._minutes * (1 + new / self._seconds) if self._seconds else 0.0
        return (budget.gpu_hours is None or hours <= budget.gpu_hours) and (budget.minutes is None or minutes <= budget.minutes)

    @property
    def spent(self) -> str:
        """Cost of the finished runs in words."""
        return f"{self._minutes:.1f} minutes and {self._seconds / 3600:.2g} hours of training so far"

    @cached_property
    def _done(self) -> list[_Done]:
        names = ("run_id", "role", "num_tasks", "seconds", "started", "finished")
        rows = query(self.workspace, _DONE, [self.experiment.experiment_id]).rows
        return [_Done(**dict(zip(names, row, strict=True))) for row in rows]

    @cached_property
    def _known(self) -> set[str]:
        return {done.run_id for done in self._done}

    @property
    def _seconds(self) -> float:
        return sum(done.seconds for done in self._done)

    @cached_property
    def _minutes(self) -> float:
        return covered_seconds((done.started, done.finished) for done in self._done) / 60

    def _expected(self, planned: PlannedRun) -> float:
        """Seconds of a run: as runs of its kind and number of tasks took, or as all took."""
        like = [done.seconds for done in self._done if (done.role, done.num_tasks) == (planned.role, len(planned.run.tasks))]
        seconds = like or [done.seconds for done in self._done]
        return sum(seconds) / len(seconds) if seconds else 0.0


def covered_seconds(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """How long at least one of the spans lasted.

    >>> at = lambda minute: datetime(2030, 1, 1, 12, minute)
    >>> covered_seconds([(at(0), at(2)), (at(1), at(3)), (at(10), at(11))]) / 60
    4.0
    """
    total, until = 0.0, datetime.min
    for start, end in sorted(spans):
        total += max(0.0, (end - max(start, until)).total_seconds())
        until = max(until, end)
    return total
