"""Does a change of the weights change the predictions of a family? Equivalence tests of changed models against trained ones.

This module tests weights rounded to bfloat16, and any other change, given as a function that predicts with a changed model.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from mtlens.config.run import Run
from mtlens.data.splits import TEST, VALIDATION
from mtlens.inference.export.recommended import FamilyMember
from mtlens.inference.export.stored_models import StoredModels
from mtlens.statistics.comparison import Comparison
from mtlens.statistics.equivalence import compare
from mtlens.statistics.out_of_fold import OutOfFoldPredictions, out_of_fold
from mtlens.statistics.spans import equally_wide
from mtlens.statistics.task_predictions import TaskPredictions
from mtlens.tasks import kind_of, metric_object, metric_of
from mtlens.training.distributed import ALONE
from mtlens.training.evaluation import Prediction, predict
from mtlens.training.hardware import prepare
from mtlens.training.machine import usable_cores

_BATCH_SIZE = 64


def compare_precisions(
    source: StoredModels, members: tuple[FamilyMember, ...], show: Callable[[str], None]
) -> tuple[Comparison, ...]:
    """`compare_changed` for weights rounded to bfloat16. show: called with a line on each model."""

    def rounded(run: Run) -> list[Prediction]:
        show(f"rounding to bfloat16: {run.label}")
        return _predict_rounded(source, run)

    return compare_changed(source, members, rounded)


def compare_changed(
    source: StoredModels, members: tuple[FamilyMember, ...], predict_changed: Callable[[Run], list[Prediction]]
) -> tuple[Comparison, ...]:
    """Compare every seed of the family on the test split, at each task's margin, with its stored predictions.

    With folds, every seed on the fold that it left out. predict_changed: predictions of a run on its test split.
    """
    found: list[TaskPredictions] = []
    of_folds: list[OutOfFoldPredictions] = []
    for member in members:
        runs = [source.run(run_id) for run_id in member.run_ids]
        changed = [predict_changed(run) for run in runs]
        for place, prediction in enumerate(changed[0]):
            if prediction.task.name in member.serves:
                own = [_paired(source, run, predictions[place]) for run, predictions in zip(runs, changed, strict=True)]
                if source.plan.examples.folds is None:
                    found.append(_joined(own))
                else:
                    of_folds.append(out_of_fold(own, [run.fold or 0 for run in runs]))
    return compare(of_folds or _same_seeds(found), margin=source.plan.experiment.margins)


def _predict_rounded(source: StoredModels, run: Run) -> list[Prediction]:
    model = source.load(run).to(torch.bfloat16).float()  # what is stored is rounded too
    hardware = prepare("bfloat16", threads=usable_cores(), gpu=False)
    encoded = source.plan.encoded.select(run.tasks, run.fold)
    return predict(model, encoded, TEST, batch_size=_BATCH_SIZE, hardware=hardware, world=ALONE)


def _paired(source: StoredModels, run: Run, changed: Prediction) -> TaskPredictions:
    """One run as it was trained and changed."""
    task, rows = changed.task, changed.rows
    stored = source.predictions(run.run_id, task.name, TEST)
    label, predicted = kind_of(task).columns[metric_object(task).reads]
    changed = replace(changed, tuned=source.predictions(run.run_id, task.name, VALIDATION).tuned)
    said = dict(zip(stored.example_ids, stored.columns[predicted].tolist(), strict=True))
    labels, candidate = changed.columns[label], changed.columns[predicted]
    baseline = np.array([said[source.plan.examples.ids[row]] for row in rows])
    if label == "true_spans":
        labels, baseline, candidate = equally_wide(labels, baseline, candidate)
    return TaskPredictions(
        task=task.name,
        num_classes=len(task.classes),
        class_names=task.classes,
        metric=metric_of(task),
        example=rows,
        cluster=source.plan.examples.groups[rows],
        labels=labels,
        baseline=baseline[None],
        candidate=candidate[None],
    )


def _joined(seeds: list[TaskPredictions]) -> TaskPredictions:
    """All seeds on the examples that they share."""
    both = [array for seed in seeds for array in (seed.baseline, seed.candidate)]
    labels = seeds[0].labels
    if seeds[0].metric_object.reads == "spans":
        labels, *both = equally_wide(labels, *both)
    return replace(seeds[0], labels=labels, baseline=np.concatenate(both[::2]), candidate=np.concatenate(both[1::2]))


def _same_seeds(tasks: list[TaskPredictions]) -> list[TaskPredictions]:
    """As many seeds of each task as all have."""
    least = min(len(task.baseline) for task in tasks)
    return [replace(task, baseline=task.baseline[:least], candidate=task.candidate[:least]) for task in tasks]
