"""The layer, and the part of it, that a parameter of a Hugging Face encoder belongs to, by its name."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

Group = Literal["embedding", "attention", "feedforward", "norm"]


class Block(NamedTuple):
    """Parameters that are compared together. layer: 0 = embeddings, 1..L = transformer layers."""

    layer: int
    group: Group

    def __str__(self) -> str:
        return f"layer {self.layer} {self.group}"


def block_names(names: Sequence[str]) -> list[Block]:
    """The block of each parameter of one encoder, in the order of `names`, such as "encoder.layers.0.attn.Wo.weight".

    The first number in a dotted name counts the transformer layers from 0; it stands there as layer 1. Every layer norm is
    of group norm, those of the embeddings too. All else in a layer is attention if its name says so, with a relative
    position bias that a layer has for itself, and feedforward if not.

    Parameters without a number lie in layer 0 as embedding: tokens, positions, projections of them, and relative positions
    that all layers share (MPNet, DeBERTa), with the convolution over embeddings and the norm of relative positions of
    DeBERTa. Only a last norm after all layers (ModernBERT's `final_norm`) belongs to layer L. An encoder that repeats one
    layer L times (ALBERT) has that one.
    """
    numbers = [re.search(r"\.(\d+)\.", name) for name in names]
    layers = [int(number[1]) + 1 if number else 0 for number in numbers]
    last = max(layers, default=0)
    return [
        Block(layer or (last if _is_last_norm(name) else 0), _group(name.lower(), inside=layer > 0))
        for name, layer in zip(names, layers, strict=True)
    ]


def _is_last_norm(name: str) -> bool:
    return re.search(r"(^|\.)(final_\w*norm|norm)\.", name) is not None and "emb" not in name


def _group(name: str, *, inside: bool) -> Group:
    if "norm" in name:
        return "norm"
    if not inside:
        return "embedding"
    return "attention" if "attention" in name or "attn" in name else "feedforward"
