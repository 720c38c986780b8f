"""Loads a transformers encoder from an untrusted folder: safetensors only, no code, no larger than its weights."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from mtlens.data.encoder_config import encoder_config
from mtlens.errors import EncoderError, reading


def load_pretrained(directory: Path, *, eager: bool, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, list[str]]:
    """The encoder in dtype without its pooler, and the names of weights that are missing in its files.

    eager: attention as plain products, which on a CPU are faster than fused ones for short texts; else transformers chooses.
    Raises EncoderError for what does not load.
    """
    from transformers import AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    attention: dict[str, Any] = {"attn_implementation": "eager"} if eager else {}
    config, _ = described_encoder(directory)
    with reading(EncoderError, f"encoder in {directory} should load as a transformers model"):
        encoder, found = AutoModel.from_pretrained(
            str(directory),
            config=config,
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            output_loading_info=True,
            **attention,
        )
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # heads read the hidden states; an unused pooler would only be decayed and saved
    return encoder, [name for name in found["missing_keys"] if "pooler" not in name]


def described_encoder(directory: Path) -> tuple[Any, Any]:
    """The configuration in a folder, and the encoder that it describes, without memory for weights.

    Raises EncoderError where it has more parameters than the weight files have bytes: missing ones would be initialised at
    random.
    """
    from transformers import AutoModel

    config = encoder_config(directory)
    with reading(EncoderError, f"{directory / 'config.json'} should describe an encoder"), torch.device("meta"):
        encoder: Any = AutoModel.from_config(config)
    numbers = sum(parameter.numel() for parameter in encoder.parameters())
    stored = sum(path.stat().st_size for path in directory.glob("*.safetensors"))
    if numbers > stored:
        raise EncoderError(
            f"{directory / 'config.json'} should describe the weights beside it, which have {stored:,} bytes; "
            f"found a model of {numbers:,} numbers"
        )
    return config, encoder


def count_multiplied(directory: Path) -> tuple[int, int, int]:
    """(weights that multiply every token, layers, hidden units) of an encoder, from its config alone."""
    config, encoder = described_encoder(directory)
    embeddings = {id(module.weight) for module in encoder.modules() if isinstance(module, nn.Embedding)}
    weights = sum(p.numel() for name, p in encoder.named_parameters() if id(p) not in embeddings and "pooler" not in name)
    return weights, int(config.num_hidden_layers), int(config.hidden_size)
