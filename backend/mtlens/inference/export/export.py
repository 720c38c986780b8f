"""Writes the recommended family of models as a folder that `mtlens.inference.model.family.load` reads.

Training keeps the embedding rows of tokens that occur in its data; the export puts those of the pretrained encoder back, so
that words that did not occur in training keep their pretrained embeddings. Adapters (LoRA) are written as trained, beside the
unchanged pretrained encoder. Other weights are rounded to bfloat16, half the size, if equivalence tests over the seeds show
that every task changes by less than its margin.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from mtlens.data.encoders import HUB_FILES
from mtlens.data.sources import source_of
from mtlens.data.splits import VALIDATION
from mtlens.data.synthetic_reports.anatomy import Region
from mtlens.errors import ExperimentError, WorkspaceError
from mtlens.execution.plan import Plan
from mtlens.inference.export.final_models import with_final_models
from mtlens.inference.export.model_card import write_card
from mtlens.inference.export.onnx_family import write_graphs
from mtlens.inference.export.onnx_graph import need_packages
from mtlens.inference.export.precision import compare_precisions
from mtlens.inference.export.recommended import FamilyMember, recommended
from mtlens.inference.export.stored_models import StoredModels, StoredPredictions
from mtlens.inference.export.train_tagger import examine, train_tagger
from mtlens.inference.export.write_member import write_member
from mtlens.inference.model.calibration import Calibration, calibrate
from mtlens.inference.model.family import TOKENIZER, assemble, write_config
from mtlens.inference.model.family_config import FamilyConfig
from mtlens.inference.model.sentence_tagger import SEGMENTS, Learned, TaggerConfig
from mtlens.inference.model.stored_sample import take_sample, write_sample
from mtlens.inference.model.weights import save_model
from mtlens.inference.segmentation import Rules, Tagger
from mtlens.inference.segmentation.levels import REGION_OF
from mtlens.inference.segmentation.scoring import TagScore
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import kind_of
from mtlens.tasks.words import Parting
from mtlens.training.hardware import prepare
from mtlens.training.machine import usable_cores

_TOKENIZER_FILES = [*(name for name in HUB_FILES if "safetensors" not in name), "added_tokens.json"]


def export(
    plan: Plan,
    workspace: Workspace,
    out: Path,
    *,
    learned_tagger: bool = False,
    onnx: bool = False,
    show: Callable[[str], None] = lambda _: None,
) -> FamilyConfig:
    """Write the family of a finished experiment to `out`, which should not exist yet; returns its config.

    show: called with a line on each step, and on the reason why each task gets its model.
    A family that was trained on a table reads whole texts instead of motion segments.
    learned_tagger: train a tagger that finds the sentences of each motion segment, in place of rules; this takes minutes. onnx:
    also write ONNX graphs, and use the fastest equivalent runtime; tracing takes longest, and is done twice per model.
    """
    _refuse(plan, out, learned_tagger=learned_tagger, onnx=onnx)
    source, members = _choose(plan, workspace, show)
    checked = compare_precisions(source, members, show)
    precision = "bfloat16" if all(comparison.equivalent for comparison in checked) else "float32"
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _copy_tokenizer(plan, partial / TOKENIZER)
    learned = _train_tagger(plan, show) if learned_tagger else None
    validated = _validated(source, members)
    calibrations = _calibrations(validated)
    show(f"writing {len(members)} models in {precision}")
    config = _write_models(partial, source, members, precision, validated, calibrations, learned)
    float32 = prepare("float32", threads=usable_cores(), gpu=False)
    write_sample(partial, take_sample(assemble(partial, config, float32, "pytorch")))
    report = None
    if onnx:
        show("writing graphs and testing them on every seed")
        report = write_graphs(partial, config, source, members)
        config = config.model_copy(update={"runtime": report.fastest})
    show("scoring for the model card")
    write_card(partial, config, source, members, calibrations, checked, _examine(learned, config), report)
    write_config(partial, config)
    partial.rename(out)
    return config


def _choose(plan: Plan, workspace: Workspace, show: Callable[[str], None]) -> tuple[StoredModels, tuple[FamilyMember, ...]]:
    """The stored models, and the members of the recommended family; tells why each task gets its model."""
    show("bringing the database up to date")
    ingest(workspace, force=True)
    source = StoredModels(plan=plan, workspace=workspace)
    members = with_final_models(source, recommended(workspace, plan.experiment.experiment_id))
    for member in members:
        for task, why in zip(member.serves, member.why, strict=True):
            show(f"{task}: run {member.exported}, as {why}")
    return source, members


def _write_models(
    out: Path,
    source: StoredModels,
    members: tuple[FamilyMember, ...],
    precision: Literal["bfloat16", "float32"],
    validated: Mapping[str, StoredPredictions],
    calibrations: Mapping[str, Calibration],
    learned: Learned | None,
) -> FamilyConfig:
    """Write each member's model and the tagger that was trained, if any; returns the config that describes them."""
    plan, experiment = source.plan, source.plan.experiment
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    temperatures = {task: calibration.temperature for task, calibration in calibrations.items()}
    configs = [write_member(source, out, dtype, temperatures, member, number) for number, member in enumerate(members, 1)]
    return FamilyConfig(
        name=experiment.name,
        tasks=experiment.tasks,
        members=tuple(configs),
        temperatures=temperatures,
        scales=_scales(source, members),
        words=_partings(source),
        thresholds={task: predictions.tuned for task, predictions in validated.items() if predictions.tuned},
        pooling=experiment.encoder.pooling,
        max_length=plan.encoded.longest,
        long_texts=experiment.training.long_texts,
        pairs=plan.examples.pairs is not None and None not in plan.examples.pairs,
        precision=precision,
        levels=source_of(experiment).levels(),
        tagger=_write_tagger(learned, out, dtype),
    )


