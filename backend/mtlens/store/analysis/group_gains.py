"""Fills `summary.group_gain`: gains and losses on test of the tasks of each group that a search trained.

A group is compared with the task-specific models by the test of table `comparison`, with Holm's correction over its tasks, once
all its seeds are done. The group of all tasks is the multi-task model; table `comparison` has its comparisons already.
"""

from collections import defaultdict
from collections.abc import Sequence

from mtlens.config.hashing import content_hash
from mtlens.config.run_kinds import GROUP, SINGLE
from mtlens.statistics.equivalence import compare
from mtlens.store.analysis.comparisons import finite
from mtlens.store.analysis.model_selection import Pairs
from mtlens.store.analysis.paired_predictions import read_predictions, read_tasks
from mtlens.store.database import writer
from mtlens.store.tables.claim import GroupGainRow

_RUNS = """
    SELECT role, tasks, seed, run_id FROM experiment_run JOIN run USING (run_id)
    WHERE experiment_id = $id AND list_contains([$single, $group], role) AND selected AND state = 'done'
"""
_STORED = "SELECT DISTINCT tasks, pairs FROM summary.group_gain WHERE experiment_id = ?"
Tasks = tuple[str, ...]


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Compute the gains of complete groups whose runs have changed."""
    groups = _complete(connection, experiment_id)
    stored = {tuple(tasks): pairs for tasks, pairs in connection.execute(_STORED, [experiment_id]).fetchall()}
    for tasks in stored.keys() | groups.keys():
        pairs = groups.get(tasks, {})
        if stored.get(tasks) != (key := content_hash(pairs) if pairs else None):
            delete = "DELETE FROM summary.group_gain WHERE experiment_id = ? AND tasks = ?"
            connection.execute(delete, [experiment_id, list(tasks)])
            if key is not None:
                writer.insert_rows(connection, _gains(connection, experiment_id, tasks, pairs, key))


def _complete(connection: writer.Connection, experiment_id: str) -> dict[Tasks, Pairs]:
    """Group -> its runs beside the task-specific ones, for groups in which every seed is done."""
    about = connection.execute("SELECT seeds FROM experiment WHERE experiment_id = ?", [experiment_id]).fetchone()
    runs: dict[tuple[str, Tasks], dict[int, str]] = defaultdict(dict)
    named = {"id": experiment_id, "single": SINGLE.name, "group": GROUP.name}
    for role, tasks, seed, run_id in connection.execute(_RUNS, named).fetchall():
        runs[role, tuple(sorted(tasks))][seed] = run_id
    seeds: Sequence[int] = about[0] if about else ()
    return {
        tasks: {
            task: {seed: (runs[SINGLE.name, (task,)][seed], of_group[seed]) for seed in seeds}
            for task in tasks
        }
        for (role, tasks), of_group in list(runs.items())
        if role == GROUP.name and all(set(seeds) <= found.keys() for found in (of_group, *_alone(runs, tasks)))
    }  # fmt: skip


def _alone(runs: dict[tuple[str, Tasks], dict[int, str]], tasks: Tasks) -> list[dict[int, str]]:
    return [runs.get((SINGLE.name, (task,)), {}) for task in tasks]


def _gains(connection: writer.Connection, experiment_id: str, tasks: Tasks, pairs: Pairs, key: str) -> list[GroupGainRow]:
    margins = {task.task: task.margin for task in read_tasks(connection, experiment_id)}
    predictions = read_predictions(connection, experiment_id, pairs)
    return [
        GroupGainRow(
            experiment_id=experiment_id,
            tasks=tasks,
            task=found.task,
            difference=finite(found.difference),
            standard_error=finite(found.standard_error),
            low=finite(found.low95),
            high=finite(found.high95),
            verdict=found.verdict,
            seeds=found.num_seeds,
            pairs=key,
        )
        for found in (compare(predictions, margin=margins) if predictions else ())
        if found.task is not None
    ]
