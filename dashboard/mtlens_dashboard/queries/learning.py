"""Validation score and losses by epoch: view `learning_curves`, without the runs that a search asked for."""

from dataclasses import dataclass

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos


@dataclass(frozen=True, kw_only=True)
class CurveInfo:
    """One run, epoch by epoch. validation: score, the mean over its tasks; losses in nats."""

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
    validation_loss: tuple[float | None, ...]
    training_loss: tuple[float | None, ...]


_CURVES = """
    SELECT
        run_id, role, any_value(tasks) AS tasks, any_value(seed) AS seed, any_value(candidate) AS candidate,
        any_value(selected) AS selected, any_value(state) AS state, any_value(best_epoch) AS best_epoch,
        any_value(still_improving) AS still_improving,
        list(epoch ORDER BY epoch) AS epochs, list(validation ORDER BY epoch) AS validation,
        list(validation_loss ORDER BY epoch) AS validation_loss, list(training_loss ORDER BY epoch) AS training_loss
    FROM learning_curves LEFT JOIN run_kind ON run_kind.name = role,
        (SELECT list(task ORDER BY position) AS names FROM task WHERE experiment_id = $experiment_id)
    WHERE experiment_id = $experiment_id AND ($all_candidates OR coalesce(selected, true))
        AND role NOT IN (SELECT name FROM run_kind WHERE asked_by IS NULL)
    GROUP BY role, run_id
    ORDER BY any_value(position), role, any_value(list_min(list_transform(tasks, lambda task: list_position(names, task)))),
        tasks, candidate, seed, run_id
"""


def curves(workspace: Workspace, experiment_id: str, *, all_candidates: bool = False) -> tuple[CurveInfo, ...]:
    """Curves of the runs that are compared, or of the whole grid."""
    return read_infos(workspace, CurveInfo, _CURVES, {"experiment_id": experiment_id, "all_candidates": all_candidates})
