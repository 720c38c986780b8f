"""Models derived from finished ones: encoders merged into one, or new heads on the encoder of a multi-task model.

Only heads are trained, by convex fits on features of the frozen encoder. All choices are made on validation.
"""

import copy
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mtlens.config.arms import HEADS
from mtlens.data.splits import TRAIN, VALIDATION, in_split
from mtlens.data.tokenize import Encoded
from mtlens.errors import TrainingError
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.tasks import MISSING, kind_of
from mtlens.training.evaluation import labelled_prediction
from mtlens.training.heads import fit_head, head_features
from mtlens.training.merging import COEFFICIENTS, METHODS
from mtlens.training.stored_weights import trained_weights
from mtlens.training.trainer import Trainer

PENALTIES = (1e-3, 1e-2, 1e-1)  # of `fit_head`, tried on validation beside the heads as they were

Weights = dict[str, Tensor]
"""Trained tensors of one run by the names of the parameters."""


def derive(trainer: Trainer, workspace: Workspace) -> dict[str, object]:
    """Load the weights of a derived model into the trainer's model; returns the facts for DONE.

    source_seconds: training time of the source models. coefficient: of the merged vector. Raises TrainingError where a source
    is not finished.
    """
    derivation = trainer.run.derivation
    assert derivation is not None
    sources = [trained_weights(run_id, f"run {run_id}", workspace) for run_id in derivation.sources]
    seconds = [float(RunFolder(workspace, run_id).facts().get("seconds", 0.0)) for run_id in derivation.sources]
    facts: dict[str, object] = {"source_seconds": sum(seconds)}
    started = time.perf_counter()
    if derivation.method == HEADS:
        _load(trainer.model, sources[0])
    else:
        facts["coefficient"] = _merge(trainer, derivation.method, sources)
    if derivation.refit_heads or derivation.method == HEADS:
        _refit_heads(trainer)
    trainer.progress.seconds = time.perf_counter() - started
    return facts


def _merge(trainer: Trainer, method: str, sources: list[Weights]) -> float:
    """Merge the encoders of T task-specific models, each task with its own head; returns the coefficient that was chosen."""
    model = trainer.model
    for number, weights in enumerate(sources):
        _load(model.heads[number], weights, "heads.0.")
    names = [f"encoder.{name}" for name, _ in model.encoder.named_parameters()]
    start = parameters_to_vector(model.encoder.parameters()).detach()
    vectors = torch.stack([_flat(weights, names).to(start.device) - start for weights in sources])
    if vectors.shape[1] != len(start):
        raise TrainingError(f"merged encoders should have {len(start):,} weights; found {vectors.shape[1]:,}")
    merged = METHODS[method](vectors, torch.Generator().manual_seed(trainer.run.seed))

    def scores(coefficient: float) -> tuple[float, float]:
        vector_to_parameters(start + coefficient * merged, model.encoder.parameters())
        _, validation, loss = trainer.validate()
        return validation, -loss

    best = max(COEFFICIENTS[method], key=scores) if len(COEFFICIENTS[method]) > 1 else COEFFICIENTS[method][0]
    vector_to_parameters(start + best * merged, model.encoder.parameters())
    return best


def _flat(weights: Weights, names: list[str]) -> Tensor:
    """The tensors of these names in one row; TrainingError where one is missing."""
    if missing := [name for name in names if name not in weights]:
        raise TrainingError(f"models to merge should hold {missing[0]}; found one without")
    return torch.cat([weights[name].reshape(-1) for name in names])


@torch.no_grad()
def _load(module: nn.Module, weights: Weights, prefix: str = "") -> None:
    """Copy stored tensors into the parameters of a module; prefix: of their names."""
    for name, parameter in module.named_parameters():
        if prefix + name not in weights or weights[prefix + name].shape != parameter.shape:
            raise TrainingError(f"stored weights should hold {prefix + name} of shape {list(parameter.shape)}; they do not")
        parameter.copy_(weights[prefix + name])


def _refit_heads(trainer: Trainer) -> None:
    """Of each task, the head that is best on validation: as it was, or fitted with one of the penalties.

    Heads of tags stay as they were: their features are of words, of which a table has too many to keep.
    """
    encoded, hardware, model = trainer.encoded, trainer.hardware, trainer.model
    labelled = (trainer.labels != MISSING).any(axis=1)
    train, validation = (np.flatnonzero(in_split(encoded.splits, split) & labelled) for split in (TRAIN, VALIDATION))
    seen, held_out = (head_features(model, encoded, rows, hardware) for rows in (train, validation))
    for j, task in enumerate(trainer.run.tasks):
        if kind_of(task).reads_tokens:
            continue
        own = torch.from_numpy(trainer.labels[train, j]).to(seen.device)
        table = torch.from_numpy(trainer.tables[j]).to(seen.device)
        heads: list[nn.Module] = [model.heads[j]]
        for penalty in PENALTIES:
            heads.append(copy.deepcopy(model.heads[j]))
            fit_head(task, heads[-1], seen[own != MISSING], own[own != MISSING], table, penalty)
        scores = [_score(encoded, j, head, held_out, validation) for head in heads]
        model.heads[j] = heads[scores.index(max(scores))]


@torch.no_grad()
def _score(encoded: Encoded, j: int, head: nn.Module, features: Tensor, rows: NDArray[np.int64]) -> tuple[float, float]:
    """Score of a head of task j on `rows`, whose features are [n, d], and minus its loss."""
    kind, task = kind_of(encoded.tasks[j]), encoded.tasks[j]
    said = kind.predict(task, head(features).float(), kind.scale(encoded.training_labels(j)))
    prediction = labelled_prediction(encoded, j, rows, said.float().cpu().numpy()).with_own_choice()
    return float(np.nan_to_num(prediction.score())), -prediction.loss()
