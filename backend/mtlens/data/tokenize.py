"""Tokenise once, then batch by length.

`encode` turns examples into flat token arrays that a lane maps read-only from the object store; report text is not sent.
`batches` cuts rows into batches of similar length, and `collate` pads a batch to its own longest text, never to a maximum.

The vocabulary is compacted to the tokens that occur in the data. Embedding rows that never occur receive no gradient and,
as embeddings are not decayed, would never change: leaving them out changes no result, halves the parameters of a
MiniLM that Adam has to touch at every step, and keeps checkpoints small.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import LongTexts
from mtlens.config.task import Task
from mtlens.data.examples import Examples
from mtlens.data.splits import TRAIN, Folds, SplitName, in_split
from mtlens.data.stored_tokens import Wanted, are_stored, token_sequences
from mtlens.data.tagged_words import aligned
from mtlens.tasks import MISSING, Labels, Words, kind_of

WINDOW = 32  # batches that are sorted by length together: enough to make padding small, few enough to stay random


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """n tokenised examples with T label columns.

    tokens: [sum of lengths], positions in `vocabulary`. starts: [n + 1], example i is tokens[starts[i]:starts[i + 1]].
    vocabulary: [V] token ids of the encoder's tokenizer, ascending; it holds every id up to the padding id where that is
    small, so that the padding keeps its number, from which RoBERTa counts positions. special: [V], whether a token is a
    separator of the tokenizer and not of the text. labels: [n, T], codes or MISSING. values: what the codes of a task stand
    for, [V, D]; none where they are classes. words: for a task of tags, the words of the texts; the code of a label
    is then its example. splits, folds, sources, groups: [n], as in `Examples`. longest: tokens at which a text is cut.
    uncut: [n], tokens of the whole texts. counted: of how many texts tokens were counted, where lengths of the others are
    estimated and there are no tokens.
    """

    tasks: tuple[Task, ...]
    ids: Sequence[str]
    tokens: NDArray[np.int32]
    starts: NDArray[np.int64]
    vocabulary: NDArray[np.int64]
    special: NDArray[np.bool_]
    padding: int
    labels: NDArray[np.int32]
    splits: NDArray[np.int8]
    sources: NDArray[np.int16]
    groups: NDArray[np.int32]
    longest: int
    uncut: NDArray[np.int64]
    values: tuple[NDArray[np.float64] | None, ...] = ()
    words: tuple[Words | None, ...] = ()
    folds: Folds | None = None
    counted: int | None = None

    @property
    def cut(self) -> int:
        """How many texts are longer than the encoder reads at once."""
        return int((self.uncut > self.longest).sum())

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens per example, [n]."""
        return np.diff(self.starts)

    def rows(self, split: SplitName, tasks: list[int]) -> NDArray[np.int64]:
        """Rows of a split that carry a label for at least one of the task indices."""
        labelled = (self.labels[:, tasks] != MISSING).any(axis=1)
        return np.flatnonzero(labelled & (in_split(self.splits, split)))

    def select(self, tasks: tuple[Task, ...], fold: int | None = None) -> "Encoded":
        """The same examples with the label columns of `tasks`, found by name, in that order; fold: the one left out."""
        names = [task.name for task in self.tasks]
        places = [names.index(task.name) for task in tasks]
        labels, values = self.labels[:, places], tuple(self.values[place] for place in places) if self.values else ()
        words = tuple(self.words[place] for place in places) if self.words else ()
        splits = self.splits if fold is None or self.folds is None else self.folds.splits[fold]
        return replace(self, tasks=tasks, labels=labels, values=values, words=words, splits=splits)

    def training_labels(self, task_index: int, codes: NDArray[np.int64] | None = None) -> Labels:
        """Labels of one task on the training examples: its own, or others in their place `[n]`."""
        own = self.labels[:, task_index] if codes is None else codes
        return self._labels(task_index, own[in_split(self.splits, TRAIN)])

    def labels_of(self, task_index: int, rows: NDArray[np.int64]) -> Labels:
        """Labels of one task on some examples."""
        return self._labels(task_index, self.labels[rows, task_index])

    def _labels(self, task_index: int, codes: NDArray[Any]) -> Labels:
        values = self.values[task_index] if self.values else None
        words = self.words[task_index] if self.words else None
        return Labels(codes=codes.astype(np.int32), values=values, words=words)


def encode(
    examples: Examples,
    directory: Path,
    *,
    max_length: int,
    long_texts: LongTexts = "head",
    pretrained: str | None = None,
) -> Encoded:
    """Tokenise every text once, cut where it is longer than max_length tokens, and compact the vocabulary.

    pretrained: fingerprint of the encoder in `directory`, with which the tokens of many texts are kept on disk.
    """
    wanted = _wanted(examples, directory, max_length, long_texts)
    found = token_sequences(wanted, None if pretrained is None else (examples.text_fingerprint, pretrained))
    starts = np.concatenate([[0], np.cumsum(found.lengths)])
    labels, values, words = aligned(examples, starts, found.places)
    return Encoded(
        tasks=examples.tasks,
        ids=examples.ids,
        tokens=found.tokens,
        starts=starts,
        vocabulary=found.vocabulary,
        special=found.special,
        padding=found.padding,
        labels=labels,
        values=values,
        words=words,
        splits=examples.splits,
        sources=examples.sources,
        groups=examples.groups,
        longest=found.longest,
        uncut=found.uncut,
        folds=examples.folds,
    )


def is_tokenised(examples: Examples, directory: Path, *, max_length: int, long_texts: LongTexts, pretrained: str) -> bool:
    """Whether `encode` finds the tokens on disk."""
    return are_stored(_wanted(examples, directory, max_length, long_texts), (examples.text_fingerprint, pretrained))


def _wanted(examples: Examples, directory: Path, max_length: int, long_texts: LongTexts) -> Wanted:
    return Wanted(
        texts=examples.texts,
        pairs=examples.pairs,
        directory=directory,
        max_length=max_length,
        long_texts=long_texts,
        places=any(kind_of(task).reads_tokens for task in examples.tasks),
    )


def batches(
    lengths: NDArray[np.int64], rows: NDArray[np.int64], batch_size: int, generator: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Every row once, in random batches of similar length: shuffle, sort by length within windows, cut, shuffle the batches."""
    shuffled = generator.permutation(rows)
    cut: list[NDArray[np.int64]] = []
    for start in range(0, len(shuffled), WINDOW * batch_size):
        window = shuffled[start : start + WINDOW * batch_size]
        ordered = window[np.argsort(lengths[window], kind="stable")]
        cut.extend(ordered[i : i + batch_size] for i in range(0, len(ordered), batch_size))
    return [cut[i] for i in generator.permutation(len(cut))]


def ordered_batches(lengths: NDArray[np.int64], rows: NDArray[np.int64], batch_size: int) -> Iterator[NDArray[np.int64]]:
    """Every row once, longest first: the order of evaluation, where nothing has to be random."""
    ordered = rows[np.argsort(-lengths[rows], kind="stable")]
    for start in range(0, len(ordered), batch_size):
        yield ordered[start : start + batch_size]


def collate(encoded: Encoded, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Token ids [b, L] padded to the batch's own longest text, and the mask [b, L] of real tokens."""
    starts, lengths = encoded.starts[rows], encoded.lengths[rows]
    columns = np.arange(lengths.max())
    mask = columns[None, :] < lengths[:, None]
    tokens = np.full(mask.shape, encoded.padding, dtype=np.int64)
    tokens[mask] = encoded.tokens[(starts[:, None] + columns[None, :])[mask]]
    return tokens, mask