def _refuse(plan: Plan, out: Path, *, learned_tagger: bool, onnx: bool) -> None:
    """Raise where the folder is taken, or what is asked for does not go with the experiment."""
    experiment = plan.experiment
    if out.exists():
        raise WorkspaceError(f"{out} should not exist yet; found something there, which stays as it is")
    if learned_tagger and not source_of(experiment).levels():
        raise ExperimentError(f"--tagger learned should go with motion segments; {experiment.name} was trained on whole texts")
    if onnx:
        need_packages()
        if experiment.training.long_texts == "windows":
            raise ExperimentError(f"a graph should be of texts that are read at once; {experiment.name} reads them in windows")


def _train_tagger(plan: Plan, show: Callable[[str], None]) -> Learned:
    hardware = prepare("auto", threads=usable_cores(), gpu=torch.cuda.is_available())
    return train_tagger(plan.pretrained.directory, hardware, show)


def _write_tagger(learned: Learned | None, out: Path, dtype: torch.dtype) -> TaggerConfig | None:
    if learned is None:
        return None
    save_model(out / learned.config.folder, learned.model.encoder, {SEGMENTS: learned.model.head}, dtype)
    return learned.config


def _examine(learned: Learned | None, config: FamilyConfig) -> dict[str, TagScore]:
    """Scores of the rules and, last, of the tagger that the family uses; none where it reads whole texts."""
    if not config.levels:
        return {}
    regions: list[Region] = list(dict.fromkeys(REGION_OF[level] for level in config.levels))
    taggers: dict[str, Tagger] = {"rules": Rules(), **({"learned": learned} if learned else {})}
    return {name: examine(tagger, regions) for name, tagger in taggers.items()}


def _copy_tokenizer(plan: Plan, folder: Path) -> None:
    """And nothing else that a folder of one's own may hold, such as a trainer's state or texts."""
    folder.mkdir()
    for pattern in _TOKENIZER_FILES:
        for file in plan.pretrained.directory.glob(pattern):
            if file.is_file() and file.suffix != ".py":
                shutil.copyfile(file, folder / file.name)


def _validated(source: StoredModels, members: tuple[FamilyMember, ...]) -> dict[str, StoredPredictions]:
    """By task, what the exported run predicted on the validation split."""
    exported = {task: member.exported for member in members for task in member.serves}
    return {task: source.predictions(run_id, task, VALIDATION) for task, run_id in exported.items()}


def _calibrations(stored: dict[str, StoredPredictions]) -> dict[str, Calibration]:
    """By task with single classes, fitted to the validation split."""
    columns = {
        task: predictions.columns
        for task, predictions in stored.items()
        if {"label", "probabilities"} <= predictions.columns.keys()
    }
    found = {task: calibrate(of_task["label"], of_task["probabilities"]) for task, of_task in columns.items()}
    return {task: replace(calibration, temperature=_rounded(calibration.temperature)) for task, calibration in found.items()}


def _rounded(temperature: float) -> float:
    """The nearest temperature whose inverse is exact in bfloat16: a classifier is then calibrated alike in both precisions."""
    return 1 / float(torch.tensor(1 / temperature).bfloat16())


def _partings(source: StoredModels) -> dict[str, Parting]:
    """By task of tags, how words are parted."""
    encoded = source.plan.encoded
    return {task.name: own.parting for task, own in zip(encoded.tasks, encoded.words, strict=False) if own is not None}


def _scales(source: StoredModels, members: tuple[FamilyMember, ...]) -> dict[str, tuple[float, ...]]:
    """Scale of the training labels of the exported run, by task that needs one, such as mean and deviation."""
    scales: dict[str, tuple[float, ...]] = {}
    for member in members:
        run = source.run(member.exported)
        encoded = source.plan.encoded.select(run.tasks, run.fold)
        for j, task in enumerate(run.tasks):
            if task.name in member.serves and (scale := kind_of(task).scale(encoded.training_labels(j))):
                scales[task.name] = scale
    return scales
