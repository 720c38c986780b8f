"""Which single model matches, and at what cost: view `arms`, a line per way to make one model of all tasks."""

from dataclasses import dataclass

from mtlens.statistics.shown import Unit
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.matching import Verdict
from mtlens_dashboard.queries.rows import columns, read_infos


@dataclass(frozen=True, kw_only=True)
class ArmInfo:
    """One arm against the task-specific models. matching: number of tasks on which it matches or is better.

    difference, its interval and margin are of the mean over tasks; without a metric they are in margins.

    seconds, inference_seconds and peak_memory_bytes are of one model, those that begin with `single` of all task-specific ones.
    conflict_rate: share of pairs of tasks and batches whose gradients pointed apart. cka: with the task-specific models,
    in the last layer. Both are None where they were not measured.
    """

    arm: str
    label: str
    tasks: tuple[str, ...]
    verdicts: tuple[str, ...]
    matching: int
    metric: str | None
    margin: float | None
    validation_score: float | None
    difference: float | None
    low90: float | None
    high90: float | None
    verdict: Verdict | None
    seeds: int
    seconds: float | None
    inference_seconds: float | None
    peak_memory_bytes: float | None
    single_seconds: float | None
    single_inference_seconds: float | None
    single_peak_memory_bytes: float | None
    conflict_rate: float | None
    gradient_cosine: float | None
    cka: float | None
    retries: int
    shortfall: float | None
    recommended: bool
    statement: str | None

    @property
    def unit(self) -> Unit:
        """Of the mean difference."""
        return Unit(self.metric)


_ARMS = f"SELECT {columns(ArmInfo)} FROM arms WHERE experiment_id = $experiment_id"


def arms(workspace: Workspace, experiment_id: str) -> tuple[ArmInfo, ...]:
    """The arms of an experiment that are compared, in the order of their registry.

    None where the joint model is the only one.
    """
    found = read_infos(workspace, ArmInfo, _ARMS, {"experiment_id": experiment_id})
    return found if len(found) > 1 else ()
