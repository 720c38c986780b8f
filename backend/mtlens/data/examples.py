"""Labelled texts with their splits: the result of every source of data, and the input of training and evaluation."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mtlens.config.hashing import content_hash, hash_of_lists
from mtlens.config.task import Task
from mtlens.data.splits import NOWHERE, SPLITS, TEST, TRAIN, Folds, SplitName, in_split
from mtlens.data.text_column import TextColumn, large, pc
from mtlens.errors import DataError
from mtlens.tasks import MISSING, Labels, kind_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """n texts, their labels for T tasks, and the split, group and source of each."""

    tasks: tuple[Task, ...]  # T columns of labels
    ids: Sequence[str]  # n, unique
    texts: Sequence[str]  # n
    labels: NDArray[np.int32]  # [n, T] code, such as the class index, or MISSING
    splits: NDArray[np.int8]  # [n] index into SPLITS
    groups: NDArray[np.int32]  # [n] unit of resampling, such as the patient; a number of its own where there is none
    sources: NDArray[np.int16]  # [n] which table
    values: tuple[NDArray[np.float64] | None, ...] = ()  # T: what the codes of a task stand for [V, D]; None: classes
    pairs: Sequence[str | None] | None = None  # n, where some examples are pairs of texts: the second of each
    folds: Folds | None = None  # with them, `splits` are those of a model that is trained on all folds
    notes: tuple[str, ...]  # remarks for the user, such as rows that were dropped

    def __post_init__(self) -> None:
        """Raise `DataError` where lengths differ, an id occurs twice, or a label or split is out of range."""
        n = len(self.ids)
        if self.pairs is not None and len(self.pairs) != n:
            raise DataError(f"examples should have {n} second texts; found {len(self.pairs)}")
        shapes = (len(self.texts), self.labels.shape, len(self.splits), len(self.groups), len(self.sources))
        if self.folds is not None and (self.folds.of_example.shape, self.folds.splits.shape[1:]) != ((n,), (n,)):
            raise DataError(
                f"folds should be of {n} examples; found {self.folds.of_example.shape} and {self.folds.splits.shape}"
            )
        if shapes != (n, (n, len(self.tasks)), n, n, n):
            raise DataError(
                f"examples should have {n} texts, splits, groups, sources and [{n}, {len(self.tasks)}] labels; found {shapes}"
            )
        if pc.count_distinct(TextColumn.of(self.ids).arrow).as_py() < n:
            name, count = Counter(self.ids).most_common(1)[0]
            raise DataError(f"ids of examples should be unique; found {name!r} {count} times")
        counts = [
            len(task.classes) if values is None else len(values) for task, values in zip(self.tasks, self._values, strict=True)
        ]
        if ((self.labels < MISSING) | (self.labels >= np.array(counts))).any():
            raise DataError("labels should be class indices or MISSING; found an index beyond a task's classes")
        if ((self.splits < 0) | (self.splits >= len(SPLITS))).any():
            raise DataError(f"splits should be indices into {list(SPLITS)}; found {sorted(set(self.splits.tolist()))}")

    @property
    def _values(self) -> tuple[NDArray[np.float64] | None, ...]:
        return self.values or (None,) * len(self.tasks)

    def labels_of(self, task_index: int) -> Labels:
        """Labels of one task."""
        return Labels(codes=self.labels[:, task_index], values=self._values[task_index])

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Some of the examples, in the order of `rows`."""
        return replace(
            self,
            ids=TextColumn.of(self.ids).take(rows).filled(),
            texts=TextColumn.of(self.texts).take(rows).filled(),
            pairs=None if self.pairs is None else TextColumn.of(self.pairs).take(rows),
            labels=self.labels[rows],
            splits=self.splits[rows],
            groups=self.groups[rows],
            sources=self.sources[rows],
            folds=None if self.folds is None else self.folds.of(rows),
        )

    def checked(self) -> Self:
        """These examples, if every task can be learned and measured: two classes or more in each split.

        Raises `DataError` that names the task and the split. With folds, the test examples of all folds count together.
        """
        for index, task in enumerate(self.tasks):
            for where, counts in self._counts_to_check(index):
                present = [name for name, count in counts.items() if count]
                if not present and where == TRAIN:
                    raise DataError(f"task {task.name!r} should have training examples; found none")
                if len(present) < kind_of(task).fewest_groups:
                    found = f"only {present[0]!r}" if present else "no labelled example"
                    groups = f"{'two' if kind_of(task).fewest_groups > 1 else 'one of the'} {kind_of(task).groups}"
                    raise DataError(f"task {task.name!r} should have at least {groups} in split {where}; found {found}")
            known = self.labels[:, index] != MISSING
            for fold in range(0 if self.folds is None else self.folds.count):
                if self.folds is not None and not (known & (self.folds.of_example == fold)).any():
                    raise DataError(f"task {task.name!r} should have labelled examples in each fold; found none in fold {fold}")
        return self

    def _counts_to_check(self, task_index: int) -> list[tuple[str, dict[str, int]]]:
        """Where two classes have to be, and the counts of the classes there."""
        if self.folds is None:
            return [(split, self._count(task_index, in_split(self.splits, split))) for split in SPLITS]
        learned = [
            (f"{split} without fold {fold}", self._count(task_index, in_split(splits, split)))
            for fold, splits in enumerate(self.folds.splits)
            for split in SPLITS
            if split != TEST
        ]
        return [*learned, (f"{TEST}, all folds together", self._count(task_index, self.tests))]

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits over ids, texts and splits, in their order."""
        folds = [] if self.folds is None else [self.folds.of_example.tolist(), self.folds.splits.tolist()]
        pairs = [] if self.pairs is None else [self.pairs]
        return hash_of_lists([self.ids, self.texts, self.splits.tolist(), *folds, *pairs])

    @cached_property
    def text_fingerprint(self) -> str:
        """Sixteen hexadecimal digits over the texts in their order."""
        return hash_of_lists([self.texts, self.pairs or ()])

    @property
    def tests(self) -> NDArray[np.bool_]:
        """Mask of the examples that test compared models, `[n]`: the test split, or the test examples of all folds."""
        return in_split(self.splits, TEST) if self.folds is None else self.folds.of_example != NOWHERE

    @cached_property
    def label_fingerprints(self) -> tuple[str, ...]:
        """Sixteen hexadecimal digits over the classes and the label column of each task."""
        return tuple(
            content_hash([task.classes, column.tolist(), *([] if values is None else [values.tolist()])])
            for task, column, values in zip(self.tasks, self.labels.T, self._values, strict=True)
        )

    def class_counts(self, task_index: int) -> dict[SplitName, dict[str, int]]:
        """Number of labelled examples of one task per split and class, or per group that its kind counts; 0 for absent ones.

        With folds, test examples are counted over all folds, and training and validation examples as the mean over folds.
        """
        if self.folds is None:
            return {split: self._count(task_index, in_split(self.splits, split)) for split in SPLITS}
        means: dict[SplitName, dict[str, int]] = {}
        for split in SPLITS:
            of_folds = [self._count(task_index, in_split(splits, split)) for splits in self.folds.splits]
            means[split] = {name: round(sum(counts[name] for counts in of_folds) / len(of_folds)) for name in of_folds[0]}
        return {**means, TEST: self._count(task_index, self.tests)}

    def _count(self, task_index: int, rows: NDArray[np.bool_]) -> dict[str, int]:
        """Labelled examples of one task among the rows of a mask, per class."""
        task, labels = self.tasks[task_index], self.labels_of(task_index)
        if labels.values is None:
            counts = np.bincount(labels.codes[rows & labels.known], minlength=len(task.classes)).tolist()
            return dict(zip(task.classes, counts, strict=True))
        return {name: int((mask & rows).sum()) for name, mask in self._members(task_index).items()}

    def _members(self, task_index: int) -> dict[str, NDArray[np.bool_]]:
        task = self.tasks[task_index]
        return kind_of(task).members(task, self.labels_of(task_index))


def contents_of(texts: Sequence[str], pairs: Sequence[str | None] | None) -> Sequence[str]:
    """The content of each example as one text, for finding equal examples: of pairs, both texts."""
    if pairs is None:
        return texts
    first, second = TextColumn.of(texts).arrow, TextColumn.of(pairs).arrow
    return TextColumn(pc.coalesce(pc.binary_join_element_wise(first, second, large(" [SEP] ")), first)).filled()
