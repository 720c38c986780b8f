"""An experiment's groups from the store: their runs, scores on validation and test, and affinities of pairs of tasks.

Runs count once their grid point is selected. Tasks are numbered in the order of the experiment, groups are bit masks.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtlens.config.hashing import content_hash
from mtlens.config.run_kinds import GROUP_KINDS
from mtlens.config.sections import Encoder, Search
from mtlens.data.splits import SCORED, TEST, VALIDATION
from mtlens.grouping.measurements import FeatureAffinities, Floats, GradientAffinities, Measured, Pairwise, mean_and_error
from mtlens.grouping.partitions import Group, all_groups, group_of, tasks_of
from mtlens.store.database import writer

_RUNS = """
    SELECT run_id, tasks, seed, seconds, parameters, TRY_CAST(facts ->> 'inference_seconds' AS DOUBLE) AS inference_seconds
    FROM experiment_run JOIN run USING (run_id)
    WHERE experiment_id = $id AND list_contains($kinds, role) AND selected AND state = 'done'
    ORDER BY run_id
"""
_SCORES = """
    SELECT run_id, split, task, score FROM score JOIN experiment_run USING (experiment_id, run_id)
    WHERE experiment_id = $id AND list_contains($kinds, role) AND selected AND isfinite(score)
"""
_COSINES = """
    SELECT task_a, task_b, seed, debiased FROM gradient_alignment
    WHERE setting = 'multi' AND stage = 'training' AND layer IS NULL AND parameters = 'all' AND task_a <> task_b
        AND job_id IN (SELECT job_id FROM bookkeeping.experiment_evidence_job WHERE experiment_id = ?)
    ORDER BY ALL
"""
_LOOKAHEADS = """
    SELECT task_from, task_for, seed, avg(lookahead), avg(first_order) FROM lookahead
    WHERE job_id IN (SELECT job_id FROM bookkeeping.experiment_evidence_job WHERE experiment_id = ?)
    GROUP BY ALL
    ORDER BY ALL
"""
_LINEARISED = """
    SELECT task_from, task_for, seed, affinity FROM linearised
    WHERE job_id IN (SELECT job_id FROM bookkeeping.experiment_evidence_job WHERE experiment_id = ?)
    ORDER BY ALL
"""
_SIMILARITIES = """
    SELECT task_a, task_b, similarity, (high - low) / 2 / 1.96 FROM summary.similarity
    WHERE experiment_id = $id AND kind = 'tasks' AND estimator = 'debiased' AND features = 'hidden' AND pooling = $pooling
    QUALIFY layer = max(layer) OVER ()
    ORDER BY ALL
"""
_EVIDENCE_SECONDS = """
    SELECT kind, sum(seconds) FROM bookkeeping.experiment_evidence_job JOIN bookkeeping.evidence_job_seen USING (job_id)
    WHERE experiment_id = ? GROUP BY kind
"""


@dataclass(frozen=True, kw_only=True)
class GroupRun:
    """A finished run of a group. Times are in seconds; inference: on the test split."""

    run_id: str
    seconds: float | None
    parameters: float | None
    inference_seconds: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupScores:
    """The groups of an experiment with a search that are trained so far. runs: (group, seed) -> run.

    Scores and margin are in the unit of the tasks (`task.unit`); larger is better.
    """

    experiment_id: str
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    margin: float
    search: Search
    runs: dict[tuple[Group, int], GroupRun]
    validation: Measured
    test: Measured
    gradients: GradientAffinities
    features: FeatureAffinities
    evidence_seconds: dict[str, float]
    inputs: str  # hash of the search, the runs and the evidence

    @property
    def complete(self) -> tuple[Group, ...]:
        """Groups that are trained under every seed, and scored on both splits."""
        return tuple(
            group
            for group in self.validation.groups
            if all((group, seed) in self.runs for seed in self.seeds)
            and all(_whole(scores, group) for scores in (self.validation, self.test))
        )

    @property
    def is_exhaustive(self) -> bool:
        """Whether all groups are complete."""
        return len(self.complete) == len(all_groups(len(self.tasks)))

    @property
    def cost(self) -> Callable[[Group], float]:
        """Cost of a model of a group, in task-specific models."""
        return lambda group: self.search.costs.get(group.bit_count(), 1.0)

    def names(self, group: Group) -> list[str]:
        """Names of the group's tasks."""
        return [self.tasks[task] for task in tasks_of(group)]

    def mean(self, group: Group, field: str) -> float | None:
        """Mean over seeds of a cost of a group's run; None where one is unknown."""
        found = [getattr(run, field) for (of, _), run in self.runs.items() if of == group]
        return float(np.mean(found)) if found and None not in found else None


