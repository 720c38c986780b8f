"""Loads stored models: trained, after an epoch, pretrained, or with random weights."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor, nn

from mtlens.config.run import Run
from mtlens.data.tokenize import Encoded
from mtlens.errors import EvidenceError, TrainingError
from mtlens.evidence.jobs import PRETRAINED, UNTRAINED
from mtlens.store.workspace.run_folder import RunFolder, epoch_file
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.checkpoint import trained_tensors
from mtlens.training.model import MultiTaskModel, build_model, untrained_encoder
from mtlens.training.stored_weights import trained_weights, weights_path


def load_encoder(role: str, run: Run, workspace: Workspace, directory: Path, encoded: Encoded, seed: int | None) -> nn.Module:
    """The encoder of a member of a comparison. seed: of an untrained one."""
    if role == UNTRAINED:
        return untrained_encoder(directory, encoded.vocabulary, seed or 0)
    if role == PRETRAINED:
        return build_model(run, directory, encoded.vocabulary).encoder
    return load_trained(run, workspace, directory, encoded.vocabulary).encoder


def load_trained(run: Run, workspace: Workspace, directory: Path, vocabulary: NDArray[np.int64]) -> MultiTaskModel:
    """The finished model of a run; EvidenceError where its weights are missing or changed."""
    try:
        weights = trained_weights(run.run_id, run.label, workspace)
    except TrainingError as error:
        raise EvidenceError(str(error)) from None
    path = weights_path(run.run_id, workspace)
    model = build_model(run, directory, vocabulary)
    with torch.no_grad():
        for name, tensor in trained_tensors(model).items():
            tensor.copy_(_fitting(weights, name, tensor, path))
    return model


def load_epoch(
    run: Run, epoch: int, workspace: Workspace, directory: Path, vocabulary: NDArray[np.int64]
) -> MultiTaskModel | None:
    """A run's model after some epochs, up to rounding of the stored changes; None where these were not kept."""
    path = RunFolder(workspace, run.run_id).path / epoch_file(epoch)
    if not path.exists():
        return None
    model = build_model(run, directory, vocabulary)
    changes = _tensors(path, run)
    with torch.no_grad():
        for name, tensor in trained_tensors(model).items():
            tensor.add_(_fitting(changes, name, tensor, path))
    return model


def trained_models(
    run: Run, best: int, last: int, workspace: Workspace, directory: Path, vocabulary: NDArray[np.int64]
) -> Iterator[tuple[int, MultiTaskModel]]:
    """A run's models by epoch; that of epoch `best` is the finished one, and epochs that were not kept are left out."""
    for epoch in range(1, last + 1):
        if epoch == best:
            yield epoch, load_trained(run, workspace, directory, vocabulary)
        elif (found := load_epoch(run, epoch, workspace, directory, vocabulary)) is not None:
            yield epoch, found


def _tensors(path: Path, run: Run) -> dict[str, Tensor]:
    try:
        return load(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise EvidenceError(f"{path} should hold weights of {run.label}: {error}") from None


def _fitting(tensors: dict[str, Tensor], name: str, like: Tensor, path: Path) -> Tensor:
    found = tensors.get(name)
    if found is None or found.shape != like.shape:
        shape = "none" if found is None else list(found.shape)
        raise EvidenceError(f"{path} should hold {name} of shape {list(like.shape)}; found {shape}")
    return found
