"""Scores of each model and task over the seeds, and confusion matrices: views `model_scores` and `confusion`, without the runs
that a search asked for, which `mtlens_dashboard.queries.groupings` reads.
"""

from dataclasses import dataclass
from itertools import groupby

from mtlens.data.splits import TEST, SplitName
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import columns, read_infos


@dataclass(frozen=True, kw_only=True)
class ScoreInfo:
    """One model on one of its tasks. deviation: sample standard deviation between seeds; None for one seed."""

    role: str
    tasks: tuple[str, ...]
    task: str
    metric: str
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True, kw_only=True)
class ConfusionInfo:
    """Labels against predictions of one model on one task, summed over its seeds. tasks: those that the model is trained on.

    counts[i][j]: examples of class i that were predicted as class j.
    """

    role: str
    tasks: tuple[str, ...]
    task: str
    split: str
    classes: tuple[str, ...]
    seeds: int
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class _Cell:
    role: str
    tasks: tuple[str, ...]
    seeds: int
    label: int
    predicted: int
    examples: int
    classes: tuple[str, ...]


_SCORES = f"""
    SELECT {columns(ScoreInfo)} FROM model_scores
    WHERE experiment_id = $experiment_id AND split = $split AND role NOT IN (SELECT name FROM run_kind WHERE asked_by IS NULL)
"""

_CONFUSION = f"""
    SELECT {columns(_Cell, "classes")},
        coalesce((SELECT classes FROM task WHERE experiment_id = $experiment_id AND task = $task), []) AS classes
    FROM confusion
    WHERE experiment_id = $experiment_id AND task = $task AND split = $split
        AND role NOT IN (SELECT name FROM run_kind WHERE asked_by IS NULL)
"""


def scores(workspace: Workspace, experiment_id: str, split: SplitName = TEST) -> tuple[ScoreInfo, ...]:
    """Every metric of the runs that are compared, by model and task."""
    return read_infos(workspace, ScoreInfo, _SCORES, {"experiment_id": experiment_id, "split": split})


def confusion(workspace: Workspace, experiment_id: str, task: str, split: SplitName = TEST) -> tuple[ConfusionInfo, ...]:
    """One matrix per model that has predicted the task."""
    params = {"experiment_id": experiment_id, "task": task, "split": split}
    cells = read_infos(workspace, _Cell, _CONFUSION, params)
    models = groupby(cells, key=lambda cell: (cell.role, cell.tasks))
    return tuple(_matrix(list(of_model), task, split) for _, of_model in models)


def _matrix(cells: list[_Cell], task: str, split: str) -> ConfusionInfo:
    first = cells[0]
    counts = [[0] * len(first.classes) for _ in first.classes]
    for cell in cells:
        counts[cell.label][cell.predicted] = cell.examples
    return ConfusionInfo(
        role=first.role, tasks=first.tasks, task=task, split=split, classes=first.classes, seeds=first.seeds,
        counts=tuple(map(tuple, counts)),
    )  # fmt: skip
