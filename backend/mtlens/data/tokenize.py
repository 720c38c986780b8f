"""Tokenise once, then batch by length.

`encode` turns examples into flat token arrays that a lane maps read-only from the object store; report text stays behind.
`batches` cuts rows into batches of similar length, and `collate` pads a batch to its own longest text, never to a maximum.

The vocabulary is compacted to the tokens that occur in the data. Embedding rows that never occur receive no gradient and,
as embeddings are not decayed, would never change: leaving them out changes no result, halves the parameters of a
MiniLM that Adam has to touch at every step, and keeps checkpoints small.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import Task
from mtlens.data.encoder_config import read_encoder_config
from mtlens.data.examples import Examples
from mtlens.data.splits import TRAIN, Folds, SplitName, in_split
from mtlens.errors import EncoderError, reading
from mtlens.tasks import MISSING, Labels

UNLIMITED = 10**6
COUNTED_FROM_PADDING = frozenset(
    {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "data2vec-text"}
)
WINDOW = 32  # batches that are sorted by length together: enough to make padding small, few enough to stay random


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """n tokenised examples with T label columns.

    tokens: [sum of lengths], positions in `vocabulary`. starts: [n + 1], example i is tokens[starts[i]:starts[i + 1]].
    vocabulary: [V] token ids of the encoder's tokenizer, ascending; it holds every id up to the padding id, so that the
    padding keeps its number. special: [V], whether a token is a separator of the tokenizer and not of the text.
    labels: [n, T], codes or MISSING. values: what the codes of a task stand for, [V, D]; none where they are classes. splits,
    folds, sources, groups: [n], as in `Examples`. longest: tokens at which a text is cut.
    """

    tasks: tuple[Task, ...]
    ids: tuple[str, ...]
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
    values: tuple[NDArray[np.float64] | None, ...] = ()
    folds: Folds | None = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens per example, [n]."""
        return np.diff(self.starts)

    def rows(self, split: SplitName, tasks: list[int]) -> NDArray[np.int64]:
        """Rows of a split that carry a label for at least one of the task indices."""
        labelled = (self.labels[:, tasks] != MISSING).any(axis=1)
        return np.flatnonzero(labelled & (in_split(self.splits, split)))

    def select(self, tasks: tuple[Task, ...], fold: int | None = None) -> "Encoded":
        """The same examples with the label columns of `tasks`, found by name, in that order, and the splits without a fold."""
        names = [task.name for task in self.tasks]
        places = [names.index(task.name) for task in tasks]
        labels, values = self.labels[:, places], tuple(self.values[place] for place in places) if self.values else ()
        splits = self.splits if fold is None or self.folds is None else self.folds.splits[fold]
        return replace(self, tasks=tasks, labels=labels, values=values, splits=splits)

    def training_labels(self, task_index: int, codes: NDArray[np.int64] | None = None) -> Labels:
        """Labels of one task on the training examples: its own, or others in their place `[n]`."""
        own = self.labels[:, task_index] if codes is None else codes
        values = self.values[task_index] if self.values else None
        return Labels(codes=own[in_split(self.splits, TRAIN)].astype(np.int32), values=values)


def encode(examples: Examples, directory: Path, *, max_length: int) -> Encoded:
    """Tokenise every text once, truncated to max_length tokens, and compact the vocabulary."""
    tokenizer = load_tokenizer(directory)
    longest = min(max_length, most_tokens(tokenizer, directory))
    encodings = tokenizer(list(examples.texts), truncation=True, max_length=longest, return_attention_mask=False)
    sequences: list[list[int]] = encodings["input_ids"]
    starts = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences])]).astype(np.int64)
    flat = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
    padding = int(tokenizer.pad_token_id)
    vocabulary = np.union1d(np.unique(flat), np.arange(padding + 1))
    return Encoded(
        tasks=examples.tasks,
        ids=examples.ids,
        tokens=np.searchsorted(vocabulary, flat).astype(np.int32),
        starts=starts,
        vocabulary=vocabulary,
        special=np.isin(vocabulary, tokenizer.all_special_ids),
        padding=padding,
        labels=examples.labels,
        values=examples.values,
        splits=examples.splits,
        sources=examples.sources,
        groups=examples.groups,
        longest=longest,
        folds=examples.folds,
    )


def load_tokenizer(directory: Path) -> Any:
    """Tokenizer of an encoder; EncoderError for one that is absent, has no words or no padding."""
    from transformers import AutoTokenizer

    with reading(EncoderError, f"encoder should come with a tokenizer that loads in {directory}"):
        tokenizer = AutoTokenizer.from_pretrained(str(directory), trust_remote_code=False, local_files_only=True)
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # what transformers makes up where there are no files
        raise EncoderError(f"encoder should come with a tokenizer; found one without words in {directory}")
    if tokenizer.pad_token_id is None:
        raise EncoderError(f"tokenizer should have a padding token; found none in {directory}")
    return tokenizer


def most_tokens(tokenizer: Any, directory: Path) -> int:
    """Tokens that both tokenizer and encoder can take. RoBERTa and its kin count positions from behind the padding id."""
    config = read_encoder_config(directory)
    positions = config.get("max_position_embeddings") or UNLIMITED
    if not isinstance(positions, int) or positions < 1:
        raise EncoderError(f"{directory / 'config.json'}: max_position_embeddings should be a number; found {positions!r}")
    if config.get("model_type") in COUNTED_FROM_PADDING:
        positions -= int(tokenizer.pad_token_id) + 1
    return min(positions, int(tokenizer.model_max_length))


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
