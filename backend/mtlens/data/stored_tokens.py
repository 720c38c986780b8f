"""Token sequences on disk, computed once for each content and tokenizer, and mapped into memory."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.config.sections import LongTexts
from mtlens.data.cache import WORTH_KEEPING, find_entry, keep_entry
from mtlens.data.long_texts import Tokens, token_ids

_ARRAYS = ("ids", "lengths", "uncut")


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenSequences:
    """n sequences. ids: [sum of lengths], token ids; lengths: [n]; uncut: [n], before a text was cut.

    places: [sum of lengths, 2], characters of each token, where these were asked for; equal for one that is not of the text.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int64]
    uncut: NDArray[np.int64]
    places: NDArray[np.int32] | None = None


def token_sequences(
    tokenizer: Any,
    texts: Sequence[str],
    pairs: Sequence[str | None] | None,
    *,
    longest: int,
    long_texts: LongTexts,
    key: tuple[str, str] | None,
    places: bool = False,
) -> TokenSequences:
    """Tokens of each text or pair, cut if longer than `longest`. key: fingerprints of texts and tokenizer.

    places: also where each token stands in its text.
    """
    content = (
        None if key is None or len(texts) < WORTH_KEEPING else (*key, longest, long_texts, *(["places"] if places else []))
    )
    if content is not None and (entry := find_entry("tokens", *content)) is not None:
        return _load(entry)
    made = _collect(token_ids(tokenizer, texts, pairs, longest, long_texts, places=places))
    if content is None:
        return made
    keep_entry(lambda folder: _save(made, folder), "tokens", *content)
    return made


def _collect(sequences: Iterator[Tokens]) -> TokenSequences:
    ids, lengths, uncut = array("i"), array("q"), array("q")
    places: list[NDArray[np.int32]] = []
    for own in sequences:
        ids.extend(own.ids)
        lengths.append(len(own.ids))
        uncut.append(own.whole)
        if own.places is not None:
            places.append(own.places)
    return TokenSequences(
        ids=np.frombuffer(ids, dtype=np.int32),
        lengths=np.frombuffer(lengths, dtype=np.int64),
        uncut=np.frombuffer(uncut, dtype=np.int64),
        places=np.concatenate(places) if places else None,
    )


def _save(tokens: TokenSequences, folder: Path) -> None:
    for name in (*_ARRAYS, *([] if tokens.places is None else ["places"])):
        np.save(folder / f"{name}.npy", getattr(tokens, name))


def _load(folder: Path) -> TokenSequences:
    names = [name for name in (*_ARRAYS, "places") if (folder / f"{name}.npy").exists()]
    return TokenSequences(**{name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names})
