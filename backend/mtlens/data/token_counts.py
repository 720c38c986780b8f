"""The tokens of an experiment's texts, and the numbers of tokens, estimated from a sample of the texts where these are many.

A plan only needs the numbers, and to tokenise 200,000 texts takes ten times as long as the rest of it.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import LongTexts
from mtlens.data.examples import Examples
from mtlens.data.text_column import TextColumn, pc
from mtlens.data.tokenize import Encoded, encode, is_tokenised

_SAMPLE = 20_000  # texts that are tokenised for an estimate
_MANY = 2 * _SAMPLE  # texts above which it is worth it


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
        return _with_estimates(self.examples, self._drawn, self.sample, cut=self.long_texts != "windows")

    @cached_property
    def _drawn(self) -> NDArray[np.int64] | None:
        """The rows of the sample; None where all tokens are known, or are counted quickly."""
        few = len(self.examples.ids) <= _MANY
        if few or "encoded" in self.__dict__ or self._is_stored():
            return None
        return _drawn_rows(self.examples.sources)

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


def _drawn_rows(sources: NDArray[np.int16]) -> NDArray[np.int64]:
    """Random rows in their order; the same number from each source, as far as it has them."""
    generator, present = np.random.default_rng(0), np.unique(sources)
    parts = [np.flatnonzero(sources == source) for source in present]
    chosen = [generator.choice(rows, min(len(rows), _SAMPLE // len(present)), replace=False) for rows in parts]
    return np.sort(np.concatenate(chosen))


def _with_estimates(examples: Examples, rows: NDArray[np.int64], sample: Encoded, *, cut: bool) -> Encoded:
    """The examples with lengths, but without tokens. rows, sample: the examples that were tokenised. cut: whether texts are.

    Within each source, the number of tokens is taken to be linear in that of characters, by least squares.
    """
    characters, tokens = _characters(examples), np.zeros(len(examples.ids))
    for source in np.unique(examples.sources):
        own, known = examples.sources == source, sample.sources == source
        design = np.stack([np.ones(known.sum()), characters[rows[known]]], axis=1)
        (start, slope), *_ = np.linalg.lstsq(design, sample.uncut[known].astype(np.float64))
        tokens[own] = start + slope * characters[own]
    uncut = np.maximum(tokens.round(), sample.uncut.min()).astype(np.int64)
    uncut[rows] = sample.uncut
    lengths = np.minimum(uncut, sample.longest) if cut else uncut
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


def _characters(examples: Examples) -> NDArray[np.float64]:
    """Characters of each text or pair, `[n]`."""
    columns = [examples.texts] if examples.pairs is None else [examples.texts, examples.pairs]
    counts = [[pc.utf8_length(chunk).fill_null(0).to_numpy() for chunk in TextColumn.of(column).chunks()] for column in columns]
    return np.stack([np.concatenate(parts) for parts in counts]).sum(axis=0).astype(np.float64)
