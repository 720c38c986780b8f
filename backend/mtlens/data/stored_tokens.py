"""Token sequences on disk, made once for each content and tokenizer, and mapped into memory."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import LongTexts
from mtlens.data.cache import WORTH_KEEPING, find_entry, keep_entry
from mtlens.data.long_texts import token_ids

_ARRAYS = ("ids", "lengths", "uncut")


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenSequences:
    """n sequences. ids: [sum of lengths], token ids; lengths: [n]; uncut: [n], before a text was cut."""

    ids: NDArray[np.int32]
    lengths: NDArray[np.int64]
    uncut: NDArray[np.int64]


def token_sequences(
    tokenizer: Any,
    texts: Sequence[str],
    pairs: Sequence[str | None] | None,
    *,
    longest: int,
    long_texts: LongTexts,
    key: tuple[str, str] | None,
) -> TokenSequences:
    """Tokens of each text or pair, cut where it is longer than `longest`. key: fingerprints of texts and tokenizer."""
    content = None if key is None or len(texts) < WORTH_KEEPING else (*key, longest, long_texts)
    if content is not None and (entry := find_entry("tokens", *content)) is not None:
        return _load(entry)
    made = _collect(token_ids(tokenizer, texts, pairs, longest, long_texts))
    if content is None:
        return made
    keep_entry(lambda folder: _save(made, folder), "tokens", *content)
    return made


def _collect(sequences: Iterator[tuple[list[int], int]]) -> TokenSequences:
    ids, lengths, uncut = array("i"), array("q"), array("q")
    for own, whole in sequences:
        ids.extend(own)
        lengths.append(len(own))
        uncut.append(whole)
    return TokenSequences(
        ids=np.frombuffer(ids, dtype=np.int32),
        lengths=np.frombuffer(lengths, dtype=np.int64),
        uncut=np.frombuffer(uncut, dtype=np.int64),
    )


def _save(tokens: TokenSequences, folder: Path) -> None:
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(tokens, name))


def _load(folder: Path) -> TokenSequences:
    return TokenSequences(**{name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS})
