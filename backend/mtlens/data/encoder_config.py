"""An encoder's config.json, checked before anything is built from it: sizes are bounded, and no key can select code.

A config can name attention kernels, quantisers and classes that libraries would fetch and run; these keys are dropped. It can
also declare ten million layers beside a small file of weights.
"""

import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtlens.errors import EncoderError, reading

MOST_BYTES = 1_000_000
MOST_LAYERS = 1000
MOST = 100_000_000  # of any other number, such as the size of a vocabulary
_COUNTS = re.compile(r"layer|group|depth|expert|block")
_CHOOSES_CODE = re.compile(
    r"_implementation(_internal|_autoset)?$|kernel|^auto_map$|^custom_|^quantization_|^trust_remote_code$"
)


def read_encoder_config(directory: Path) -> dict[str, Any]:
    """Content of config.json without the keys that can select code.

    Raises EncoderError where it is not a JSON object, has no model_type, is an adapter of another model, or exceeds the bounds.
    """
    path = directory / "config.json"
    with reading(EncoderError, f"{path} should be the JSON object that describes an encoder"):
        if path.stat().st_size > MOST_BYTES:
            raise EncoderError(f"{path} should have at most {MOST_BYTES:,} bytes; found {path.stat().st_size:,}")
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict) or not isinstance(content.get("model_type"), str):
            raise EncoderError(f"{path} should name the model_type of an encoder; found none")
        if (path.parent / "adapter_config.json").exists():
            raise EncoderError(f"{path.parent} should hold a whole encoder; found an adapter of another one")
        config = typing.cast("dict[str, Any]", _without_code(content))
        for key, number in _numbers(config, ""):
            most = MOST_LAYERS if _COUNTS.search(key) else MOST
            if abs(number) > most:
                raise EncoderError(f"{path}: {key} should be at most {most:,}; found {number:,}")
        return config


def encoder_config(directory: Path) -> Any:
    """The transformers configuration of `read_encoder_config`."""
    from transformers import CONFIG_MAPPING

    config = read_encoder_config(directory)
    with reading(EncoderError, f"{directory / 'config.json'} should describe an encoder that transformers knows"):
        if config["model_type"] not in CONFIG_MAPPING:
            raise EncoderError(
                f"{directory / 'config.json'} should name a model_type that transformers knows; found {config['model_type']!r}"
            )
        return CONFIG_MAPPING[config["model_type"]].from_dict(config)


def _without_code(value: object) -> object:
    if isinstance(value, dict):
        items = typing.cast("dict[str, object]", value).items()
        return {key: _without_code(item) for key, item in items if not _CHOOSES_CODE.search(key)}
    if isinstance(value, list):
        return [_without_code(item) for item in typing.cast("list[object]", value)]
    return value


def _numbers(value: object, key: str) -> Iterator[tuple[str, float]]:
    """Each number with the key that it stands under."""
    if isinstance(value, dict):
        for name, item in typing.cast("dict[str, object]", value).items():
            yield from _numbers(item, name)
    elif isinstance(value, list):
        for item in typing.cast("list[object]", value):
            yield from _numbers(item, key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, value
