"""Writes one model of a family, in the first of these layouts that can hold it.

adapter               LoRA adapters beside the pretrained encoder
token classifier      a transformers model of one task of tags
classifier            a transformers model of one task of a text, with its calibration
heads                 an encoder, and the heads of the tasks that it serves
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import nn

from mtlens.config.run_kinds import MULTI
from mtlens.config.task import Task
from mtlens.inference.export.recommended import FamilyMember
from mtlens.inference.export.stored_models import StoredModels
from mtlens.inference.model.adapter import BASE, save_adapter, save_base
from mtlens.inference.model.classifier import (
    as_classifier,
    as_token_classifier,
    can_be_classifier,
    can_be_token_classifier,
)
from mtlens.inference.model.family import TOKENIZER
from mtlens.inference.model.family_config import MemberConfig
from mtlens.inference.model.weights import save_classifier, save_model
from mtlens.training.model import MultiTaskModel, restore_vocabulary


def write_member(
    source: StoredModels, out: Path, dtype: torch.dtype, temperatures: Mapping[str, float], member: FamilyMember, number: int
) -> MemberConfig:
    """The model of a member, with the heads of the tasks that it serves, in a folder of `out`.

    temperatures: of tasks with single classes. number: of the member, from 1.
    """
    run, pretrained = source.run(member.exported), source.plan.pretrained
    model = source.load_adapted(run)
    folder = out / f"{number}-{_plain_name(source, member)}"
    served = [
        (task, cast(nn.Linear, head)) for task, head in zip(run.tasks, model.heads, strict=True) if task.name in member.serves
    ]
    heads = {task.name: head for task, head in served}
    about = MemberConfig(folder=folder.name, run_id=run.run_id, tasks=tuple(heads))
    if run.method == "lora":
        save_base(out / BASE, pretrained.directory)
        save_adapter(folder, model.encoder, heads, BASE if Path(pretrained.name).is_absolute() else pretrained.name)
        return about.model_copy(update={"layout": "adapter"})
    restore_vocabulary(model, pretrained.directory, source.plan.encoded.vocabulary)
    classifier = _as_transformers(source, model, served, temperatures)
    if classifier is None:
        save_model(folder, model.encoder, heads, dtype)
        return about
    layout, made = classifier
    save_classifier(folder, made, out / TOKENIZER, source.plan.encoded.longest, dtype)
    return about.model_copy(update={"layout": layout})


def _plain_name(source: StoredModels, member: FamilyMember) -> str:
    """Of a folder: letters, digits, - and _."""
    num_tasks = len(source.plan.experiment.tasks)
    is_multi = len(source.run(member.exported).tasks) == num_tasks > 1
    name = MULTI.name if is_multi else "-".join(member.serves)[:40]
    return "".join(character if character.isalnum() or character in "-_" else "-" for character in name)


def _as_transformers(
    source: StoredModels, model: MultiTaskModel, served: Sequence[tuple[Task, nn.Linear]], temperatures: Mapping[str, float]
) -> tuple[str, nn.Module] | None:
    """The model of one task as transformers has them, with the name of its layout; None where it has no such model."""
    experiment = source.plan.experiment
    if experiment.training.long_texts != "head" or len(served) != 1:
        return None
    task, head = served[0]
    if can_be_token_classifier(model.encoder, task):
        return "token classifier", as_token_classifier(model.encoder, head, task)
    if experiment.encoder.pooling != "last" and can_be_classifier(model.encoder, task):
        pooling, temperature = experiment.encoder.pooling, temperatures[task.name]
        return "classifier", as_classifier(model.encoder, head, task, pooling=pooling, temperature=temperature)
    return None
