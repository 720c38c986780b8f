"""Adapted encoders (LoRA) in an exported folder: the files that `peft` reads, and the heads beside them.

encoder/                 the pretrained encoder, byte for byte; all adapters of a family share it
<member>/                adapter_config.json and adapter_model.safetensors, as `PeftModel` reads them, and heads.safetensors

The heads are not `modules_to_save` of `peft`: it has to guess their names in each architecture, and a head that it misses is
initialised anew without an error. mtlens reads only rank, scale and layers of an adapter's config, so that no folder can name a
class, or weights elsewhere.
"""

import copy
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, Field
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from mtlens.data.encoders import stored_in_bfloat16
from mtlens.data.tokenizer import load_tokenizer
from mtlens.errors import EncoderError, reading
from mtlens.inference.model.weights import load_heads, save_heads
from mtlens.training.adapters import adapted_layers, add_adapters
from mtlens.training.pretrained import load_pretrained
from mtlens.training.token_types import add_token_types, type_separator

BASE = "encoder"
_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_BASE_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json")
_MOST_BYTES = 1_000_000


class _AdapterConfig(BaseModel):
    """Content of adapter_config.json. Settings that would change the outputs must have the value that mtlens writes."""

    peft_type: Literal["LORA"]
    r: Annotated[int, Field(ge=1, le=1024)]
    lora_alpha: Annotated[int, Field(ge=1, le=1_000_000)]
    target_modules: Annotated[tuple[str, ...], Field(min_length=1, max_length=100_000)]
    use_dora: Literal[False] = False
    use_rslora: Literal[False] = False
    rank_pattern: Annotated[dict[str, int], Field(max_length=0)] = {}
    alpha_pattern: Annotated[dict[str, int], Field(max_length=0)] = {}


def save_base(folder: Path, directory: Path) -> None:
    """Copy the pretrained encoder of `directory`, unless the folder exists already."""
    if folder.exists():
        return
    folder.mkdir()
    for file in (file for pattern in _BASE_FILES for file in directory.glob(pattern)):
        shutil.copyfile(file, folder / file.name)


def save_adapter(folder: Path, encoder: Any, heads: dict[str, nn.Linear], base: str) -> None:
    """Write adapters and heads as trained. base: name of the encoder on the hub, or `BASE`."""
    from peft import get_peft_model_state_dict

    config = copy.copy(encoder.peft_config["default"])
    config.target_modules = set(adapted_layers(encoder))  # by their whole names: a pooler may share the last part of one
    config.base_model_name_or_path, config.inference_mode = base, True
    config.save_pretrained(str(folder))
    weights: dict[str, Tensor] = get_peft_model_state_dict(encoder, save_embedding_layers=False)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, folder / _WEIGHTS)
    save_heads(folder, heads)


def load_adapter(folder: Path, base: Path, tokenizer: Path, heads: dict[str, int]) -> tuple[Any, list[nn.Linear]]:
    """The adapted encoder, as in training, and its heads. heads: number of outputs that each named head should have.

    base: folder of the pretrained encoder. tokenizer: its tokenizer. EncoderError for a damaged folder.
    """
    from peft import get_peft_model_state_dict, set_peft_model_state_dict

    with reading(EncoderError, f"{folder} should hold an exported adapter"):
        config = _read_config(folder)
        dtype = torch.bfloat16 if stored_in_bfloat16(base) else torch.float32
        encoder, absent = load_pretrained(base, eager=True, dtype=dtype)
        if absent:
            raise EncoderError(f"{base} should hold a whole encoder; found {len(absent)} weights missing")
        add_token_types(encoder, type_separator(load_tokenizer(tokenizer)))
        adapted = add_adapters(encoder, rank=config.r, alpha=config.lora_alpha, layers=config.target_modules)
        weights, wanted = load_file(folder / _WEIGHTS), get_peft_model_state_dict(adapted, save_embedding_layers=False)
        shapes = [{name: tuple(tensor.shape) for name, tensor in tensors.items()} for tensors in (weights, wanted)]
        if shapes[0] != shapes[1]:
            raise EncoderError(f"{folder / _WEIGHTS} should hold the weights of its config's adapters; it does not")
        set_peft_model_state_dict(adapted, weights)
        return adapted.eval(), load_heads(folder, heads, int(adapted.config.hidden_size))


def _read_config(folder: Path) -> _AdapterConfig:
    path = folder / _CONFIG
    if path.stat().st_size > _MOST_BYTES:
        raise EncoderError(f"{path} should have at most {_MOST_BYTES:,} bytes; found {path.stat().st_size:,}")
    return _AdapterConfig.model_validate_json(path.read_bytes())
