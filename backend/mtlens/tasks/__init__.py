"""The kinds of tasks, by name. To add one: write its file beside `classes`, and register it with one line here.

A task of an experiment file names its kind: `tasks: {grade: {kind: classes, classes: [none, mild, severe]}}`.
"""

from mtlens.config.sections import Task
from mtlens.errors import ExperimentError
from mtlens.tasks.base import MISSING, TaskKind
from mtlens.tasks.classes import Classes

__all__ = ["KINDS", "MISSING", "TaskKind", "kind_of", "metric_of", "register"]

KINDS: dict[str, TaskKind] = {}


def register(kind: TaskKind) -> None:
    """Add a kind of task under its name."""
    KINDS[kind.name] = kind


register(Classes())


def kind_of(task: Task) -> TaskKind:
    """The kind of a task; ExperimentError where no kind has its name."""
    if task.kind not in KINDS:
        raise ExperimentError(f"kind of task {task.name!r} should be one of {', '.join(KINDS)}; found {task.kind!r}")
    return KINDS[task.kind]


def metric_of(task: Task) -> str:
    """Name of the metric that a task is judged by: its own, or that of its kind."""
    return task.metric or kind_of(task).metric
