"""Token types of pairs: encoders such as BERT are told which tokens belong to the second text.

The types follow from the tokens: 1 after the first separator, for tokenizers that write `[CLS] a [SEP] b [SEP]`. So callers of
the encoder need not pass them: a hook adds them.
"""

from typing import Any

import torch
from torch import Tensor, nn


def add_token_types(encoder: Any, separator: int | None) -> None:
    """Add a hook that passes token types to the encoder. separator: from `type_separator`."""
    encoder.config.sep_token_id = separator
    if separator is not None and getattr(encoder.config, "type_vocab_size", 0) == 2:
        encoder.register_forward_pre_hook(_with_types, with_kwargs=True)


def type_separator(tokenizer: Any) -> int | None:
    """Id of the token after which the tokenizer assigns type 1 to tokens of a pair; None where it assigns type 0 to all."""
    pair = tokenizer("a", "a")
    types, separator = pair.get("token_type_ids"), tokenizer.sep_token_id
    if separator is None or not types or not any(types):
        return None
    follows = token_types(torch.tensor([pair["input_ids"]]), None, separator)[0].tolist() == list(types)
    return int(separator) if follows else None


def token_types(tokens: Tensor, mask: Tensor | None, separator: int) -> Tensor:
    """[b, L] token ids -> [b, L], 1 for tokens after the first separator of their row; mask: which tokens are real."""
    is_separator = (tokens == separator).long()
    types = (is_separator.cumsum(dim=1) - is_separator > 0).long()
    return types if mask is None else types * mask.long()


def _with_types(encoder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    tokens, separator = kwargs.get("input_ids", args[0] if args else None), getattr(encoder.config, "sep_token_id", None)
    if tokens is None or separator is None or kwargs.get("token_type_ids") is not None:
        return args, kwargs
    return args, {**kwargs, "token_type_ids": token_types(tokens, kwargs.get("attention_mask"), separator)}
