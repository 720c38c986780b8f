"""A loadable folder of models: `load(folder)` gives a `Family`, which turns texts into calibrated probabilities.

config.json          tasks, members, temperatures, precision, levels
README.md            the model card
tokenizer/           as of the pretrained encoder
<member>/            config.json and model.safetensors, which `transformers.AutoModel` loads too; heads.safetensors
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import Tensor, nn

from backend.data.encode import load_tokenizer
from backend.errors import EncoderError
from backend.learn.hardware import Hardware, prepare, usable_cores
from backend.learn.model import MultiTaskModel
from backend.settings import Spec, Task

FORMAT = 1
BATCH = 32


class MemberConfig(Spec):
    """One model: its folder and the tasks that it has heads for, in their order."""

    folder: str
    run_id: str
    tasks: tuple[str, ...]


class FamilyConfig(Spec):
    """Content of config.json. temperatures: by task, softmax(logits / T). levels: segments that it was trained on."""

    format: Literal[1] = FORMAT
    name: str
    tasks: tuple[Task, ...]
    members: tuple[MemberConfig, ...]
    temperatures: dict[str, float]
    pooling: Literal["mean", "cls"]
    max_length: int
    precision: Literal["float32", "bfloat16"]
    levels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """Models that serve every task once. Each member reads a batch of texts in one pass for all of its tasks."""

    config: FamilyConfig
    tokenizer: Any
    models: tuple[MultiTaskModel, ...]
    hardware: Hardware

    @torch.inference_mode()
    def classify(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Calibrated probabilities by task, [len(texts), classes]; texts are cut at the longest that was trained on."""
        found = {task.name: np.empty((len(texts), len(task.classes)), dtype=np.float32) for task in self.config.tasks}
        if not texts:
            return found
        ids: list[list[int]] = self.tokenizer(list(texts), truncation=True, max_length=self.config.max_length)["input_ids"]
        order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            tokens, mask = _padded([ids[row] for row in rows], int(self.tokenizer.pad_token_id))
            for member, model in zip(self.config.members, self.models, strict=True):
                with self.hardware.autocast():
                    logits = model(tokens.to(self.hardware.device), mask.to(self.hardware.device))
                for task, values in zip(member.tasks, logits, strict=True):
                    found[task][rows] = (values / self.config.temperatures[task]).softmax(dim=1).cpu().numpy()
        return found


def load(folder: Path | str, *, threads: int | None = None) -> Family:
    """Load what `mtlens export` has written, onto a GPU where there is one.

    Raises EncoderError for a folder that is no exported family, or a damaged one. Nothing in it is run as code.
    """
    path = Path(folder)
    try:
        config = FamilyConfig.model_validate_json((path / "config.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise EncoderError(f"{path} should be a folder that `mtlens export` has written: {type(error).__name__}") from None
    hardware = prepare(
        "auto" if config.precision == "bfloat16" else "float32",
        threads=threads or usable_cores(),
        gpu=torch.cuda.is_available(),
    )
    tasks = {task.name: task for task in config.tasks}
    models = [_load_member(path, member, tasks, config).to(hardware.device).eval() for member in config.members]
    return Family(config=config, tokenizer=load_tokenizer(path / "tokenizer"), models=tuple(models), hardware=hardware)


def _load_member(path: Path, member: MemberConfig, tasks: dict[str, Task], config: FamilyConfig) -> MultiTaskModel:
    from transformers import AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = path / member.folder
    try:
        encoder: Any = AutoModel.from_pretrained(
            str(folder), trust_remote_code=False, local_files_only=True, use_safetensors=True, dtype=torch.float32,
            attn_implementation="eager", add_pooling_layer=False,
        )  # fmt: skip
        weights = load_file(folder / "heads.safetensors")
        heads = [_head(weights, name, len(tasks[name].classes)) for name in member.tasks]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
        raise EncoderError(f"{folder} should hold an exported model: {str(error).splitlines()[0]}") from None
    return MultiTaskModel(encoder, heads, pooling=config.pooling, dropout=0.0)


def _head(weights: dict[str, Tensor], task: str, num_classes: int) -> nn.Linear:
    weight = weights[f"{task}.weight"].float()
    head = nn.Linear(weight.shape[1], num_classes)
    head.load_state_dict({"weight": weight, "bias": weights[f"{task}.bias"].float()})
    return head


def _padded(ids: list[list[int]], padding: int) -> tuple[Tensor, Tensor]:
    """Token ids [b, L] and the mask of real ones [b, L]."""
    lengths = torch.tensor([len(one) for one in ids])
    mask = torch.arange(int(lengths.max()))[None, :] < lengths[:, None]
    tokens = torch.full(mask.shape, padding)
    tokens[mask] = torch.tensor([token for one in ids for token in one])
    return tokens, mask


def write_config(folder: Path, config: FamilyConfig) -> None:
    """Write config.json, last of all files: a folder without it is no family."""
    (folder / "config.json").write_text(json.dumps(config.model_dump(mode="json"), indent=1) + "\n")
