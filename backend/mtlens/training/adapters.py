"""Low-rank adapters (LoRA, Hu et al. 2022) on every linear layer of an encoder, by `peft`.

A layer W x + b becomes W x + b + (alpha / r) B A x, with A [r, inputs] and B [outputs, r] trained and W and b as they were.
"""

import warnings
from collections.abc import Sequence
from typing import Any


def add_adapters(encoder: Any, *, rank: int, alpha: int, layers: Sequence[str] | None = None) -> Any:
    """The encoder as a `PeftModel`, which shares its weights. B starts at 0, so the outputs are those of the encoder.

    layers: names of the linear layers to adapt; None takes all of them.
    """
    from peft import LoraConfig, get_peft_model

    targets = "all-linear" if layers is None else list(layers)
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=targets, bias="none")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft 0.21 asks transformers 5 by a name that is going away
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to False")  # it says that it handles GPT-2's layers rightly
        return get_peft_model(encoder, config)


def adapted_layers(encoder: Any) -> list[str]:
    """Names, in the encoder itself, of the layers that `add_adapters` has adapted."""
    return [name for name, module in encoder.base_model.model.named_modules() if hasattr(module, "lora_A")]


def without_adapters(encoder: Any) -> Any:
    """A plain encoder with the same outputs up to rounding: B A is added to the weights of the given one, in place."""
    return encoder.merge_and_unload()
