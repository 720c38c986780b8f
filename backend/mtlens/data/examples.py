"""Labelled texts with their splits: what every source of data becomes, and what training and evaluation read."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mtlens.config.hashing import content_hash
from mtlens.config.sections import Task
from mtlens.data.splits import SPLITS, TRAIN, SplitName, in_split
from mtlens.errors import DataError
from mtlens.tasks import MISSING


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """n texts, their labels for T tasks, and the split, group and source of each."""

    tasks: tuple[Task, ...]  # T columns of labels
    ids: tuple[str, ...]  # n, unique
    texts: tuple[str, ...]  # n
    labels: NDArray[np.int16]  # [n, T] class index or MISSING
    splits: NDArray[np.int8]  # [n] index into SPLITS
    groups: NDArray[np.int32]  # [n] unit of resampling, such as the patient; a number of its own where there is none
    sources: NDArray[np.int16]  # [n] which table
    notes: tuple[str, ...]  # remarks for the user, such as rows that were dropped

    def __post_init__(self) -> None:
        """Raise `DataError` where lengths differ, an id occurs twice, or a label or split is out of range."""
        n = len(self.ids)
        shapes = (len(self.texts), self.labels.shape, len(self.splits), len(self.groups), len(self.sources))
        if shapes != (n, (n, len(self.tasks)), n, n, n):
            raise DataError(
                f"examples should have {n} texts, splits, groups, sources and [{n}, {len(self.tasks)}] labels; found {shapes}"
            )
        if len(set(self.ids)) < n:
            name, count = Counter(self.ids).most_common(1)[0]
            raise DataError(f"ids of examples should be unique; found {name!r} {count} times")
        num_classes = np.array([len(task.classes) for task in self.tasks])
        if ((self.labels < MISSING) | (self.labels >= num_classes)).any():
            raise DataError("labels should be class indices or MISSING; found an index beyond a task's classes")
        if ((self.splits < 0) | (self.splits >= len(SPLITS))).any():
            raise DataError(f"splits should be indices into {list(SPLITS)}; found {sorted(set(self.splits.tolist()))}")

    def checked(self) -> Self:
        """These examples, if every task can be learned and measured: two classes or more in each split.

        Raises `DataError` that names the task and the split.
        """
        for index, task in enumerate(self.tasks):
            for split, counts in self.class_counts(index).items():
                present = [name for name, count in counts.items() if count]
                if not present and split == TRAIN:
                    raise DataError(f"task {task.name!r} should have training examples; found none")
                if len(present) < 2:
                    found = f"only {present[0]!r}" if present else "no labelled example"
                    raise DataError(f"task {task.name!r} should have at least two classes in split {split}; found {found}")
        return self

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits over ids, texts and splits, in their order."""
        return content_hash([self.ids, self.texts, self.splits.tolist()])

    @cached_property
    def label_fingerprints(self) -> tuple[str, ...]:
        """Sixteen hexadecimal digits over the classes and the label column of each task."""
        return tuple(
            content_hash([task.classes, column.tolist()]) for task, column in zip(self.tasks, self.labels.T, strict=True)
        )

    def class_counts(self, task_index: int) -> dict[SplitName, dict[str, int]]:
        """Labelled examples of one task per split and class; classes that do not occur count 0."""
        classes = self.tasks[task_index].classes
        labels = self.labels[:, task_index]
        masks = [in_split(self.splits, split) & (labels != MISSING) for split in SPLITS]
        counts = [np.bincount(labels[mask], minlength=len(classes)).tolist() for mask in masks]
        return {split: dict(zip(classes, of_split, strict=True)) for split, of_split in zip(SPLITS, counts, strict=True)}
