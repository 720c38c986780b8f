"""The predictions that verdicts are based on: those on one test split, or out-of-fold predictions."""

from collections.abc import Sequence

from mtlens.statistics.estimate import Estimate, estimate_differences
from mtlens.statistics.out_of_fold import OutOfFoldPredictions, estimate_out_of_fold
from mtlens.statistics.task_predictions import TaskPredictions

Predictions = TaskPredictions | OutOfFoldPredictions


def estimate_all(tasks: Sequence[Predictions], units: Sequence[float] | None = None) -> tuple[Sequence[Estimate], Estimate]:
    """The estimate of each task, and that of the mean over tasks, each in its unit. All tasks are tested in the same way."""
    out_of_fold = [task for task in tasks if isinstance(task, OutOfFoldPredictions)]
    if out_of_fold:
        return estimate_out_of_fold(out_of_fold, units)
    return estimate_differences([task for task in tasks if isinstance(task, TaskPredictions)], units)


def describe(tasks: Sequence[Predictions]) -> str:
    """How differences and their variances are computed."""
    if isinstance(tasks[0], OutOfFoldPredictions):
        return (
            f"of the pooled predictions of {len(tasks[0].folds)} folds, each by the runs that left it out, paired by example "
            "and seed; variance by the examples from a jackknife over clusters, variance between folds beyond it moderated "
            "over tasks, with the correction for overlapping training sets of Nadeau and Bengio"
        )
    return (
        "paired by example and seed; variance by the examples from a jackknife over clusters, variance between seeds "
        "moderated over tasks"
    )
