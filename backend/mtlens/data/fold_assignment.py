"""Cross-validation: the fold in which each row is tested, and which rows of the other folds train and validate.

Rows that share a group or a text form a cluster, and a cluster stays in one fold. Some clusters are kept out of all folds: no
model is trained on them, so that the evidence can compare models that leave out different folds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import Splits
from mtlens.data.assignment import DROPPED, Assignment
from mtlens.data.clusters import linked, numbered, numbered_contents, random_keys
from mtlens.data.splits import NOWHERE, SPLITS, TEST, TRAIN, VALIDATION, Folds
from mtlens.data.stratify import OPEN, allot
from mtlens.errors import DataError

_TRAIN, _VALIDATION, _TEST = (SPLITS.index(split) for split in (TRAIN, VALIDATION, TEST))


def assign_folds(
    *,
    texts: Sequence[str],
    groups: Sequence[str | None],
    given: NDArray[np.int8],
    labels: NDArray[np.int32],
    sizes: Splits,
) -> Assignment:
    """Fold, splits and cluster of each row, `[n]`; the same for every order of the rows.

    given `[n]`: fold of a row, or K for one that is kept out of all folds, or OPEN. Where no row is open, given folds are kept;
    if no row is given as K, a share of the rows is drawn to be kept out. If a text is in several folds, only its rows in the
    first of them are kept. labels `[n, T]`; their classes are spread over the folds.
    """
    assert sizes.folds is not None
    text, group = numbered_contents(texts), numbered(groups)
    clusters = _clusters(text, group, min(sizes.validation, sizes.tested))
    keys = random_keys(texts, groups, sizes.seed)
    places, notes = _places(clusters, labels, given, keys, sizes)
    kept = _first_of_each_text(text, places)
    if not kept.all():
        notes.append(f"rows dropped, as their text also occurs in another fold: {(~kept).sum():,}")
    if divided := _divided_groups(group[kept], places[kept]):
        notes.append(f"groups that stand in more than one of the given folds: {divided:,}")
    notes.append(f"rows kept out of all folds, for the evidence: {(kept & (places == sizes.folds)).sum():,}")

    def validated(fold: int | None) -> NDArray[np.int8]:
        """Splits where `fold` is left out; None: no fold is left out, and the rows kept out of all folds are the test split."""
        tested = sizes.folds if fold is None else fold
        training = kept & (places != tested) & (places != sizes.folds)
        share = sizes.validation / (1 - sizes.held_out - (0 if fold is None else sizes.tested))
        own = keys if fold is None else random_keys(texts, groups, f"{sizes.seed}, fold {fold}")
        splits = np.full(len(texts), NOWHERE, dtype=np.int8)
        settled = np.full(int(training.sum()), OPEN, dtype=np.int8)
        cut = allot(clusters[training], labels[training], settled, own[training], (1 - share, share))
        splits[training] = np.array([_TRAIN, _VALIDATION], dtype=np.int8)[cut]
        splits[kept & (places == tested)] = _TEST
        return splits

    return Assignment(
        splits=np.where(kept, validated(None), DROPPED).astype(np.int8),
        clusters=clusters,
        texts=text,
        folds=Folds(
            of_example=np.where(kept & (places < sizes.folds), places, NOWHERE).astype(np.int8),
            splits=np.stack([validated(fold) for fold in range(sizes.folds)]),
        ),
        notes=tuple(notes),
    )


def numbered_folds(cells: Sequence[str | None], count: int, where: str) -> NDArray[np.int8]:
    """Folds `[n]` from the cells of a column: its values in their order, and K for an empty cell, which is kept out of all.

    Raises `DataError` where there are not `count` different values.
    """
    values = [(cell or "").strip() for cell in cells]
    names = sorted(set(values) - {""}, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    if len(names) != count:
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise DataError(f"{where}: column of folds should hold {count} different values; found {len(names)}: {shown}")
    places = {"": count, **{name: place for place, name in enumerate(names)}}
    return np.array([places[value] for value in values], dtype=np.int8)


def _clusters(text: NDArray[np.int64], group: NDArray[np.int64], most: float) -> NDArray[np.int32]:
    """Clusters by text and group; by group alone where stock phrases chain groups into more than a share `most` of the rows."""
    clusters = linked(text, group)
    if np.bincount(clusters).max() <= most * len(text):
        return clusters
    return linked(np.where(group < 0, text, -1), group)


def _places(
    clusters: NDArray[np.int32], labels: NDArray[np.int32], given: NDArray[np.int8], keys: NDArray[np.uint64], sizes: Splits
) -> tuple[NDArray[np.int8], list[str]]:
    """Fold of each row, K for one that is kept out of all folds, and what the user should know of it."""
    assert sizes.folds is not None
    if (given == OPEN).any():
        settled = np.full(int(clusters.max()) + 1, OPEN, dtype=np.int8)
        np.maximum.at(settled, clusters, given)
        return allot(clusters, labels, settled[clusters], keys, (*[sizes.tested] * sizes.folds, sizes.held_out)), []
    if (given == sizes.folds).any():
        return given, []
    out = allot(clusters, labels, np.full_like(given, OPEN), keys, (1 - sizes.held_out, sizes.held_out)) == 1
    return np.where(out, np.int8(sizes.folds), given), [f"rows taken out of the given folds, for the evidence: {out.sum():,}"]


def _first_of_each_text(text: NDArray[np.int64], places: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which rows stay so that no text is in two places: those in the first of its folds."""
    first = np.full(int(text.max()) + 1, np.iinfo(np.int8).max, dtype=np.int8)
    np.minimum.at(first, text, places)
    return places == first[text]


def _divided_groups(group: NDArray[np.int64], places: NDArray[np.int8]) -> int:
    """How many groups are in several folds."""
    pairs = np.unique(np.stack([group[group >= 0], places[group >= 0]]), axis=1)
    return int((np.bincount(pairs[0]) > 1).sum()) if pairs.size else 0
