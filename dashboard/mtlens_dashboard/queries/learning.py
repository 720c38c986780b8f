"""How validation score and loss moved while the runs trained, but for the groups of a search: events of kind `epoch`."""

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
    epochs: tuple[int, ...]
    validation: tuple[float | None, ...]
    loss: tuple[float | None, ...]


_CURVES = """
    WITH asked AS (
        SELECT run_id, role, candidate, selected, run.tasks, seed, state, best_epoch
        FROM experiment_run JOIN run USING (run_id)
        WHERE experiment_id = $experiment_id AND role <> 'group' AND ($all_candidates OR coalesce(selected, true))
    ),
    newest AS (
        SELECT run_id, epoch, arg_max(payload, (journal, position)) AS payload
        FROM event
        WHERE kind = 'epoch' AND epoch IS NOT NULL AND run_id IN (SELECT run_id FROM asked)
        GROUP BY run_id, epoch
    )
    SELECT
        run_id, role, any_value(asked.tasks) AS tasks, any_value(seed) AS seed, any_value(candidate) AS candidate,
        any_value(selected) AS selected, any_value(state) AS state, any_value(best_epoch) AS best_epoch,
        list(epoch ORDER BY epoch) AS epochs,
        list(TRY_CAST(payload ->> 'validation' AS DOUBLE) ORDER BY epoch) AS validation,
        list(TRY_CAST(payload ->> 'loss' AS DOUBLE) ORDER BY epoch) AS loss
    FROM asked JOIN newest USING (run_id)
    GROUP BY role, run_id
    ORDER BY list_position(['single', 'multi', 'adapter', 'shuffled'], role), tasks, candidate, seed, run_id
"""


def curves(workspace: Workspace, experiment_id: str, *, all_candidates: bool = False) -> tuple[CurveInfo, ...]:
    """Curves of the runs that are compared, or of the whole grid. An epoch trained again after a crash counts once."""
    return read_infos(workspace, CurveInfo, _CURVES, {"experiment_id": experiment_id, "all_candidates": all_candidates})
