"""Weights and training state as safetensors bytes, never pickle: loading them cannot run code."""

import json
import zlib
from typing import Any

import safetensors
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from mtlens.errors import TrainingError
from mtlens.training.progress import Progress


def trained_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that training changes, by name: all of them, or adapters and heads."""
    return {name: parameter.detach() for name, parameter in model.named_parameters() if parameter.requires_grad}


def weights_to_bytes(tensors: dict[str, Tensor]) -> bytes:
    """Trained tensors as one safetensors file."""
    return save({name: tensor.contiguous().cpu() for name, tensor in tensors.items()})


def change_to_bytes(model: nn.Module, initial: dict[str, Tensor]) -> bytes:
    """Changes of the trained tensors since their initial values, in bfloat16: half the bytes, with an error of at most 1 %."""
    changes = {name: (tensor - initial[name]).bfloat16() for name, tensor in trained_tensors(model).items()}
    return weights_to_bytes(changes)


def capture(progress: Progress, model: nn.Module, best: dict[str, Tensor], optimiser: torch.optim.Optimizer) -> bytes:
    """Everything that the next epoch needs: current and best weights, optimiser moments, counters."""
    tensors = {f"now/{name}": tensor for name, tensor in trained_tensors(model).items()}
    tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
    for name, parameter in model.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"{key}/{name}"] = value
    tensors = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    return save(tensors, metadata={"progress": json.dumps(progress.to_dict()), "crc32": _checksum(tensors)})


def restore(state: bytes, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[Progress, dict[str, Tensor]]:
    """Put a captured state back; returns its counters and its best weights.

    Raises TrainingError if the bytes are damaged or belong to another model.
    """
    try:
        tensors = load(state)
        size = int.from_bytes(state[:8], "little")
        metadata = json.loads(state[8 : 8 + size])["__metadata__"]
        progress = Progress(**json.loads(metadata["progress"]))
        if metadata["crc32"] != _checksum(tensors):
            raise ValueError("its checksum is another")
        best = {name: tensors[f"best/{name}"].to(tensor.device) for name, tensor in trained_tensors(model).items()}
        moments = {name: _moments(name, tensors) for name in best}
        for name, tensor in trained_tensors(model).items():
            if tensors[f"now/{name}"].shape != tensor.shape or tensors[f"best/{name}"].shape != tensor.shape:
                raise ValueError(f"{name} has another shape")
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise TrainingError(f"saved state should fit the run; it does not: {type(error).__name__} {error}") from None
    with torch.no_grad():
        for name, tensor in trained_tensors(model).items():
            tensor.copy_(tensors[f"now/{name}"])
    for name, parameter in model.named_parameters():
        if moments.get(name):
            on_device = {key: value.to(parameter.device) for key, value in moments[name].items() if key != "step"}
            optimiser.state[parameter] = {"step": moments[name]["step"].to(parameter.device), **on_device}
    return progress, best


def _checksum(tensors: dict[str, Tensor]) -> str:
    """CRC-32 of all bytes in the order of names: safetensors has none, and a torn write can leave the size as it was."""
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, value)
    return f"{value:08x}"


def _moments(name: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {key: tensors[f"{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"{key}/{name}" in tensors}
