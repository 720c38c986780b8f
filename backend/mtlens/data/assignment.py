"""Which rows train, validate and test: no text and no group, such as a patient, is in two splits.

Rows that share a group or a text (lower case, letters and digits only) form a cluster. Splits made here keep clusters whole.
Splits that a table gives are kept, and rows that repeat a text of a later split are dropped. Rows that are only for testing are
added last, so that they do not affect the split of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import Splits
from mtlens.data.clusters import linked, numbered, numbered_contents, random_keys
from mtlens.data.splits import SPLITS, Folds, SplitName
from mtlens.data.stratify import OPEN, allot
from mtlens.tasks import MISSING

DROPPED = -1
_TRAIN, _VALIDATION, _TEST = range(len(SPLITS))


@dataclass(frozen=True, kw_only=True, eq=False)
class Assignment:
    """Split, cluster and number of the text of n rows, and their folds, if any."""

    splits: NDArray[np.int8]  # [n] index into SPLITS, or DROPPED
    clusters: NDArray[np.int32]  # [n]
    texts: NDArray[np.int64]  # [n] the same for texts that are equal apart from case and punctuation
    folds: Folds | None = None
    notes: tuple[str, ...]


def assign(
    *,
    texts: Sequence[str],
    groups: Sequence[str | None],
    given: Sequence[SplitName | None],
    sources: NDArray[np.int16],
    labels: NDArray[np.int32],
    sizes: Splits,
) -> Assignment:
    """Split and cluster of each row, `[n]`; the same for every order of the rows.

    A source with an open row (given None) is split by clusters: `sizes` are met, the classes of `labels` `[n, T]` are spread,
    and a cluster with a given split is assigned to it as a whole. A source that gives every row a split keeps it. If it gives
    no validation split, part of its training rows become one; likewise for test if no test row has a label of its tasks, as in
    a shared task with hidden test labels.
    """
    splits = np.array([OPEN if split is None else SPLITS.index(split) for split in given], dtype=np.int8)
    work = _Work(
        text=numbered_contents(texts),
        group=numbered(groups),
        labels=labels,
        keys=random_keys(texts, groups, sizes.seed),
        splits=splits,
    )
    is_open = np.isin(sources, sources[splits == OPEN])
    work.drop_repeats(~is_open, (_TEST, _VALIDATION, _TRAIN))
    for source in np.unique(sources[~is_open]):
        work.complete(sources == source, is_open, sizes)
    if is_open.any():
        work.share_out(is_open, sizes)
    work.drop_repeats(np.ones_like(is_open), (_TEST, _VALIDATION, _TRAIN))
    work.note_divided_groups()
    return Assignment(splits=work.splits, clusters=work.clusters, texts=work.text, notes=tuple(work.notes))


def add_test(assignment: Assignment, texts: Sequence[str], groups: Sequence[str | None]) -> Assignment:
    """Extend an assignment of the first of n rows to all: the other rows are only for testing.

    Other rows whose text also occurs in train or validation are dropped. Their clusters are their groups. texts, groups: `[n]`.
    """
    first = len(assignment.splits)
    numbers = numbered_contents(texts)
    learnt = np.unique(numbers[:first][np.isin(assignment.splits, (_TRAIN, _VALIDATION))])
    repeated = np.isin(numbers[first:], learnt)
    added = np.where(repeated, DROPPED, _TEST).astype(np.int8)
    clusters = linked(np.full(len(texts), -1), numbered(groups))[first:] + assignment.clusters.max() + 1
    note = f"rows dropped from the texts that only test, as their text also occurs in train or validation: {repeated.sum():,}"
    return Assignment(
        splits=np.concatenate([assignment.splits, added]),
        clusters=np.concatenate([assignment.clusters, clusters.astype(np.int32)]),
        texts=numbers,
        notes=(*assignment.notes, *([note] if repeated.any() else [])),
    )


@dataclass(kw_only=True, eq=False)
class _Work:
    """n rows on their way to an assignment."""

    text: NDArray[np.int64]  # [n] number of the normalised text
    group: NDArray[np.int64]  # [n] number of the group, or -1
    labels: NDArray[np.int32]  # [n, T]
    keys: NDArray[np.uint64]  # [n] random, but the same for the same content
    splits: NDArray[np.int8]  # [n] index into SPLITS, OPEN or DROPPED
    clusters: NDArray[np.int32] = field(init=False)
    notes: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.clusters = linked(self.text, self.group)

    def share_out(self, rows: NDArray[np.bool_], sizes: Splits) -> None:
        """Give every row of the mask a split.

        Where stock phrases chain groups into a cluster larger than the validation split, groups alone stay whole, and
        phrases that also stand in the training split are dropped from the others.
        """
        if np.bincount(self.clusters[rows]).max() > sizes.validation * rows.sum():
            self.clusters = linked(np.where(self.group < 0, self.text, -1), self.group)
        settled = np.full(int(self.clusters.max()) + 1, OPEN, dtype=np.int8)
        np.maximum.at(settled, self.clusters, self.splits)
        shares = (1 - sizes.validation - sizes.test, sizes.validation, sizes.test)
        self._allot(rows, settled[self.clusters], shares)
        self.drop_repeats(rows, (_TRAIN, _VALIDATION, _TEST))

    def complete(self, rows: NDArray[np.bool_], is_open: NDArray[np.bool_], sizes: Splits) -> None:
        """Turn some training rows of the mask into rows of splits that it lacks: validation, and test if nothing tests."""
        lacks = [not (self.splits[rows] == _VALIDATION).any(), not self._is_tested(rows, is_open)]
        shares = [size * lack for size, lack in zip((sizes.validation, sizes.test), lacks, strict=True)]
        train = rows & (self.splits == _TRAIN)
        if not any(shares) or not train.any():
            return
        given = 1 - sum(size for size, lack in zip((sizes.validation, sizes.test), lacks, strict=True) if not lack)
        validation, test = (share / given for share in shares)
        self._allot(train, np.full(len(rows), OPEN, dtype=np.int8), (1 - validation - test, validation, test))
        for split in (split for split, lack in zip((_VALIDATION, _TEST), lacks, strict=True) if lack):
            made = (self.splits[train] == split).sum()
            why = "as no such split was given" if split == _VALIDATION else "as no labelled row of that split was given"
            self.notes.append(f"rows moved to {SPLITS[split]}, {why}, from {train.sum():,} in train: {made:,}")

    def _is_tested(self, rows: NDArray[np.bool_], is_open: NDArray[np.bool_]) -> bool:
        """Whether rows of the mask test, or others that have labels of the same tasks, or open ones of which some will."""
        known = self.labels != MISSING
        tested = known[is_open | (self.splits == _TEST)].any(axis=0)
        return bool((self.splits[rows] == _TEST).any() or (tested & known[rows].any(axis=0)).any())

    def drop_repeats(self, rows: NDArray[np.bool_], order: tuple[int, int, int]) -> None:
        """Drop rows of the mask whose text also occurs in a split that comes before their own in `order`."""
        seen = np.zeros(int(self.text.max()) + 1, dtype=np.bool_)
        for place, split in enumerate(order):
            of_split = rows & (self.splits == split)
            repeated = of_split & seen[self.text]
            if repeated.any():
                self.splits[repeated] = DROPPED
                others = " or ".join(SPLITS[earlier] for earlier in order[:place])
                self.notes.append(
                    f"rows dropped from {SPLITS[split]}, as their text also occurs in {others}: {repeated.sum():,}"
                )
            seen[self.text[of_split]] = True

    def note_divided_groups(self) -> None:
        """Say how many groups are in more than one of the given splits."""
        kept = (self.group >= 0) & (self.splits != DROPPED)
        pairs = np.unique(np.stack([self.group[kept], self.splits[kept]]), axis=1)
        divided = int((np.bincount(pairs[0]) > 1).sum()) if pairs.size else 0
        if divided:
            self.notes.append(f"groups that stand in more than one of the given splits: {divided:,}")

    def _allot(self, rows: NDArray[np.bool_], settled: NDArray[np.int8], shares: tuple[float, float, float]) -> None:
        self.splits[rows] = allot(self.clusters[rows], self.labels[rows], settled[rows], self.keys[rows], shares)
