"""The weights that a finished run has left in its folder."""

from pathlib import Path

import safetensors
from safetensors.torch import load
from torch import Tensor

from mtlens.errors import TrainingError
from mtlens.store.workspace.job_folder import sha256
from mtlens.store.workspace.run_folder import MODEL, RunFolder
from mtlens.store.workspace.workspace import Workspace


def weights_path(run_id: str, workspace: Workspace) -> Path:
    """Path of the final weights of a run."""
    return RunFolder(workspace, run_id).path / MODEL


def trained_weights(run_id: str, label: str, workspace: Workspace) -> dict[str, Tensor]:
    """Final weights by the names of the parameters; TrainingError where they are missing or were changed since.

    label: what errors call the run.
    """
    folder, path = RunFolder(workspace, run_id), weights_path(run_id, workspace)
    if folder.state != "done" or not path.exists():
        raise TrainingError(f"{path} should hold the trained weights of {label}; found none")
    if sha256(path) != folder.facts().get("files", {}).get(MODEL):
        raise TrainingError(f"{path} should be as it was when {label} finished; it has changed: mtlens verify --quarantine")
    try:
        return load(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as error:
        raise TrainingError(f"{path} should hold weights of {label}: {error}") from None
