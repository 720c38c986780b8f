"""Remarks on labelled texts before training: equal texts with different labels, classes without test examples, rare classes."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import ClassWeights
from mtlens.config.task import Task
from mtlens.data.examples import Examples
from mtlens.data.splits import TEST, TRAIN
from mtlens.tasks import MISSING
from mtlens.tasks.class_weights import is_balanced

ONE_TASK = "one task alone has no multi-task model, so nothing is compared: add a label column, or the table of another task"
"""A remark on experiments of one task."""
_FEW = 20  # training examples of a class: experiments/benchmarks/collapse.py


def contradictions(tasks: Sequence[tuple[Task, NDArray[np.int32]]], text: NDArray[np.int64]) -> Iterator[str]:
    """For each task with equal texts that have different labels: how many, and the upper limit that this sets for every model.

    tasks: with their classes `[n]`; text: number of each row's text, `[n]`, as `Assignment.texts`. A model that gives each text
    its most frequent label is right in sum_t max_c n_tc of n labelled rows, which no model exceeds on all of them.
    """
    for task, labels in tasks:
        known = labels != MISSING
        pairs, counts = np.unique(np.stack([text[known], labels[known]]), axis=1, return_counts=True)
        different = np.bincount(pairs[0], minlength=1)
        best = np.zeros(len(different), dtype=np.int64)
        np.maximum.at(best, pairs[0], counts)
        if (count := int((different > 1).sum())) > 0:
            rows = int(np.isin(text[known], np.flatnonzero(different > 1)).sum())
            most = f"{100 * best.sum() / known.sum():.1f}"
            cost = "" if most == "100.0" else f", so that no model can be right in more than {most} % of them"
            texts_carry = "1 text carries" if count == 1 else f"{count:,} texts carry"
            yield f"{task.name}: {texts_carry} different labels, in {rows:,} of {known.sum():,} labelled rows{cost}"


def untested_classes(examples: Examples) -> Iterator[str]:
    """The classes of each task without test examples, which its score therefore does not measure."""
    for index, task in enumerate(examples.tasks):
        if examples.labels_of(index).values is not None:
            continue  # no classes
        if untested := [name for name, count in examples.class_counts(index)[TEST].items() if not count]:
            classes = "class" if len(untested) == 1 else "classes"
            yield f"{task.name}: no test example of {classes} {', '.join(untested[:20])}{' ...' if len(untested) > 20 else ''}"


def rare_classes(examples: Examples, class_weights: ClassWeights) -> Iterator[str]:
    """The classes that models may never predict, as their task has no class weights: of fewer than 20 training examples.

    A class is rare if it also has less than half of an equal share of its task's training examples.
    """
    for index, task in enumerate(examples.tasks):
        if examples.labels_of(index).values is not None or is_balanced(task, class_weights):
            continue  # no classes, or none that are rare in the loss
        counts = examples.class_counts(index)[TRAIN]
        half = sum(counts.values()) / len(counts) / 2
        if rare := [f"{name} ({count})" for name, count in counts.items() if 0 < count < min(_FEW, half)]:
            yield (
                f"{task.name}: few training examples of class {', '.join(rare)}; models may never predict it without "
                "class_weights: balanced (under training)"
            )
