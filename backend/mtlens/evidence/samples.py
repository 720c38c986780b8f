"""Texts that the evidence is computed on: held-out texts for hidden states, training texts for gradients; seeded."""

import numpy as np
from numpy.typing import NDArray

from mtlens.config.hashing import content_hash
from mtlens.data.splits import TEST, TRAIN, in_split
from mtlens.data.tokenize import Encoded
from mtlens.tasks import MISSING


def held_out_rows(encoded: Encoded, num_examples: int) -> NDArray[np.int64]:
    """At most `num_examples` test rows, [n], ascending, without equal texts, from as many clusters (patients) as possible.

    Rows of one cluster are not independent, so the first row of every cluster comes before the second of any. Tables
    take turns, so that each task's texts are among them.
    """
    rows = np.flatnonzero(in_split(encoded.splits, TEST) & (encoded.labels != MISSING).any(axis=1))
    shuffled = np.random.default_rng(0).permutation(_distinct(encoded, rows))
    turn = _position_within(encoded.groups[shuffled])
    of_table = np.lexsort((np.arange(len(shuffled)), turn, encoded.sources[shuffled]))
    place = np.empty(len(shuffled), dtype=np.int64)
    place[of_table] = _position_within(encoded.sources[shuffled][of_table])
    return np.sort(shuffled[np.lexsort((encoded.sources[shuffled], place))][:num_examples])


def microbatches(encoded: Encoded, tasks: list[int], count: int, size: int, seed: int) -> list[list[NDArray[np.int64]]]:
    """`count` batches of training rows without replacement, each one list of rows per table that labels one of the tasks.

    A table gives `size` rows to each batch; if it has fewer, its rows are divided evenly.
    """
    train = in_split(encoded.splits, TRAIN) & (encoded.labels[:, tasks] != MISSING).any(axis=1)
    batches: list[list[NDArray[np.int64]]] = [[] for _ in range(count)]
    for table in np.unique(encoded.sources[train]):
        rows = np.flatnonzero(train & (encoded.sources == table))
        chosen = np.random.default_rng([seed, int(table)]).permutation(rows)[: count * size]
        for batch, part in zip(batches, np.array_split(chosen, count), strict=True):
            if len(part):
                batch.append(part)
    return batches


def fingerprint(encoded: Encoded, rows: NDArray[np.int64]) -> str:
    """Sixteen hexadecimal digits over the ids of the rows, in their order."""
    return content_hash([encoded.ids[row] for row in rows])


def _distinct(encoded: Encoded, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row of each text, as far as the encoder sees it."""
    texts = {encoded.tokens[encoded.starts[row] : encoded.starts[row + 1]].tobytes(): row for row in rows[::-1]}
    return np.asarray(sorted(texts.values()), dtype=np.int64)


def _position_within(keys: NDArray[np.integer]) -> NDArray[np.int64]:
    """For each element, how many equal ones come before it, [n]."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(keys) else np.empty(0, dtype=np.int64)
    runs = np.diff(np.r_[starts, len(keys)])
    position = np.empty(len(keys), dtype=np.int64)
    position[order] = np.arange(len(keys)) - np.repeat(starts, runs)
    return position
