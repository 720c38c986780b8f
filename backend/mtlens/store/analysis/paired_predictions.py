"""Reads the predictions of paired runs from the store, for each task those that its metric reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.data.splits import TEST, SplitName
from mtlens.statistics.metrics import find_metric
from mtlens.statistics.out_of_fold import OutOfFoldPredictions, out_of_fold
from mtlens.statistics.predictions import Predictions
from mtlens.statistics.spans import equally_wide, padded
from mtlens.statistics.task_predictions import TaskPredictions
from mtlens.store.analysis.model_selection import Pairs
from mtlens.store.database import writer
from mtlens.tasks import KINDS


@dataclass(frozen=True, kw_only=True)
class JudgedTask:
    """A row of table `task`. unit: what scores are divided by before a mean over tasks is taken."""

    task: str
    kind: str
    classes: tuple[str, ...]
    metric: str
    margin: float
    unit: float

    @property
    def columns(self) -> tuple[str, str]:
        """Columns of table `prediction` with the labels and the predictions that its metric reads."""
        return KINDS[self.kind].columns[find_metric(self.metric, self.classes).reads]


def read_tasks(connection: writer.Connection, experiment_id: str) -> list[JudgedTask]:
    """The tasks of an experiment, in its order."""
    query = "SELECT task, task_kind, classes, metric, margin, unit FROM task WHERE experiment_id = ? ORDER BY position"
    return [
        JudgedTask(task=task, kind=kind, classes=tuple(classes), metric=metric, margin=margin, unit=unit)
        for task, kind, classes, metric, margin, unit in connection.execute(query, [experiment_id]).fetchall()
    ]


def read_predictions(
    connection: writer.Connection, experiment_id: str, pairs: Pairs, split: SplitName = TEST
) -> list[Predictions]:
    """Predictions of all paired runs, task by task in the order of the experiment; with folds, each run's on its own."""
    tasks = [task for task in read_tasks(connection, experiment_id) if task.task in pairs]
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE paired AS
        SELECT run_id, task, example, cluster, {", ".join(sorted({name for task in tasks for name in task.columns}))}
        FROM prediction
        JOIN (
            SELECT example_id, cluster, row_number() OVER (ORDER BY example_id) - 1 AS example
            FROM example
            WHERE experiment_id = $experiment_id
        ) USING (example_id)
        WHERE split = $split AND run_id IN (SELECT unnest($run_ids))
        """,
        {
            "experiment_id": experiment_id,
            "split": split,
            "run_ids": sorted({run_id for seeds in pairs.values() for both in seeds.values() for run_id in both}),
        },
    )
    folds = _folds_of_seeds(connection, pairs)
    read = _of_task if folds is None else partial(_out_of_fold, folds)
    found = [read(connection, task, list(pairs[task.task].values())) for task in tasks]
    return [task for task in found if task]


def _folds_of_seeds(connection: writer.Connection, pairs: Pairs) -> list[int] | None:
    """The fold that each paired seed leaves out; None where none is left out."""
    run_ids = [single for single, _ in next(iter(pairs.values())).values()]
    query = "SELECT run_id, fold FROM run WHERE run_id IN (SELECT unnest(?)) AND fold IS NOT NULL"
    folds: dict[str, int] = dict(connection.execute(query, [run_ids]).fetchall())
    return [folds[run_id] for run_id in run_ids] if folds else None


def _of_task(connection: writer.Connection, task: JudgedTask, pairs: Sequence[tuple[str, str]]) -> TaskPredictions | None:
    """Predictions of S pairs of runs on the n examples with a label; None where there is no such example."""
    run_ids = [baseline for baseline, _ in pairs] + [candidate for _, candidate in pairs]
    names = [f"run_{i}" for i in range(len(run_ids))]
    label, predicted = task.columns
    of_runs = ", ".join(f"any_value({predicted}) FILTER (run_id = ${name}) AS {name}" for name in names)
    found = connection.execute(
        f"""
        SELECT example, any_value(cluster) AS cluster, any_value({label}) AS label, {of_runs}
        FROM paired
        WHERE task = $task AND list_contains($run_ids, run_id)
        GROUP BY example
        HAVING count(*) = $num_runs
        ORDER BY example
        """,
        {"task": task.task, "run_ids": run_ids, "num_runs": len(set(run_ids)), **dict(zip(names, run_ids, strict=True))},
    ).fetchnumpy()
    example, cluster, labels, *outputs = map(_plain, found.values())
    if len(example) == 0:
        return None
    if label == "true_spans":
        labels, *outputs = equally_wide(labels, *outputs)
    return TaskPredictions(
        task=task.task,
        num_classes=len(task.classes),
        class_names=task.classes,
        metric=task.metric,
        example=example,
        cluster=cluster,
        labels=labels,
        baseline=np.stack(outputs[: len(pairs)]),
        candidate=np.stack(outputs[len(pairs) :]),
    )


def _plain(column: Any) -> NDArray[Any]:
    """A column of numbers `[n]`, or of lists of as many numbers `[n, C]`; shorter lists, of spans, are filled up."""
    array = np.asarray(column)
    if array.dtype != object or not len(array):
        return array
    return np.stack(list(array)) if len(set(map(len, array))) == 1 else padded(list(array))


def _out_of_fold(
    folds: Sequence[int], connection: writer.Connection, task: JudgedTask, pairs: Sequence[tuple[str, str]]
) -> OutOfFoldPredictions | None:
    """Predictions of S pairs of runs, each on the fold that it left out; None where there are fewer than two folds."""
    seeds = [_of_task(connection, task, [both]) for both in pairs]
    known = [(predictions, fold) for predictions, fold in zip(seeds, folds, strict=True) if predictions]
    if len({fold for _, fold in known}) < 2:
        return None
    return out_of_fold([predictions for predictions, _ in known], [fold for _, fold in known])
