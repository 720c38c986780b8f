"""The splits of the examples: names, order, and membership of examples.

`Examples.splits` holds a number per example, the index of its split in SPLITS; `mtlens.data.assignment` decides on it. With
cross-validation, `Examples.folds` says in which fold an example tests and in which split it is where another fold is left
out (`mtlens.data.fold_assignment`); `Examples.splits` are then those of a model that is trained on all folds.
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SplitName = Literal["train", "validation", "test"]

TRAIN: SplitName = "train"
VALIDATION: SplitName = "validation"
TEST: SplitName = "test"
SPLITS: tuple[SplitName, ...] = (TRAIN, VALIDATION, TEST)
SCORED: tuple[SplitName, ...] = (VALIDATION, TEST)
"""Splits on which finished models are scored: choices are made on validation, verdicts on test."""
_NAMES: dict[SplitName, tuple[str, ...]] = {
    TRAIN: ("train", "training"),
    VALIDATION: ("validation", "val", "valid", "dev", "devel", "development"),
    TEST: ("test", "testing", "holdout", "held-out", "held_out"),
}
USUAL_SPLITS: dict[str, SplitName] = {name: split for split, names in _NAMES.items() for name in names}
"""Usual names in small letters -> split."""
_SPLIT = re.compile(rf"(?<![a-z])({'|'.join(sorted(USUAL_SPLITS, key=len, reverse=True))})(?![a-z])")
NOWHERE = -1
"""In place of a split: the example takes no part. In place of a fold: it is kept out of all folds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Folds:
    """K folds of n examples."""

    of_example: NDArray[np.int8]  # [n] fold in which it tests, or NOWHERE
    splits: NDArray[np.int8]  # [K, n] index into SPLITS where fold k is left out, or NOWHERE

    @property
    def count(self) -> int:
        """Number of folds K."""
        return len(self.splits)

    def of(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Folds":
        """The folds of some examples: those of a mask `[n]`, or of rows."""
        return Folds(of_example=self.of_example[rows], splits=self.splits[:, rows])


def in_split(splits: NDArray[np.int8], split: SplitName) -> NDArray[np.bool_]:
    """Which examples belong to a split, `[n]`. splits: index of each example's split, `[n]`."""
    return splits == SPLITS.index(split)


def split_in(name: str) -> SplitName | None:
    """The split in a name such as train.csv, sst_train.txt or 2018-dev; None if the name has none or several."""
    found: list[SplitName] = [USUAL_SPLITS[word] for word in _SPLIT.findall(name.lower())]
    return found[0] if len(set(found)) == 1 else None
