"""Fills table `comparison`: each kind of model against the task-specific ones, on the same test examples and seeds.

The cost is that of one experiment, and is paid only where the runs that are paired have changed.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mtlens.config.hashing import content_hash
from mtlens.config.run_kinds import RUN_KINDS
from mtlens.data.splits import TEST, VALIDATION
from mtlens.statistics.comparison import Comparison
from mtlens.statistics.equivalence import compare
from mtlens.statistics.out_of_fold import OutOfFoldPredictions, out_of_fold
from mtlens.statistics.predictions import Predictions
from mtlens.statistics.task_predictions import TaskPredictions
from mtlens.store.analysis.model_selection import Pairs, Selection, TrainedRun, pair, select, select_of_looks
from mtlens.store.analysis.training_end import improving_kinds
from mtlens.store.database import writer
from mtlens.store.tables.bookkeeping import ComparisonSeenRow
from mtlens.store.tables.comparisons import ComparisonRow

_NAMES = {
    "baseline_mean": "single_mean",
    "candidate_mean": "multi_mean",
    "baseline_per_seed": "single_per_seed",
    "candidate_per_seed": "multi_per_seed",
    "baseline_collapsed": "single_collapsed",
    "candidate_collapsed": "multi_collapsed",
    "num_examples": "examples",
    "num_clusters": "clusters",
}
"""Columns of table `comparison` that are called otherwise in `Comparison`."""
_NOT_STORED = ("num_seeds", "shares", "chances")


def refresh(connection: writer.Connection, experiment_id: str) -> None:
    """Choose among the grid's points, and recompute an experiment's comparisons as far as the paired runs have changed.

    Where there are several looks, `mtlens.store.analysis.looks` compares.
    """
    about = connection.execute(
        "SELECT margin, seeds, looks FROM experiment WHERE experiment_id = ?", [experiment_id]
    ).fetchone()
    if about is None:  # its manifest cannot be read
        return
    margin, seeds, looks = about
    runs = read_runs(connection, experiment_id)
    selection = select(runs, len(seeds)) if len(looks) == 1 else select_of_looks(runs, seeds[: looks[0]])
    _store_selection(connection, experiment_id, selection)
    if len(looks) > 1:
        return
    seen = compared_pairs(connection, experiment_id)
    for kind in [kind.name for kind in RUN_KINDS.values() if kind.compared and kind.trained]:
        pairs = pair(runs, selection, kind)
        if content_hash(pairs) != seen.get(kind):
            tasks = read_predictions(connection, experiment_id, pairs) if pairs else []
            found = compare(tasks, margin=margin) if tasks else ()
            store_comparisons(connection, experiment_id, kind, pairs, found)


def compared_pairs(connection: writer.Connection, experiment_id: str) -> dict[str, str]:
    """Kind -> hash of the pairs that its comparisons speak of."""
    query = "SELECT kind, pairs FROM bookkeeping.comparison_seen WHERE experiment_id = ?"
    return dict(connection.execute(query, [experiment_id]).fetchall())


def read_runs(connection: writer.Connection, experiment_id: str) -> list[TrainedRun]:
    """The runs that an experiment has asked for."""
    rows = connection.execute(
        """
        SELECT run_id, role, candidate, coalesce(seed, -1), coalesce(tasks, []), coalesce(state, 'waiting'),
            coalesce(validation, '-inf')
        FROM experiment_run
        LEFT JOIN run USING (run_id)
        LEFT JOIN (
            SELECT run_id, avg(value) AS validation
            FROM score
            WHERE experiment_id = $experiment_id AND split = $validation AND isfinite(value)
            GROUP BY run_id
        ) USING (run_id)
        WHERE experiment_id = $experiment_id
        ORDER BY role, candidate, run_id
        """,
        {"experiment_id": experiment_id, "validation": VALIDATION},
    ).fetchall()
    return [
        TrainedRun(run_id=id_, role=role, candidate=candidate, seed=seed, tasks=tuple(tasks), state=state, validation=score)
        for id_, role, candidate, seed, tasks, state, score in rows
    ]


def _store_selection(connection: writer.Connection, experiment_id: str, selection: Selection) -> None:
    connection.execute(
        """
        UPDATE experiment_run
        SET selected = chosen.selected
        FROM (
            SELECT unnest($roles::VARCHAR[]) AS role, unnest($ids::VARCHAR[]) AS run_id, unnest($chosen::BOOLEAN[]) AS selected
        ) AS chosen
        WHERE experiment_id = $experiment_id
            AND experiment_run.role = chosen.role
            AND experiment_run.run_id = chosen.run_id
            AND experiment_run.selected IS DISTINCT FROM chosen.selected
        """,
        {
            "experiment_id": experiment_id,
            "roles": [role for role, _ in selection],
            "ids": [run_id for _, run_id in selection],
            "chosen": list(selection.values()),
        },
    )


def read_predictions(connection: writer.Connection, experiment_id: str, pairs: Pairs) -> list[Predictions]:
    """Test predictions of all paired runs, task by task in the order of the experiment; with folds, each run's on its own."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE paired AS
        SELECT run_id, task, example, cluster, label, predicted
        FROM prediction
        JOIN (
            SELECT example_id, cluster, row_number() OVER (ORDER BY example_id) - 1 AS example
            FROM example
            WHERE experiment_id = $experiment_id
        ) USING (example_id)
        WHERE split = $test AND run_id IN (SELECT unnest($run_ids))
        """,
        {
            "experiment_id": experiment_id,
            "test": TEST,
            "run_ids": sorted({run_id for seeds in pairs.values() for both in seeds.values() for run_id in both}),
        },
    )
    folds = _folds_of_seeds(connection, pairs)
    read = _of_task if folds is None else partial(_out_of_fold, folds)
    tasks = [
        read(connection, task, tuple(classes), metric, list(pairs[task].values()))
        for task, classes, metric in _tasks(connection, experiment_id)
        if task in pairs
    ]
    return [task for task in tasks if task]


def _folds_of_seeds(connection: writer.Connection, pairs: Pairs) -> list[int] | None:
    """The fold that each paired seed leaves out; None where none is left out."""
    run_ids = [single for single, _ in next(iter(pairs.values())).values()]
    query = "SELECT run_id, fold FROM run WHERE run_id IN (SELECT unnest(?)) AND fold IS NOT NULL"
    folds: dict[str, int] = dict(connection.execute(query, [run_ids]).fetchall())
    return [folds[run_id] for run_id in run_ids] if folds else None


def _tasks(connection: writer.Connection, experiment_id: str) -> list[tuple[str, list[str], str]]:
    """Names, classes and metrics, in the order of the experiment."""
    query = "SELECT task, classes, metric FROM task WHERE experiment_id = ? ORDER BY position"
    return connection.execute(query, [experiment_id]).fetchall()


def _of_task(
    connection: writer.Connection, task: str, classes: tuple[str, ...], metric: str, pairs: Sequence[tuple[str, str]]
) -> TaskPredictions | None:
    """Predictions of S pairs of runs on the n test examples with a label; None where there is no such example."""
    run_ids = [single for single, _ in pairs] + [other for _, other in pairs]
    columns = [f"run_{i}" for i in range(len(run_ids))]
    of_runs = ", ".join(f"max(predicted) FILTER (run_id = ${name}) AS {name}" for name in columns)
    found = connection.execute(
        f"""
        SELECT example, any_value(cluster) AS cluster, any_value(label) AS label, {of_runs}
        FROM paired
        WHERE task = $task AND list_contains($run_ids, run_id)
        GROUP BY example
        HAVING count(*) = $num_runs
        ORDER BY example
        """,
        {"task": task, "run_ids": run_ids, "num_runs": len(set(run_ids)), **dict(zip(columns, run_ids, strict=True))},
    ).fetchnumpy()
    example, cluster, labels, *predicted = (np.asarray(column) for column in found.values())
    if len(example) == 0:
        return None
    return TaskPredictions(
        task=task,
        num_classes=len(classes),
        class_names=classes,
        metric=metric,
        example=example,
        cluster=cluster,
        labels=labels,
        baseline=np.stack(predicted[: len(pairs)]),
        candidate=np.stack(predicted[len(pairs) :]),
    )


def _out_of_fold(
    folds: Sequence[int],
    connection: writer.Connection,
    task: str,
    classes: tuple[str, ...],
    metric: str,
    pairs: Sequence[tuple[str, str]],
) -> OutOfFoldPredictions | None:
    """Predictions of S pairs of runs, each on the fold that it left out; None where there are fewer than two folds."""
    seeds = [_of_task(connection, task, classes, metric, [both]) for both in pairs]
    known = [(one, fold) for one, fold in zip(seeds, folds, strict=True) if one]
    if len({fold for _, fold in known}) < 2:
        return None
    return out_of_fold([one for one, _ in known], [fold for _, fold in known])


def store_comparisons(
    connection: writer.Connection, experiment_id: str, kind: str, pairs: Pairs, found: Sequence[Comparison]
) -> None:
    """Put the comparisons of one kind in place of the older ones; the pooled one only where no task is missing."""
    for table in ("comparison", "bookkeeping.comparison_seen"):
        connection.execute(f"DELETE FROM {table} WHERE experiment_id = ? AND kind = ?", [experiment_id, kind])
    writer.insert_rows(connection, [ComparisonSeenRow(experiment_id=experiment_id, kind=kind, pairs=content_hash(pairs))])
    complete = len(found) > len(_tasks(connection, experiment_id))
    seeds = max(map(list, pairs.values()), key=len, default=[])
    improving = _improving(connection, kind, pairs)
    rows = [
        ComparisonRow(
            experiment_id=experiment_id,
            kind=kind,
            seeds=seeds[: comparison.num_seeds],
            still_improving=improving[comparison.task],
            **_columns(comparison, seeds),
        )
        for comparison in found
        if complete or comparison.task is not None
    ]
    writer.insert_rows(connection, rows)


def _improving(connection: writer.Connection, kind: str, pairs: Pairs) -> dict[str | None, list[str]]:
    """Kinds of models that were still improving, by task; None: in any of the tasks."""
    runs = dict(connection.execute("SELECT run_id, still_improving FROM run").fetchall())
    of_tasks: dict[str | None, list[str]] = {task: improving_kinds(kind, of_task, runs) for task, of_task in pairs.items()}
    return {**of_tasks, None: sorted({name for kinds in of_tasks.values() for name in kinds})}


def _columns(comparison: Comparison, seeds: Sequence[int]) -> dict[str, Any]:
    """Columns of table `comparison`; what is not finite has no value there."""
    columns: dict[str, Any] = {
        _NAMES.get(name, name): finite(value) if isinstance(value, float) else value
        for name, value in vars(comparison).items()
        if name not in _NOT_STORED
    }
    for collapsed in ("single_collapsed", "multi_collapsed"):
        columns[collapsed] = [seeds[place] for place in columns[collapsed]]
    return columns


def finite(value: float) -> float | None:
    """A number, or None for one that is not finite."""
    return value if math.isfinite(value) else None
