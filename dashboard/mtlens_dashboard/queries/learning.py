"""Validation score and training loss by epoch: view `learning_curves`, without the runs that a search asked for."""

from dataclasses import dataclass

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos


@dataclass(frozen=True, kw_only=True)
class CurveInfo:
    """One run, epoch by epoch. validation: score, the mean over its tasks; loss: of training, in nats."""

    run_id: str
    role: str
    tasks: tuple[str, ...]
    seed: int
    candidate: int
    selected: bool | None
    state: str
    best_epoch: int | None
    still_improving: bool | None
    epochs: tuple[int, ...]
    validation: tuple[float | None, ...]
    loss: tuple[float | None, ...]


_CURVES = """
    SELECT
        run_id, role, any_value(tasks) AS tasks, any_value(seed) AS seed, any_value(candidate) AS candidate,
        any_value(selected) AS selected, any_value(state) AS state, any_value(best_epoch) AS best_epoch,
        any_value(still_improving) AS still_improving,
        list(epoch ORDER BY epoch) AS epochs, list(validation ORDER BY epoch) AS validation, list(loss ORDER BY epoch) AS loss
    FROM learning_curves LEFT JOIN run_kind ON run_kind.name = role
    WHERE experiment_id = $experiment_id AND ($all_candidates OR coalesce(selected, true))
        AND role NOT IN (SELECT name FROM run_kind WHERE asked_by IS NULL)
    GROUP BY role, run_id
    ORDER BY any_value(position), role, tasks, candidate, seed, run_id
"""


def curves(workspace: Workspace, experiment_id: str, *, all_candidates: bool = False) -> tuple[CurveInfo, ...]:
    """Curves of the runs that are compared, or of the whole grid."""
    return read_infos(workspace, CurveInfo, _CURVES, {"experiment_id": experiment_id, "all_candidates": all_candidates})
