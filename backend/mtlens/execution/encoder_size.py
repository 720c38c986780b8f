"""The size of an encoder, for counting operations: kept on disk, as building an encoder takes seconds even without weights."""

import functools
from typing import NamedTuple

from mtlens.data.cache import kept_value
from mtlens.data.encoders import Pretrained
from mtlens.training.pretrained import count_multiplied

_VERSION = 1  # counts up whenever `count_multiplied` changes


class EncoderSize(NamedTuple):
    """weights: that multiply every token. layers: their number. width: hidden units."""

    weights: int
    layers: int
    width: int


@functools.cache
def encoder_size(pretrained: Pretrained) -> EncoderSize:
    """The size of an encoder, from its config."""
    return EncoderSize(*kept_value(lambda: [*count_multiplied(pretrained.directory)], "size", _VERSION, pretrained.fingerprint))
