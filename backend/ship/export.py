"""Writes the recommended family of models as a folder that `backend.ship.family.load` reads.

Training keeps the embedding rows of tokens that occur in its data; the export puts those of the pretrained encoder back, so
that a word that training never saw is read as the encoder knows it. Weights go to bfloat16, half the size, where that
changes no task by as much as the experiment's margin: tested over the seeds like any other comparison.
"""

import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from backend.data.segments import Rules, Tagger
from backend.data.segments.levels import REGION_OF
from backend.data.segments.scoring import TagScore
from backend.data.spine.anatomy import LEVELS, Region
from backend.differences import TaskPredictions
from backend.errors import WorkspaceError
from backend.evidence.models import load_trained
from backend.learn.evaluate import Prediction, predict
from backend.learn.hardware import Hardware, prepare, usable_cores
from backend.learn.model import MultiTaskModel, restore_vocabulary
from backend.learn.world import ALONE
from backend.planning import Plan
from backend.ship.calibration import fit_temperature
from backend.ship.card import stored_predictions, write_card
from backend.ship.family import FamilyConfig, MemberConfig, write_config
from backend.ship.learned import SEGMENTS, Learned, TaggerConfig
from backend.ship.recommended import Member, recommended
from backend.ship.stored import save_model
from backend.ship.teach import examine, teach
from backend.spec import Run
from backend.store.ingest import ingest
from backend.store.runs import RunFolder, read_run_json
from backend.store.workspace import Workspace
from backend.verdicts import Comparison, compare

_NOT_OF_THE_TOKENIZER = (".safetensors", ".bin", ".md", ".py", ".index.json")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Source:
    plan: Plan
    workspace: Workspace

    def load(self, run: Run) -> MultiTaskModel:
        """The trained model with the vocabulary of the pretrained encoder, in float32."""
        model = load_trained(run, self.workspace, self.plan.pretrained.directory, self.plan.encoded.vocabulary)
        return model.eval()

    def run(self, run_id: str) -> Run:
        return read_run_json(RunFolder(self.workspace, run_id).path / "run.json")[0]


def export(plan: Plan, workspace: Workspace, out: Path, *, learned_tagger: bool = False) -> FamilyConfig:
    """Write the family of a finished experiment to `out`, which should not exist yet; returns its config.

    learned_tagger: teach it to find the sentences of each motion segment, in place of rules. That takes minutes.
    """
    if out.exists():
        raise WorkspaceError(f"{out} should not exist yet; found something there, which stays as it is")
    ingest(workspace, force=True)
    source = _Source(plan=plan, workspace=workspace)
    members = recommended(workspace, plan.experiment.experiment_id)
    checked = _compare_precisions(source, members)
    precision = "bfloat16" if all(one.verdict == "matches" for one in checked) else "float32"
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _copy_tokenizer(plan, partial / "tokenizer")
    learned = _teach(plan) if learned_tagger else None
    configs = [_write_member(source, member, partial, dtype) for member in members]
    experiment = plan.experiment
    spine = experiment.data.spine
    config = FamilyConfig(
        name=experiment.name,
        tasks=experiment.tasks,
        members=tuple(configs),
        temperatures=_temperatures(source, members),
        pooling=experiment.encoder.pooling,
        max_length=plan.encoded.longest,
        precision=precision,
        levels=LEVELS[spine.region] if spine else (*LEVELS["cervical"], *LEVELS["lumbar"]),
        tagger=_write_tagger(learned, partial, dtype),
    )
    write_card(partial, config, plan, workspace, members, checked, _examine(learned, config))
    write_config(partial, config)
    partial.rename(out)
    return config


