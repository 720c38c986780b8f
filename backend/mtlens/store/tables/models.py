"""Rows of the views about trained models: scores, costs, learning curves and confusion matrices.

A model is a kind of run and a set of tasks. Its runs are those of the chosen grid point, and of the first one until the choice
is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from mtlens.store.columns import Column
from mtlens.store.tables.experiments import ExperimentHash, ExperimentName

ModelTasks = Annotated[Sequence[str], Column("Tasks of the model")]


@dataclass(frozen=True, kw_only=True)
class ModelScoresView:
    """Scores of each model on each of its tasks, over its seeds; one line per split and metric."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    role: str
    tasks: ModelTasks
    task: Annotated[str, Column("Task that is scored")]
    split: str
    metric: Annotated[str, Column("Metric, such as macro_f1 or loss")]
    mean: Annotated[float, Column("Mean over seeds")]
    deviation: Annotated[float | None, Column("Sample standard deviation between seeds; NULL with one seed")]
    low: Annotated[float, Column("Lowest score of a seed")]
    high: Annotated[float, Column("Highest score of a seed")]
    seeds: Annotated[int, Column("Seeds with a finite score")]


@dataclass(frozen=True, kw_only=True)
class ModelCostsView:
    """Costs of all models of one kind together, once they serve all tasks; kinds that experiment files ask for."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    role: str
    models: Annotated[int, Column("Number of models")]
    seeds: Annotated[int, Column("Smallest number of finished seeds of a model")]
    parameters: Annotated[float | None, Column("Weights to store, sum over models")]
    trainable_parameters: Annotated[float | None, Column("Weights that training may change, sum over models")]
    seconds: Annotated[
        float | None, Column("Training time, with that of the models that it is made of; mean over seeds and sum over models")
    ]
    inference_seconds: Annotated[
        float | None,
        Column("Time to predict the test split, mean over seeds and sum over models; NULL where it was not measured"),
    ]
    peak_memory_bytes: Annotated[float | None, Column("Largest memory in use by one run")]


@dataclass(frozen=True, kw_only=True)
class LearningCurvesView:
    """Validation score, validation loss and training loss of each run after each epoch."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    run_id: Annotated[str, Column("Content hash of the run")]
    role: str
    tasks: ModelTasks
    seed: Annotated[int, Column("Seed")]
    candidate: int
    selected: Annotated[bool | None, Column("Grid point is the one compared; NULL: not decided yet")]
    state: str
    best_epoch: int | None
    still_improving: bool | None
    epoch: Annotated[int, Column("Epoch, from 1; one that was trained again after a crash counts once", type="INTEGER")]
    validation: Annotated[float | None, Column("score.score on validation, mean over the tasks of the run")]
    validation_loss: Annotated[float | None, Column("Loss on validation, in nats, mean over the tasks of the run")]
    training_loss: Annotated[
        float | None, Column("Loss while it trained, in nats, mean over the updates of the epoch and the tasks of the run")
    ]


@dataclass(frozen=True, kw_only=True)
class ConfusionView:
    """Confusion matrix of each model on each task of classes, summed over its seeds; one line per cell that is not 0."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    role: str
    tasks: ModelTasks
    task: Annotated[str, Column("Task that is predicted")]
    split: str
    label: np.int16
    predicted: np.int16
    examples: Annotated[int, Column("Predictions, of all seeds together")]
    seeds: Annotated[int, Column("Seeds of the model")]
