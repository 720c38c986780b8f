"""Which tasks have balanced class weights in their loss.

Under `class_weights: auto` these are the tasks of classes and grades whose metric counts classes alike, such as macro-F1.
Without weights, models of small data may never predict a rare class (experiments/README.md, "Rare classes").
"""

from collections.abc import Sequence

from mtlens.config.sections import ClassWeights, Training
from mtlens.config.task import Task
from mtlens.tasks import kind_of, metric_object


def is_balanced(task: Task, class_weights: ClassWeights) -> bool:
    """Whether the classes of a task have weights, n / (C n_c) for each of C classes with n_c of n training examples."""
    if class_weights != "auto":
        return class_weights == "balanced"
    return kind_of(task).balanced_by_default and metric_object(task).counts_classes_alike


def of_tasks(training: Training, tasks: Sequence[Task]) -> Training:
    """The training of these tasks with `auto` replaced by what it means, if it means the same for all of them.

    A run then has the id that it has where the experiment says `balanced`, or `none`.
    """
    meant = {is_balanced(task, training.class_weights) for task in tasks}
    if training.class_weights != "auto" or len(meant) > 1:
        return training
    return training.model_copy(update={"class_weights": "balanced" if meant == {True} else "none"})
