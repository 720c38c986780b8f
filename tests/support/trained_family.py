"""A trained experiment on a tiny encoder that knows a few words of the spine, and a family exported from it."""

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mtlens.config.experiment import Experiment
from mtlens.config.task import Task
from mtlens.data.synthetic_reports.anatomy import LEVELS
from mtlens.execution.experiment import run_experiment
from mtlens.execution.plan import Plan, make_plan
from mtlens.inference.model.classifier import as_classifier
from mtlens.inference.model.family import write_config
from mtlens.inference.model.family_config import FamilyConfig, MemberConfig
from mtlens.inference.model.weights import load_encoder, save_classifier, save_model
from mtlens.store.workspace.workspace import Workspace

REPORT = "FINDINGS:\nC5-6: severe canal stenosis. The disc is normal.\nC6-7: disc bulge.\n"
CLASSES = np.array(["absent", "present"])
WORDS = (
    *("disc", "canal", "cord", "foraminal", "stenosis", "bulge", "protrusion", "mild", "moderate", "severe", "normal", "no"),
    *("of", "the", "at", "and", "with", "is", "patent", "central", "narrowing", "c", "-", ":", ".", ",", "2", "3", "4", "5"),
)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A plan whose runs are done in the workspace."""

    plan: Plan
    workspace: Workspace


def make_encoder(folder: Path, more: Sequence[str] = ()) -> Path:
    """A BERT of one layer with random weights that knows WORDS and more: a graph of two takes twice as long to trace."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "zebra", *more]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def train(folder: Path) -> Trained:
    """Two tasks on the segments of synthetic reports, with evidence."""
    return _train(folder, {"spine": {"region": "cervical", "reports": 40}}, "canal_any", "disc_any", explain=True)


def train_on_notes(folder: Path, seeds: Sequence[int] = (0, 1, 2), arms: Sequence[str] = ("joint",)) -> Trained:
    """Two tasks on a table of whole notes, without evidence."""
    labels = np.random.default_rng(0).integers(0, 2, (120, 2))
    said = [
        f"The canal is {('patent', 'narrowing')[a]}.\nThe disc is {('normal', 'bulge')[b]}. {i}"
        for i, (a, b) in enumerate(labels)
    ]
    with (folder / "notes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("note", "canal", "disc"), *((text, *row) for text, row in zip(said, CLASSES[labels], strict=True))]
        )
    return _train(folder, {"tables": [{"path": "notes.csv", "text": "note"}]}, "canal", "disc", seeds=seeds, arms=arms)


def _train(
    folder: Path,
    data: dict[str, object],
    *columns: str,
    seeds: Sequence[int] = (0, 1, 2),
    arms: Sequence[str] = ("joint",),
    explain: bool = False,
) -> Trained:
    """One epoch for each seed."""
    experiment = Experiment.model_validate(
        {
            "name": "tiny-family",
            "data": {**data, "splits": {"validation": 0.2, "test": 0.4}},
            "tasks": [
                {"name": name, "column": column, "classes": list(CLASSES)}
                for name, column in zip(("canal", "disc"), columns, strict=True)
            ],
            "encoder": {"name": str(make_encoder(folder / "encoder"))},
            "training": {"epochs": 1, "batch_size": 16, "learning_rate": 3e-3, "max_length": 48, "precision": "float32"},
            "evidence": {"examples": 16, "microbatches": 4, "microbatch_size": 4},
            "multi": list(arms),
            "seeds": list(seeds),
            "margin": 0.3,
        }
    )
    plan, workspace = make_plan(experiment, [folder]), Workspace.open(folder / "results")
    run_experiment(plan, workspace, explain=explain, local=True, address=None, show=lambda _: None)
    return Trained(plan=plan, workspace=workspace)


def fabricate(folder: Path) -> Path:
    """A family of one multi-task model that was never trained, as an exported folder."""
    import torch

    torch.manual_seed(0)
    encoder, family = make_encoder(folder / "encoder"), folder / "family"
    heads = {"canal": torch.nn.Linear(32, 2), "disc": torch.nn.Linear(32, 2)}
    save_model(family / "multi", load_encoder(encoder), heads, torch.float32)
    _write_family(family, encoder, (MemberConfig(folder="multi", run_id="0" * 16, tasks=tuple(heads)),), LEVELS["cervical"])
    return family


def fabricate_whole(folder: Path, pooling: Literal["mean", "cls"] = "mean") -> Path:
    """The same of a multi-task model for two tasks and a task-specific model for a third, which read whole texts."""
    import torch

    torch.manual_seed(0)
    encoder, family = make_encoder(folder / "encoder"), folder / "family"
    heads = {name: torch.nn.Linear(32, 2) for name in ("canal", "cord", "disc")}
    members = (
        MemberConfig(folder="multi", run_id="0" * 16, tasks=("canal", "cord")),
        MemberConfig(folder="disc", run_id="1" * 16, tasks=("disc",), layout="classifier"),
    )
    _write_family(family, encoder, members, (), pooling, temperature=1.5)
    save_model(family / "multi", load_encoder(encoder), {name: heads[name] for name in ("canal", "cord")}, torch.float32)
    task = Task(name="disc", column="disc", classes=("absent", "present"))
    classifier = as_classifier(load_encoder(encoder), heads["disc"], task, pooling=pooling, temperature=1.5)
    save_classifier(family / "disc", classifier, family / "tokenizer", 48, torch.float32)
    return family


def _write_family(
    family: Path,
    encoder: Path,
    members: tuple[MemberConfig, ...],
    levels: tuple[str, ...],
    pooling: Literal["mean", "cls"] = "mean",
    temperature: float = 1.0,
) -> None:
    """The tokenizer and config.json."""
    shutil.copytree(encoder, family / "tokenizer", ignore=shutil.ignore_patterns("*.safetensors"))
    names = [name for member in members for name in member.tasks]
    tasks = tuple(Task(name=name, column=name, classes=("absent", "present")) for name in names)
    config = FamilyConfig(
        name="fabricated", tasks=tasks, members=members, temperatures=dict.fromkeys(names, temperature),
        pooling=pooling, max_length=48, precision="float32", levels=levels,
    )  # fmt: skip
    write_config(family, config)
