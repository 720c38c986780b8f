"""Rows of the tables about runs, and of the views `score` and `runs`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from mtlens.store.columns import Column
from mtlens.store.tables.experiments import ExperimentHash, ExperimentId, ExperimentName


@dataclass(frozen=True, kw_only=True)
class OfRun:
    """Of which run a row of one of its files is."""

    run_id: Annotated[str, Column("Run")]


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One row per training that has started."""

    run_id: Annotated[str, Column("Content hash of everything that decides the result; name of its folder", key=True)]
    tasks: Annotated[Sequence[str] | None, Column("Tasks that share the encoder")] = None
    method: Annotated[str | None, Column("full: all weights; lora: low-rank adapters")] = None
    seed: Annotated[int | None, Column("Seed of initialisation, order and dropout")] = None
    fold: Annotated[
        int | None, Column("Fold that it is not trained on and that tests it; NULL: none is left out", type="INTEGER")
    ] = None
    state: Annotated[str, Column("unfinished, done, failed, or damaged (its files cannot be read)")]
    started: Annotated[datetime | None, Column("When training first started")] = None
    finished: Annotated[datetime | None, Column("When it was done or failed")] = None
    seconds: Annotated[float | None, Column("Training time")] = None
    wall_seconds: Annotated[float | None, Column("Time with loading and evaluation")] = None
    epochs_run: Annotated[int | None, Column("Epochs trained; fewer than epochs after an early stop", type="INTEGER")] = None
    best_epoch: Annotated[int | None, Column("Epoch whose weights were kept", type="INTEGER")] = None
    still_improving: Annotated[
        bool | None, Column("The score on validation was higher after the last epoch than ever before; NULL: one epoch")
    ] = None
    updates: Annotated[int | None, Column("Optimiser steps")] = None
    retries: Annotated[
        int | None, Column("Times that it was trained anew as it predicted one class only for a task", type="INTEGER")
    ] = None
    collapsed: Annotated[
        Sequence[str] | None, Column("Tasks for which it predicts one class only on validation; NULL: not known")
    ] = None
    parameters: Annotated[int | None, Column("Weights of the model")] = None
    trainable_parameters: Annotated[int | None, Column("Weights that training may change")] = None
    peak_memory_bytes: Annotated[int | None, Column("Largest memory in use")] = None
    gpu_utilisation: Annotated[float | None, Column("Share of training in which the GPU computed, 0 to 1; NULL on a CPU")] = (
        None
    )
    device: Annotated[str | None, Column("What it was trained on")] = None
    precision: Annotated[str | None, Column("float32 or bfloat16")] = None
    threads: Annotated[int | None, Column("CPU threads", type="INTEGER")] = None
    learning_rate: Annotated[float | None, Column("Peak learning rate of the encoder, or of the adapters")] = None
    epochs: Annotated[int | None, Column("Epochs at most", type="INTEGER")] = None
    batch_size: Annotated[int | None, Column("Examples per update", type="INTEGER")] = None
    configuration: Annotated[str | None, Column("The whole configuration", type="JSON")] = None
    versions: Annotated[str | None, Column("Versions of the libraries", type="JSON")] = None
    facts: Annotated[str | None, Column("All that training reported at its end", type="JSON")] = None
    reason: Annotated[str | None, Column("Why it failed or is damaged")] = None
    epoch: Annotated[int | None, Column("Epoch of the newest event that names one", type="INTEGER")] = None
    fraction: Annotated[float | None, Column("How much of the training is done, 0 to 1")] = None
    last_event: Annotated[datetime | None, Column("Sign of life: when it last wrote to its journal")] = None


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """Journals of the runs: what happened while they trained."""

    run_id: Annotated[str, Column("Run")]
    journal: Annotated[int, Column("Number of the process that worked on the run, from 0", type="INTEGER")]
    position: Annotated[int, Column("Byte in that journal; orders its events")]
    time: Annotated[datetime, Column("When")]
    kind: Annotated[str, Column("start, resume, progress, epoch, retry, done or failed")]
    epoch: Annotated[int | None, Column("Epoch", type="INTEGER")] = None
    step: Annotated[int | None, Column("Optimiser step")] = None
    fraction: Annotated[float | None, Column("How much of the training was done, 0 to 1")] = None
    payload: Annotated[str, Column("Anything else, such as losses", type="JSON")]


@dataclass(frozen=True, kw_only=True)
class ScoreView:
    """Score of each finished run by the metric of each of its tasks."""

    experiment_id: ExperimentId
    run_id: str
    split: str
    task: str
    metric: Annotated[str, Column("Metric of the task")]
    value: Annotated[float, Column("In the unit of the metric")]
    score: Annotated[
        float,
        Column("The same so that more is better, errors with a minus sign, divided by task.unit: fit for a mean over tasks"),
    ]


@dataclass(frozen=True, kw_only=True)
class RunsView:
    """One line per experiment and run; heartbeat age is the current UTC time minus last_event."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    run_id: Annotated[str, Column("Content hash of the run")]
    role: str
    candidate: int
    selected: Annotated[bool | None, Column("Grid point is the one compared; NULL: not decided yet")]
    tasks: Annotated[str | None, Column("Tasks, joined by commas; NULL while waiting")]
    method: Annotated[str | None, Column("full or lora")]
    seed: Annotated[int | None, Column("Seed")]
    fold: int | None
    state: Annotated[str, Column("waiting, unfinished, done, failed or damaged")]
    epoch: int | None
    epochs: int | None
    fraction: float | None
    validation_score: Annotated[float, Column("score.score on validation, mean over the tasks of the run")]
    test_score: Annotated[float, Column("score.score on test, mean over the tasks of the run")]
    learning_rate: float | None
    retries: int | None
    collapsed: Sequence[str] | None
    seconds: float | None
    started: Annotated[datetime | None, Column("When training first started, UTC")]
    finished: Annotated[datetime | None, Column("When it was done or failed, UTC")]
    last_event: Annotated[datetime | None, Column("When it last wrote to its journal, UTC")]
    reason: str | None
