"""The kinds of tasks, by name. To add one: write its file beside `classes`, and register it with one line here.

A task of an experiment file names its kind: `tasks: {grade: {kind: classes, classes: [none, mild, severe]}}`.
"""

from collections.abc import Sequence

from mtlens.config.task import Task
from mtlens.errors import ExperimentError
from mtlens.statistics.metrics import METRICS, Metric, find_metric, label_of
from mtlens.tasks.base import FoundSpan, TaskKind
from mtlens.tasks.classes import Classes
from mtlens.tasks.labels import MISSING, Labels, joined
from mtlens.tasks.multilabel import Multilabel
from mtlens.tasks.number import Number
from mtlens.tasks.ordinal import Ordinal
from mtlens.tasks.tags import Tags
from mtlens.tasks.words import Words

__all__ = [
    "KINDS",
    "MISSING",
    "FoundSpan",
    "Labels",
    "TaskKind",
    "Words",
    "check_margins",
    "check_task",
    "joined",
    "kind_of",
    "metric_object",
    "metric_of",
    "register",
]

KINDS: dict[str, TaskKind] = {}


def register(kind: TaskKind) -> None:
    """Add a kind of task under its name."""
    KINDS[kind.name] = kind


register(Classes())
register(Ordinal())
register(Multilabel())
register(Number())
register(Tags())


def kind_of(task: Task) -> TaskKind:
    """The kind of a task; ExperimentError where no kind has its name."""
    if task.kind not in KINDS:
        raise ExperimentError(f"kind of task {task.name!r} should be one of {', '.join(KINDS)}; found {task.kind!r}")
    return KINDS[task.kind]


def metric_of(task: Task) -> str:
    """Name of the metric that a task is judged by: its own, or that of its kind."""
    return task.metric or kind_of(task).metric


def metric_object(task: Task) -> Metric:
    """The metric that a task is judged by."""
    return find_metric(metric_of(task), task.classes)


def check_task(task: Task) -> None:
    """ExperimentError for settings that do not fit the kind of a task, if it is registered."""
    if (kind := KINDS.get(task.kind)) is None:
        return
    kind.check(task)
    if not _fits(metric_object(task), kind):
        known = ", ".join(name for name, metric in METRICS.items() if _fits(metric, kind))
        found = metric_of(task)
        raise ExperimentError(f"metric of task {task.name!r} of kind {kind.name} should be one of {known}; found {found!r}")


def _fits(metric: Metric, kind: TaskKind) -> bool:
    return metric.reads in kind.columns and (metric.scores_label_sets or not kind.has_label_sets)


def check_margins(tasks: Sequence[Task]) -> None:
    """ExperimentError for a task that is judged by an error or a loss and has no margin of its own."""
    for task in tasks:
        if metric_object(task).scale == 1.0 and task.margin is None:
            unit = label_of(metric_of(task))
            raise ExperimentError(f"task {task.name!r} should have a margin of its own, in the unit of its {unit}; found none")