def _write_member(source: _Source, member: Member, out: Path, dtype: torch.dtype) -> MemberConfig:
    """The best seed of a member; of a multi-task model all heads, though it may serve some tasks only."""
    run = source.run(member.run_ids[0])
    model = source.load(run)
    restore_vocabulary(model, source.plan.pretrained.directory, source.plan.encoded.vocabulary)
    name = "multi" if len(run.tasks) == len(source.plan.experiment.tasks) > 1 else "-".join(member.serves)[:80]
    folder = out / "".join(character if character.isalnum() or character in "-_" else "-" for character in name)
    heads = {task.name: cast(nn.Linear, head) for task, head in zip(run.tasks, model.heads, strict=True)}
    served = {name: head for name, head in heads.items() if name in member.serves}
    save_model(folder, model.encoder, served, dtype)
    return MemberConfig(folder=folder.name, run_id=run.run_id, tasks=tuple(served))


def _teach(plan: Plan) -> Learned:
    hardware = prepare("auto", threads=usable_cores(), gpu=torch.cuda.is_available())
    return teach(plan.pretrained.directory, hardware, lambda line: print(line, file=sys.stderr, flush=True))


def _write_tagger(learned: Learned | None, out: Path, dtype: torch.dtype) -> TaggerConfig | None:
    if learned is None:
        return None
    save_model(out / learned.config.folder, learned.model.encoder, {SEGMENTS: learned.model.head}, dtype)
    return learned.config


def _examine(learned: Learned | None, config: FamilyConfig) -> dict[str, TagScore]:
    """Scores of the rules and, last, of the tagger that the family uses."""
    regions: list[Region] = list(dict.fromkeys(REGION_OF[level] for level in config.levels))
    taggers: dict[str, Tagger] = {"rules": Rules(), **({"learned": learned} if learned else {})}
    return {name: examine(tagger, regions) for name, tagger in taggers.items()}


def _copy_tokenizer(plan: Plan, folder: Path) -> None:
    folder.mkdir()
    for file in plan.pretrained.directory.iterdir():
        if file.is_file() and not file.name.endswith(_NOT_OF_THE_TOKENIZER):
            shutil.copyfile(file, folder / file.name)


def _compare_precisions(source: _Source, members: tuple[Member, ...]) -> tuple[Comparison, ...]:
    """bfloat16 against float32: the same trained models of all seeds on the test split, at the experiment's margin."""
    hardware = {name: prepare(name, threads=usable_cores(), gpu=False) for name in ("float32", "bfloat16")}
    found: list[TaskPredictions] = []
    for member in members:
        full = [_predict(source, source.run(run_id), hardware["float32"]) for run_id in member.run_ids]
        half = [_predict(source, source.run(run_id), hardware["bfloat16"]) for run_id in member.run_ids]
        for place, prediction in enumerate(full[0]):
            if prediction.task.name in member.serves:
                found.append(_paired(source, [one[place] for one in full], [one[place] for one in half]))
    return compare(_same_seeds(found), margin=source.plan.experiment.margin)


def _predict(source: _Source, run: Run, hardware: Hardware) -> list[Prediction]:
    model = source.load(run)
    if hardware.dtype is torch.bfloat16:
        model.to(torch.bfloat16).float()  # what is stored is rounded too
    encoded = source.plan.encoded.select(run.tasks)
    return predict(model, encoded, "test", batch_size=64, hardware=hardware, world=ALONE)


def _paired(source: _Source, full: list[Prediction], half: list[Prediction]) -> TaskPredictions:
    return TaskPredictions(
        task=full[0].task.name,
        num_classes=len(full[0].task.classes),
        example=full[0].rows,
        cluster=source.plan.examples.groups[full[0].rows],
        labels=full[0].labels,
        baseline=np.stack([one.predicted for one in full]),
        candidate=np.stack([one.predicted for one in half]),
    )


def _same_seeds(tasks: list[TaskPredictions]) -> list[TaskPredictions]:
    """As many seeds of each task as all have."""
    least = min(len(task.baseline) for task in tasks)
    return [replace(task, baseline=task.baseline[:least], candidate=task.candidate[:least]) for task in tasks]


def _temperatures(source: _Source, members: tuple[Member, ...]) -> dict[str, float]:
    """By task, fitted to what the shipped run predicted on the validation split."""
    return {
        task: fit_temperature(*stored_predictions(source.workspace, member.run_ids[0], task, "validation"))
        for member in members
        for task in member.serves
    }
