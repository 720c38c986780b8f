"""What is known about a plan before anything runs: its runs, their cost, and the chances of verdicts."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from mtlens.config.run import Run
from mtlens.config.run_kinds import MULTI
from mtlens.config.task import Task
from mtlens.data.splits import TEST
from mtlens.errors import MtlensError
from mtlens.execution.cost import Cost, count_flops, estimate
from mtlens.execution.evidence_cost import expected_evidence, job_flops
from mtlens.execution.experiment import unfinished
from mtlens.execution.lanes import Lanes, planned_lanes
from mtlens.execution.plan import Plan
from mtlens.statistics.shown import Unit
from mtlens.statistics.verdict_chance import Noise, chances_of_match
from mtlens.store.database.reader import query
from mtlens.store.workspace.evidence_folder import EvidenceFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import metric_object, metric_of

NUM_SEEDS = (3, 5, 10, 20)
"""Numbers of seeds for which the chance of a match is shown."""

_EARLIER = """
    SELECT task, metric, single_per_seed, multi_per_seed, standard_error, examples
    FROM comparison JOIN experiment USING (experiment_id)
    WHERE kind = ? AND task IS NOT NULL AND len(seeds) >= 3 AND standard_error > 0
    ORDER BY last_started
"""


class PlannedSetting(NamedTuple):
    """One kind of run of one set of tasks at one grid point, with its seeds."""

    role: str
    tasks: str
    epochs: int
    learning_rate: float
    seeds: tuple[int, ...]


class PlannedLook(NamedTuple):
    """A look after a number of seeds. runs, minutes: counted from the first run, at most."""

    seeds: int
    runs: int
    minutes: float


class TaskChance(NamedTuple):
    """Chance of a match for each of NUM_SEEDS if the models are equally good: with low, likely and high noise.

    margin: in words. chances: none for errors and losses, whose noise is unknown before models are trained. earlier: the noise
    is that of earlier runs in the workspace, and not of public tasks.
    """

    task: str
    margin: str
    test_examples: int
    chances: tuple[tuple[float, float, float], ...]
    earlier: bool

    @property
    def by_seeds(self) -> tuple[tuple[int, tuple[float, float, float]], ...]:
        """Numbers of seeds with their chances."""
        return tuple(zip(NUM_SEEDS, self.chances, strict=False))


class EarlierRuns(NamedTuple):
    """A comparison in the workspace: multi less single under each seed, its standard error and its test examples."""

    metric: str
    differences: tuple[float, ...]
    standard_error: float
    examples: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A plan with its cost in a workspace.

    missing: runs of the first look that are not finished there; cost: their cost. lacking: what this machine lacks for the
    lanes, if anything. evidence: seconds for the evidence. earlier: comparisons in the workspace by task.
    """

    plan: Plan
    missing: tuple[Run, ...]
    lanes: Lanes
    lacking: str
    cost: Cost
    evidence: float
    earlier: dict[str, EarlierRuns]

    @classmethod
    def of(cls, plan: Plan, workspace: Path) -> Self:
        """Count the missing runs and measure how fast this machine trains."""
        missing = tuple(unfinished(plan.distinct_first, workspace))
        lanes, lacking = planned_lanes(plan.experiment.resources)
        cost = estimate(plan, missing, lanes=lanes.side_by_side, threads=lanes.threads, gpu=lanes.gpus > 0)
        jobs = [job for job in expected_evidence(plan) if EvidenceFolder(Workspace(workspace), job.job_id).state != "done"]
        flops = sum(map(job_flops(plan), jobs))
        return cls(
            plan=plan,
            missing=missing,
            lanes=lanes,
            lacking=lacking,
            cost=cost,
            evidence=cost.of(flops, len(jobs), lanes.side_by_side),
            earlier=_read_earlier(workspace),
        )

    @property
    def minutes(self) -> str:
        """Time for the missing runs and the evidence in words: least with early stopping, most with all epochs."""
        both = (self.cost.least_seconds, self.cost.seconds)
        least, most = (f"{(seconds + self.evidence) / 60:.1f}" for seconds in both)
        return f"{most} minutes" if least == most else f"{least} to {most} minutes"

    @property
    def looks(self) -> tuple[PlannedLook, ...]:
        """Every look with its largest cost, which it has if nothing is settled before."""
        first = len(self.plan.distinct_first)
        per_seed = first / len(self.plan.experiment.first_seeds)
        share = 1 / len(self.plan.experiment.candidates("full"))  # later seeds train the chosen grid point alone
        minutes = self.cost.seconds / 60 / len(self.missing) if self.missing else 0.0
        schedule = self.plan.experiment.looks
        runs = [round(first + per_seed * share * (seeds - schedule[0])) for seeds in schedule]
        return tuple(PlannedLook(seeds, count, minutes * count) for seeds, count in zip(schedule, runs, strict=True))

    @property
    def settings(self) -> tuple[PlannedSetting, ...]:
        """The grid: each set of tasks and grid point with its seeds."""
        seeds: dict[tuple[str, str, int, float], list[int]] = {}
        for planned in self.plan.first:
            run, tasks = planned.run, ", ".join(task.name for task in planned.run.tasks)
            seeds.setdefault((planned.role, tasks, run.training.epochs, run.encoder_rate), []).append(run.seed)
        return tuple(PlannedSetting(*setting, tuple(of_setting)) for setting, of_setting in seeds.items())

    @property
    def minutes_by_seeds(self) -> tuple[float, ...]:
        """Largest time for all runs with each of NUM_SEEDS, if none is finished yet."""
        runs, seeds = self.plan.distinct_first, len(self.plan.experiment.first_seeds)
        of_seed = count_flops(self.plan, runs)[0] / seeds
        return tuple(
            self.cost.of(of_seed * number, len(runs) * number // seeds, self.lanes.side_by_side) / 60 for number in NUM_SEEDS
        )

    @property
    def chances(self) -> tuple[TaskChance, ...]:
        """Chance of a match by number of seeds, for each task."""
        experiment = self.plan.experiment
        tasks: list[TaskChance] = []
        for index, task in enumerate(experiment.tasks):
            counts = list(self.plan.examples.class_counts(index)[TEST].values())
            margin = experiment.margins[task.name]
            noise = self._noise(task, counts)
            chances = [chances_of_match(noise, margin, number, len(experiment.tasks)) for number in NUM_SEEDS] if noise else []
            within = Unit(metric_of(task)).margin_in_words(margin)
            tasks.append(TaskChance(task.name, within, sum(counts), tuple(chances), noise is not None and noise.earlier))
        return tuple(tasks)

    def _noise(self, task: Task, counts: list[int]) -> Noise | None:
        """Noise of earlier runs with the same metric, else of public tasks; None for errors and losses without earlier runs."""
        earlier = self.earlier.get(task.name)
        if earlier and earlier.metric == metric_of(task):
            return Noise.of_earlier_runs(earlier.differences, earlier.standard_error, sum(counts) / earlier.examples)
        metric = metric_object(task)
        if metric.lower_is_better:
            return None
        return Noise.of_public_tasks(self.plan.experiment.encoder.name, metric, [count for count in counts if count])


def _read_earlier(folder: Path) -> dict[str, EarlierRuns]:
    """The newest comparison of each task in a workspace; empty where there is no workspace yet."""
    try:
        rows = query(Workspace.open(folder, create=False), _EARLIER, [MULTI.name]).rows
    except MtlensError:
        return {}
    return {
        task: EarlierRuns(metric, tuple(np.subtract(multi, single).tolist()), error, examples)
        for task, metric, single, multi, error, examples in rows
    }