def gather(connection: writer.Connection, experiment_id: str) -> GroupScores | None:
    """Scores and affinities; None where the experiment has no search, or a task has no task-specific model yet."""
    query = "SELECT specification, seeds FROM experiment WHERE experiment_id = ?"
    about = connection.execute(query, [experiment_id]).fetchone()
    specification = json.loads(about[0]) if about else {}
    if about is None or not specification.get("search"):
        return None
    tasks = tuple(task["name"] for task in specification["tasks"])
    seeds = tuple(about[1])
    runs, group_seed = _runs(connection, experiment_id, tasks)
    splits = _scores(connection, experiment_id, tasks, seeds, group_seed)
    if any((1 << task, task) not in scores for scores in splits.values() for task in range(len(tasks))):
        return None
    pooling = Encoder.model_validate(specification["encoder"]).stored_pooling
    cosines = connection.execute(_COSINES, [experiment_id]).fetchall()
    ahead = connection.execute(_LOOKAHEADS, [experiment_id]).fetchall()
    linearised = connection.execute(_LINEARISED, [experiment_id]).fetchall()
    similarities = connection.execute(_SIMILARITIES, {"id": experiment_id, "pooling": pooling}).fetchall()
    seconds = connection.execute(_EVIDENCE_SECONDS, [experiment_id]).fetchall()
    evidence = [repr(rows) for rows in (cosines, ahead, linearised, similarities)]
    return GroupScores(
        experiment_id=experiment_id,
        tasks=tasks,
        seeds=seeds,
        margin=_margin(connection, experiment_id),
        search=Search.model_validate(specification["search"]),
        runs=runs,
        validation=Measured(num_tasks=len(tasks), scores=splits[VALIDATION]),
        test=Measured(num_tasks=len(tasks), scores=splits[TEST]),
        gradients=GradientAffinities(
            cosine=_over_seeds(_both_ways(cosines), tasks),
            lookahead=_over_seeds([row[:4] for row in ahead], tasks),
            first_order=_over_seeds([(*row[:3], row[4]) for row in ahead], tasks),
            linearised=_over_seeds(linearised, tasks),
        ),
        features=FeatureAffinities(cka=pairwise_of(_both_ways(similarities), tasks)),
        evidence_seconds={kind: float(total) for kind, total in seconds if total is not None},
        inputs=content_hash([specification["search"], sorted(run.run_id for run in runs.values()), *evidence]),
    )


def _groups_of(experiment_id: str) -> dict[str, object]:
    """Parameters of queries about the runs of groups."""
    return {"id": experiment_id, "kinds": [kind.name for kind in GROUP_KINDS]}


def _margin(connection: writer.Connection, experiment_id: str) -> float:
    """That of all tasks, in their unit: 1 where that is the margin of each."""
    ((margin,),) = connection.execute("SELECT max(margin / unit) FROM task WHERE experiment_id = ?", [experiment_id]).fetchall()
    return margin


def _whole(scores: Measured, group: Group) -> bool:
    found = [scores.scores.get((group, task)) for task in tasks_of(group)]
    return all(score is not None and not np.isnan(score).any() for score in found)


def _runs(
    connection: writer.Connection, experiment_id: str, tasks: tuple[str, ...]
) -> tuple[dict[tuple[Group, int], GroupRun], dict[str, tuple[Group, int]]]:
    runs: dict[tuple[Group, int], GroupRun] = {}
    group_seed: dict[str, tuple[Group, int]] = {}
    for run_id, names, seed, seconds, parameters, inference in connection.execute(_RUNS, _groups_of(experiment_id)).fetchall():
        key = group_of(tasks.index(name) for name in names), seed
        group_seed[run_id] = key
        runs[key] = GroupRun(run_id=run_id, seconds=seconds, parameters=parameters, inference_seconds=inference)
    return runs, group_seed


def _scores(
    connection: writer.Connection,
    experiment_id: str,
    tasks: tuple[str, ...],
    seeds: tuple[int, ...],
    group_seed: dict[str, tuple[Group, int]],
) -> dict[str, dict[tuple[Group, int], Floats]]:
    """Split -> (group, task) -> score `[S]`, NaN where there is none."""
    found: dict[str, dict[tuple[Group, int], Floats]] = {split: {} for split in SCORED}
    for run_id, split, task, value in connection.execute(_SCORES, _groups_of(experiment_id)).fetchall():
        if run_id in group_seed:
            group, seed = group_seed[run_id]
            scores = found[split].setdefault((group, tasks.index(task)), np.full(len(seeds), np.nan))
            scores[seeds.index(seed)] = value
    return found


def _over_seeds(rows: list[tuple[str, str, int, float | None]], tasks: tuple[str, ...]) -> Pairwise | None:
    """Mean and its error over seeds, of the first task for the second; None without rows."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for task_from, task_for, _, value in rows:
        if value is not None:
            values[task_from, task_for].append(value)
    return pairwise_of([(*pair, *mean_and_error(np.array(found))) for pair, found in sorted(values.items())], tasks)


def _both_ways(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [row for a, b, *rest in rows for row in ((a, b, *rest), (b, a, *rest))]


def pairwise_of(rows: list[tuple[str, str, float | None, float | None]], tasks: tuple[str, ...]) -> Pairwise | None:
    """Affinities and errors, NaN where unknown, from rows (from, for, affinity, error or None: infinite); None without rows."""
    if not rows:
        return None
    values, errors = np.full((2, len(tasks), len(tasks)), np.nan)
    for task_from, task_for, value, error in rows:
        place = tasks.index(task_from), tasks.index(task_for)
        values[place] = np.nan if value is None else value
        errors[place] = np.inf if error is None else error
    return Pairwise(values=values, errors=errors)
