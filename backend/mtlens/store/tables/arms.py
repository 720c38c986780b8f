"""Rows of table `arm_choice` and of view `arms`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from mtlens.store.columns import Column
from mtlens.store.tables.experiments import ExperimentHash, ExperimentId, ExperimentName, Latest


@dataclass(frozen=True, kw_only=True)
class ArmChoiceRow:
    """Ways to make one model of all tasks, and which of them is recommended; shown by view arms."""

    experiment_id: ExperimentId
    kind: Annotated[str, Column("Kind of model; see run_kind")]
    shortfall: Annotated[
        float, Column("Largest shortfall of a task from its task-specific model on validation, in margins, mean over seeds")
    ]
    recommended: Annotated[bool, Column("Whether it is the one to take, chosen on validation and judged on test")]
    statement: Annotated[str, Column("The choice and its verdicts in words; empty for the others")]
    method: Annotated[str, Column("How it was chosen and judged")]


@dataclass(frozen=True, kw_only=True)
class ArmsView:
    """Which single model matches the task-specific ones, and at what cost? One line per way to make one model."""

    experiment: ExperimentName
    experiment_id: ExperimentHash
    arm: str
    kind: str
    label: str
    tasks: Annotated[Sequence[str], Column("Tasks that are compared, in the order of the experiment")]
    verdicts: Annotated[Sequence[str], Column("Verdict on each task, in the order of tasks")]
    matching: Annotated[int, Column("Number of tasks on which it matches or is better")]
    validation_score: Annotated[
        float | None,
        Column("Score on validation, mean over tasks and seeds; in margins where tasks differ in metric or margin"),
    ]
    metric: str | None
    margin: Annotated[
        float | None, Column("Largest difference of the means that counts as a match; 1 where they are in margins")
    ]
    single_mean: float | None
    multi_mean: float | None
    difference: Annotated[float | None, Column("Mean over tasks of multi_mean - single_mean; NULL: a task is missing")]
    low90: float | None
    high90: float | None
    verdict: Annotated[str | None, Column("Verdict on the mean over tasks")]
    seeds: Annotated[int, Column("Number of seeds that both have finished")]
    seconds: Annotated[float | None, Column("Training time with that of the models that it is made of, mean over seeds")]
    inference_seconds: Annotated[float | None, Column("Time to predict the test split for all tasks, mean over seeds")]
    peak_memory_bytes: Annotated[float | None, Column("Largest memory in use by one of its runs")]
    single_seconds: Annotated[float | None, Column("Training time of all task-specific models, mean over seeds")]
    single_inference_seconds: Annotated[
        float | None, Column("Time to predict the test split with all task-specific models, mean over seeds")
    ]
    single_peak_memory_bytes: Annotated[float | None, Column("Largest memory in use by a run of one task")]
    conflict_rate: Annotated[
        float | None, Column("Share of pairs of tasks and batches with a negative inner product of gradients while it trained")
    ]
    gradient_cosine: Annotated[
        float | None, Column("Mean cosine of the gradients of two tasks on one batch while it trained, shrunk by their noise")
    ]
    cka: Annotated[
        float | None,
        Column("CKA with the task-specific models of other seeds in the last layer, mean over tasks; NULL: not measured"),
    ]
    shortfall: float | None
    recommended: Annotated[bool, Column("Whether it is the one to take; of none before all runs have ended")]
    statement: str | None
    retries: Annotated[int, Column("Times that its runs were trained anew as they predicted one class only for a task")]
    latest: Latest
