"""What is known of a plan before anything runs: its runs, their cost, and what the test set can settle."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from mtlens.config.run import Run
from mtlens.data.splits import TEST
from mtlens.execution.cost import Cost, estimate
from mtlens.execution.experiment import unfinished
from mtlens.execution.lanes import Lanes, planned_lanes
from mtlens.execution.plan import Plan
from mtlens.statistics.power import detectable_margin
from mtlens.training.optimiser import encoder_rate

DISAGREEMENT_RATES = (0.05, 0.10, 0.20)


class PlannedSetting(NamedTuple):
    """One kind of run of one set of tasks at one point of the grid, with the seeds that it is repeated under."""

    role: str
    tasks: str
    epochs: int
    learning_rate: float
    seeds: tuple[int, ...]


class TaskPower(NamedTuple):
    """Smallest margins that a task's test examples can settle at 90 % power, one per DISAGREEMENT_RATES."""

    task: str
    test_examples: int
    margins: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A plan with its cost in a workspace.

    missing: runs that are not finished there; cost: of these. lacking: what this machine lacks for the lanes, if anything.
    """

    plan: Plan
    missing: tuple[Run, ...]
    lanes: Lanes
    lacking: str
    cost: Cost

    @classmethod
    def of(cls, plan: Plan, workspace: Path) -> Self:
        """Count what is missing and measure how fast this machine multiplies."""
        missing = tuple(unfinished(plan.distinct, workspace))
        lanes, lacking = planned_lanes(plan.experiment.resources)
        cost = estimate(plan, missing, lanes=lanes.side_by_side, threads=lanes.threads, gpu=lanes.gpus > 0)
        return cls(plan=plan, missing=missing, lanes=lanes, lacking=lacking, cost=cost)

    @property
    def minutes(self) -> str:
        """Time of what is missing in words: from what patience can spare to what all epochs take."""
        least, most = (f"{seconds / 60:.1f}" for seconds in (self.cost.least_seconds, self.cost.seconds))
        return f"{most} minutes" if least == most else f"{least} to {most} minutes"

    @property
    def settings(self) -> tuple[PlannedSetting, ...]:
        """The grid: each set of tasks and grid point with its seeds."""
        seeds: dict[tuple[str, str, int, float], list[int]] = {}
        for planned in self.plan.runs:
            run, tasks = planned.run, ", ".join(task.name for task in planned.run.tasks)
            seeds.setdefault((planned.role, tasks, run.training.epochs, encoder_rate(run)), []).append(run.seed)
        return tuple(PlannedSetting(*setting, tuple(of_setting)) for setting, of_setting in seeds.items())

    @property
    def power(self) -> tuple[TaskPower, ...]:
        """What the test set can settle, task by task."""
        counts = [
            sum(self.plan.examples.class_counts(index)[TEST].values()) for index in range(len(self.plan.experiment.tasks))
        ]
        return tuple(
            TaskPower(task.name, count, tuple(detectable_margin(count, rate) for rate in DISAGREEMENT_RATES))
            for task, count in zip(self.plan.experiment.tasks, counts, strict=True)
        )
