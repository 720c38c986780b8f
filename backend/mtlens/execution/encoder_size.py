"""The size of an encoder, for counting operations: kept on disk, as building an encoder takes seconds even without weights."""

import functools
from typing import NamedTuple

from mtlens.data.cache import kept_value
from mtlens.data.encoders import Pretrained

_VERSION = 1  # counts up whenever `count_multiplied` changes


class EncoderSize(NamedTuple):
    """weights: that multiply every token. layers: their number. width: hidden units."""

    weights: int
    layers: int
    width: int


@functools.cache
def encoder_size(pretrained: Pretrained) -> EncoderSize:
    """The size of an encoder, from its config."""

    def count() -> list[int]:
        from mtlens.training.pretrained import count_multiplied  # imports torch

        return [*count_multiplied(pretrained.directory)]

    return EncoderSize(*kept_value(count, "size", _VERSION, pretrained.fingerprint))
