"""What one multi-task model costs against the task-specific models that it would replace: view `model_costs`."""

from dataclasses import dataclass

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import columns, read_infos


@dataclass(frozen=True, kw_only=True)
class CostInfo:
    """The models of one kind that serve all tasks once, mean over seeds and sum over models.

    parameters: weights to store; seconds: training; inference_seconds: predicting the test split, None where not measured.
    """

    role: str
    models: int
    seeds: int
    parameters: float | None
    trainable_parameters: float | None
    seconds: float | None
    inference_seconds: float | None
    peak_memory_bytes: float | None


_COSTS = f"SELECT {columns(CostInfo)} FROM model_costs WHERE experiment_id = $experiment_id"


def costs(workspace: Workspace, experiment_id: str) -> tuple[CostInfo, ...]:
    """Cost per kind of model, from the finished runs that are compared; of a kind only once these serve all tasks."""
    return read_infos(workspace, CostInfo, _COSTS, {"experiment_id": experiment_id})
