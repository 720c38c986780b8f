"""Models x tasks: the scores of finished runs, over their seeds, and where the predictions went wrong. Groups of tasks, which a
search trains by the dozen, are told by `mtlens_dashboard.queries.groupings`.
"""

from dataclasses import dataclass

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos

SplitName = str


@dataclass(frozen=True, kw_only=True)
class ScoreInfo:
    """One kind of model on one task. deviation: sample standard deviation between seeds; None for one seed."""

    role: str
    task: str
    metric: str
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True, kw_only=True)
class ConfusionInfo:
    """Labels against predictions of one kind of model on one task, summed over its seeds.

    counts[i][j]: examples of class i that were predicted as class j.
    """

    role: str
    task: str
    split: str
    classes: tuple[str, ...]
    seeds: int
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class _Cell:
    role: str
    seeds: int
    label: int
    predicted: int
    number: int
    classes: tuple[str, ...]


_SCORES = """
    SELECT
        role, metric.task, metric.name AS metric, avg(value) AS mean, stddev_samp(value) AS deviation, min(value) AS low,
        max(value) AS high, count(DISTINCT run_id) AS seeds
    FROM experiment_run
    JOIN metric USING (run_id)
    LEFT JOIN task ON task.experiment_id = experiment_run.experiment_id AND task.task = metric.task
    WHERE experiment_run.experiment_id = $experiment_id AND coalesce(selected, candidate = 0) AND split = $split
        AND "class" IS NULL AND isfinite(value) AND role <> 'group'
    GROUP BY role, metric.task, metric.name
    ORDER BY metric.name, list_position(['single', 'multi', 'adapter', 'shuffled'], role), any_value(position), metric.task
"""

_CONFUSION = """
    WITH asked AS (
        SELECT DISTINCT run_id, role FROM experiment_run
        WHERE experiment_id = $experiment_id AND coalesce(selected, candidate = 0) AND role <> 'group'
    ),
    cell AS (
        SELECT run_id, label, predicted, count(*) AS number
        FROM prediction
        WHERE task = $task AND split = $split AND run_id IN (SELECT run_id FROM asked)
        GROUP BY ALL
    )
    SELECT
        role, first(seeds) AS seeds, label, predicted, CAST(sum(number) AS BIGINT) AS number,
        coalesce((SELECT classes FROM task WHERE experiment_id = $experiment_id AND task = $task), []) AS classes
    FROM (SELECT *, count(DISTINCT run_id) OVER (PARTITION BY role) AS seeds FROM asked JOIN cell USING (run_id))
    GROUP BY role, label, predicted
    ORDER BY list_position(['single', 'multi', 'adapter', 'shuffled'], role), label, predicted
"""


def scores(workspace: Workspace, experiment_id: str, split: SplitName = "test") -> tuple[ScoreInfo, ...]:
    """Every metric of the runs that are compared, by kind of model and task."""
    return read_infos(workspace, ScoreInfo, _SCORES, {"experiment_id": experiment_id, "split": split})


def confusion(workspace: Workspace, experiment_id: str, task: str, split: SplitName = "test") -> tuple[ConfusionInfo, ...]:
    """One matrix per kind of model that has predicted the task."""
    params = {"experiment_id": experiment_id, "task": task, "split": split}
    cells = read_infos(workspace, _Cell, _CONFUSION, params)
    return tuple(
        _matrix([cell for cell in cells if cell.role == role], task, split)
        for role in dict.fromkeys(cell.role for cell in cells)
    )


def _matrix(cells: list[_Cell], task: str, split: str) -> ConfusionInfo:
    classes = cells[0].classes
    counts = [[0] * len(classes) for _ in classes]
    for cell in cells:
        counts[cell.label][cell.predicted] = cell.number
    rows = tuple(map(tuple, counts))
    return ConfusionInfo(role=cells[0].role, task=task, split=split, classes=classes, seeds=cells[0].seeds, counts=rows)
