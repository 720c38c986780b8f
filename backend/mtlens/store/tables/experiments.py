"""Rows of the tables about the database itself and about experiments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from mtlens.store.columns import Column

ExperimentId = Annotated[str, Column("Experiment")]
ExperimentName = Annotated[str, Column("Name of the experiment")]
ExperimentHash = Annotated[str, Column("Content hash of the experiment file")]
Latest = Annotated[bool, Column("Of the experiments of this name, the one started last")]


@dataclass(frozen=True, kw_only=True)
class OfExperiment:
    """Of which experiment a row of one of its files is."""

    experiment_id: ExperimentId


@dataclass(frozen=True, kw_only=True)
class StoreInfoRow:
    """One row about this database."""

    schema_version: Annotated[int, Column("Version of these tables", type="INTEGER")]
    created: Annotated[datetime, Column("When the database was made from the run folders")]
    definition: Annotated[str, Column("Hash of the statements that made its tables and views")]
    mtlens_version: Annotated[str, Column("mtlens that made it")]
    snapshot: Annotated[str | None, Column("Name of the published copy that shows this content; NULL if none does yet")] = None


@dataclass(frozen=True, kw_only=True)
class RunKindRow:
    """Kinds of runs and of models compared, as mtlens knew them at the last ingest."""

    position: Annotated[int, Column("Place in tables and figures, from 0", type="INTEGER")]
    name: Annotated[str, Column("Name, as in experiment_run.role and comparison.kind")]
    label: Annotated[str, Column("Short name of its models")]
    description: Annotated[str, Column("What it is")]
    asked_by: Annotated[str | None, Column("Word under runs: in an experiment file; NULL where no file asks for it")]
    arm: Annotated[str | None, Column("Word under multi: in an experiment file; NULL where it is no model of all tasks")]
    title: Annotated[
        str | None, Column("Heading of its comparison with the task-specific models; NULL where it is not compared")
    ]
    colour: Annotated[str, Column("Its colour in figures; empty: the default one")]
    compared: Annotated[bool, Column("Whether it is compared with the task-specific models")]
    control: Annotated[bool, Column("Whether it is a control, which must come out worse")]


@dataclass(frozen=True, kw_only=True)
class ExperimentRow:
    """One row per experiment: does one multi-task model match the task-specific ones?"""

    experiment_id: Annotated[str, Column("Content hash of the experiment file, resources and search left out", key=True)]
    name: Annotated[str, Column("Name in the experiment file; several versions may share it")]
    created: Annotated[datetime, Column("When the experiment was first started")]
    last_started: Annotated[datetime, Column("When it became the one that was started last")]
    margin: Annotated[float, Column("Largest difference of scores that still counts as a match, set beforehand")]
    seeds: Annotated[Sequence[int], Column("Seeds of every run, or those that runs may have where looks are several")]
    looks: Annotated[Sequence[int], Column("Numbers of seeds after which verdicts are tested; one where seeds are listed")]
    ended: Annotated[str, Column("Why there was no further look; empty while there may be one")]
    folds: Annotated[
        int | None, Column("Folds that test in turn; seed s leaves out fold s mod folds; NULL: one test split", type="INTEGER")
    ] = None
    encoder: Annotated[str, Column("Pretrained encoder")]
    specification: Annotated[str, Column("The whole experiment file", type="JSON")]
    notes: Annotated[Sequence[str], Column("Remarks on the data")]


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """Tasks of each experiment."""

    experiment_id: ExperimentId
    position: Annotated[int, Column("Place in the experiment file, from 0", type="INTEGER")]
    task: Annotated[str, Column("Name of the task")]
    label_column: Annotated[str, Column("Column of the data that holds its labels")]
    task_kind: Annotated[str, Column("Kind of task, such as classes")]
    metric: Annotated[str, Column("Metric that its verdicts rest on, such as macro_f1 or f1(severe)")]
    higher_is_better: Annotated[bool, Column("Whether more of the metric is better; false for errors and losses")]
    margin: Annotated[float, Column("Largest difference that counts as a match, in the unit of its metric")]
    unit: Annotated[
        float,
        Column("What scores are divided by before a mean over tasks is taken: 1, or its margin where tasks differ in either"),
    ]
    classes: Annotated[Sequence[str], Column("Class names; a class index counts from 0 and a SQL list from 1")]
    weight: Annotated[float, Column("Share of its loss in a multi-task model")]
    class_counts: Annotated[
        str, Column("Examples per split and class; with folds, all that test, and the mean number that train", type="JSON")
    ]


@dataclass(frozen=True, kw_only=True)
class ExperimentRunRow:
    """Which runs an experiment asks for; equal runs are trained once and shared."""

    experiment_id: ExperimentId
    run_id: Annotated[str, Column("Run; not in table run before its training has started")]
    role: Annotated[str, Column("Kind of run; see run_kind")]
    candidate: Annotated[int, Column("Grid point, from 0", type="INTEGER")]
    selected: Annotated[
        bool | None, Column("Grid point is the best on validation and the one compared; NULL until all of its grid has ended")
    ] = None


@dataclass(frozen=True, kw_only=True)
class QuarantineRow:
    """Lines and files that could not be read and were left out."""

    run_id: Annotated[str | None, Column("Run it belongs to; else NULL")] = None
    experiment_id: Annotated[str | None, Column("Experiment it belongs to; else NULL")] = None
    source: Annotated[str, Column("File or folder, relative to the workspace")]
    position: Annotated[int, Column("Byte where the line starts; 0 for a whole file")]
    reason: Annotated[str, Column("What is wrong with it")]
