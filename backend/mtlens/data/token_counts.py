"""The tokens of an experiment's texts, and the numbers of tokens, estimated from a sample of the texts where these are many.

A plan only needs the numbers, and to tokenise 200,000 texts takes longer than the rest of it.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import LongTexts
from mtlens.data.examples import Examples
from mtlens.data.splits import TRAIN, in_split
from mtlens.data.text_column import TextColumn, pc
from mtlens.data.tokenize import Encoded, encode, is_tokenised
from mtlens.tasks import MISSING

_SAMPLE = 20_000  # texts that are tokenised for an estimate
_MANY = 2 * _SAMPLE  # texts above which it is worth it
_MOST_AROUND = 8  # special tokens of a text
_LABELLED = 500  # training texts of each task that are in a sample, where it has them


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenCounts:
    """Examples, and how their texts are tokenised (see `encode`)."""

    examples: Examples
    directory: Path
    max_length: int
    long_texts: LongTexts
    pretrained: str

    @cached_property
    def encoded(self) -> Encoded:
        """The tokens of all examples."""
        return self._encode(self.examples)

    @cached_property
    def sample(self) -> Encoded:
        """As `encoded`; of many examples that were not tokenised before, only some."""
        return self.encoded if self._drawn is None else self._encode(self.examples.take(self._drawn))

    @cached_property
    def sized(self) -> Encoded:
        """As `encoded`, for what depends on lengths alone: of many examples they are estimated from those of `sample`."""
        if self._drawn is None:
            return self.encoded
        return _with_estimates(self.examples, self._drawn, self.sample, self.long_texts)

    @cached_property
    def _drawn(self) -> NDArray[np.int64] | None:
        """The rows of the sample; None where all tokens are known, or are counted quickly."""
        few = len(self.examples.ids) <= _MANY
        if few or "encoded" in self.__dict__ or self._is_stored():
            return None
        return _drawn_rows(self.examples)

    def _is_stored(self) -> bool:
        return is_tokenised(
            self.examples,
            self.directory,
            max_length=self.max_length,
            long_texts=self.long_texts,
            pretrained=self.pretrained,
        )

    def _encode(self, examples: Examples) -> Encoded:
        return encode(
            examples,
            self.directory,
            max_length=self.max_length,
            long_texts=self.long_texts,
            pretrained=self.pretrained,
        )


def _drawn_rows(examples: Examples) -> NDArray[np.int64]:
    """Random rows in their order: the same number from each source, as far as it has them, and training rows of each task."""
    generator, present = np.random.default_rng(0), np.unique(examples.sources)
    parts = [np.flatnonzero(examples.sources == source) for source in present]
    chosen = [generator.choice(rows, min(len(rows), _SAMPLE // len(present)), replace=False) for rows in parts]
    for labels in examples.labels.T:
        rows = np.flatnonzero((labels != MISSING) & in_split(examples.splits, TRAIN))
        chosen.append(generator.choice(rows, min(len(rows), _LABELLED), replace=False))
    return np.unique(np.concatenate(chosen))


def _with_estimates(examples: Examples, rows: NDArray[np.int64], sample: Encoded, long_texts: LongTexts) -> Encoded:
    """The examples with lengths, but without tokens. rows, sample: the examples that were tokenised.

    Within each source, the number of tokens is taken to be linear in that of characters, by least squares.
    """
    characters, tokens = _characters(examples), np.zeros(len(examples.ids))
    for source in np.unique(examples.sources):
        own, known = examples.sources == source, sample.sources == source
        design = np.stack([np.ones(known.sum()), characters[rows[known]]], axis=1)
        (start, slope), *_ = np.linalg.lstsq(design, sample.uncut[known].astype(np.float64))
        tokens[own] = start + slope * characters[own]
    uncut = np.maximum(tokens.round(), sample.uncut.min()).astype(np.int64)
    lengths = np.minimum(uncut, sample.longest)
    if long_texts == "windows" and examples.pairs is None:
        lengths = _in_windows(uncut, sample)
    uncut[rows], lengths[rows] = sample.uncut, sample.lengths
    return replace(
        sample,
        ids=examples.ids,
        tokens=np.zeros(0, dtype=np.int32),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        labels=examples.labels,
        words=(),
        splits=examples.splits,
        sources=examples.sources,
        groups=examples.groups,
        folds=examples.folds,
        uncut=uncut,
        counted=len(rows),
    )


def _in_windows(uncut: NDArray[np.int64], sample: Encoded) -> NDArray[np.int64]:
    """Tokens of all windows of each text. Each window has special tokens around it: as many as explain the sample."""

    def lengths(uncut: NDArray[np.int64], around: int) -> NDArray[np.int64]:
        windows = np.where(uncut > sample.longest, -(-(uncut - around) // (sample.longest - around)), 1)
        return uncut + around * (windows - 1)

    possible = range(min(_MOST_AROUND, sample.longest - 1) + 1)
    fitting = (around for around in possible if (lengths(sample.uncut, around) == sample.lengths).all())
    return lengths(uncut, next(fitting, 0))


def _characters(examples: Examples) -> NDArray[np.float64]:
    """Characters of each text or pair, `[n]`."""
    columns = [examples.texts] if examples.pairs is None else [examples.texts, examples.pairs]
    counts = [[pc.utf8_length(chunk).fill_null(0).to_numpy() for chunk in TextColumn.of(column).chunks()] for column in columns]
    return np.stack([np.concatenate(parts) for parts in counts]).sum(axis=0).astype(np.float64)
