"""Encoders and heads in an exported folder: safetensors, which `transformers` reads without running code."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mtlens.errors import EncoderError, reading
from mtlens.training.pretrained import load_pretrained
from mtlens.training.token_types import add_token_types

ATTENTION = "eager"  # for short texts on a CPU plain products are faster than fused ones
HEADS = "heads.safetensors"


def save_model(folder: Path, encoder: Any, heads: dict[str, nn.Linear], dtype: torch.dtype) -> None:
    """The encoder in dtype, as `AutoModel` reads it, and the heads, by name, beside it."""
    encoder.to(dtype).save_pretrained(folder)
    save_heads(folder, heads)


def save_heads(folder: Path, heads: dict[str, nn.Linear]) -> None:
    """The heads, by name, as they are."""
    weights = {f"{name}.{kind}": tensor.detach().cpu().contiguous()
               for name, head in heads.items() for kind, tensor in head.named_parameters()}  # fmt: skip
    save_file(weights, folder / HEADS)


def save_classifier(folder: Path, classifier: Any, tokenizer: Path, longest: int, dtype: torch.dtype) -> None:
    """A classifier in dtype as `AutoModelForSequenceClassification` and `pipeline` read it.

    tokenizer: folder of its tokenizer, which is set to cut texts at `longest`, the length in training.
    """
    from transformers import AutoTokenizer

    classifier.to(dtype).save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(tokenizer), local_files_only=True, model_max_length=longest).save_pretrained(folder)
    config = folder / "config.json"
    written = json.loads(config.read_text())
    config.write_text(json.dumps({**written, "attn_implementation": ATTENTION}, indent=2) + "\n")


def load_model(folder: Path, heads: dict[str, int]) -> tuple[Any, list[nn.Linear]]:
    """Encoder and heads in float32. heads: expected number of outputs by name. EncoderError for a damaged folder."""
    with reading(EncoderError, f"{folder} should hold an exported model"):
        encoder = load_encoder(folder)
        return encoder, load_heads(folder, heads, int(encoder.config.hidden_size))


def load_heads(folder: Path, heads: dict[str, int], hidden: int) -> list[nn.Linear]:
    """Heads in float32, of a model with `hidden` units. heads: number of outputs that each named head should have."""
    weights = load_file(folder / HEADS)
    return [_head(weights, name, outputs, hidden) for name, outputs in heads.items()]


def load_encoder(folder: Path) -> Any:
    """A transformers model in float32, without pooler."""
    encoder: Any = load_pretrained(folder, eager=True)[0]
    add_token_types(encoder, getattr(encoder.config, "sep_token_id", None))
    return encoder


def _head(weights: dict[str, Tensor], name: str, outputs: int, hidden: int) -> nn.Linear:
    weight = weights[f"{name}.weight"].float()
    head = nn.Linear(hidden, outputs)
    head.load_state_dict({"weight": weight, "bias": weights[f"{name}.bias"].float()})
    return head


def padded(rows: Sequence[Sequence[int]], padding: int) -> Tensor:
    """Rows of numbers as one tensor [b, L], padded at their ends."""
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows])
