"""Does bfloat16 change what a family says? Its trained models rounded, against what they said when they were trained."""

from dataclasses import replace

import numpy as np
import torch

from mtlens.config.run import Run
from mtlens.data.splits import TEST
from mtlens.inference.export.recommended import FamilyMember
from mtlens.inference.export.stored_models import StoredModels
from mtlens.statistics.equivalence import Comparison, compare
from mtlens.statistics.task_predictions import TaskPredictions
from mtlens.training.distributed import ALONE
from mtlens.training.evaluation import Prediction, predict
from mtlens.training.hardware import prepare, usable_cores

_BATCH_SIZE = 64


def compare_precisions(source: StoredModels, members: tuple[FamilyMember, ...]) -> tuple[Comparison, ...]:
    """Every seed of the family on the test split, at the experiment's margin; the store has the predictions of training."""
    found: list[TaskPredictions] = []
    for member in members:
        rounded = [_predict_rounded(source, source.run(run_id)) for run_id in member.run_ids]
        for place, prediction in enumerate(rounded[0]):
            if prediction.task.name in member.serves:
                found.append(_paired(source, member.run_ids, [one[place] for one in rounded]))
    return compare(_same_seeds(found), margin=source.plan.experiment.margin)


def _predict_rounded(source: StoredModels, run: Run) -> list[Prediction]:
    model = source.load(run).to(torch.bfloat16).float()  # what is stored is rounded too
    hardware = prepare("bfloat16", threads=usable_cores(), gpu=False)
    encoded = source.plan.encoded.select(run.tasks)
    return predict(model, encoded, TEST, batch_size=_BATCH_SIZE, hardware=hardware, world=ALONE)


def _paired(source: StoredModels, run_ids: tuple[str, ...], rounded: list[Prediction]) -> TaskPredictions:
    task, rows = rounded[0].task, rounded[0].rows
    ids = [source.plan.examples.ids[row] for row in rows]
    trained: list[list[int]] = []
    for run_id in run_ids:
        stored = source.predictions(run_id, task.name, TEST)
        said = dict(zip(stored.example_ids, stored.predicted.tolist(), strict=True))
        trained.append([said[example] for example in ids])
    return TaskPredictions(
        task=task.name,
        num_classes=len(task.classes),
        example=rows,
        cluster=source.plan.examples.groups[rows],
        labels=rounded[0].labels,
        baseline=np.array(trained),
        candidate=np.stack([one.predicted for one in rounded]),
    )


def _same_seeds(tasks: list[TaskPredictions]) -> list[TaskPredictions]:
    """As many seeds of each task as all have."""
    least = min(len(task.baseline) for task in tasks)
    return [replace(task, baseline=task.baseline[:least], candidate=task.candidate[:least]) for task in tasks]
