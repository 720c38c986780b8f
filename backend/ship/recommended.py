"""Which models an experiment recommends to ship: a family that serves every task once."""

from dataclasses import dataclass

from backend.errors import WorkspaceError
from backend.store.read import query
from backend.store.workspace import Workspace

_VERDICTS = "SELECT task, verdict FROM matching WHERE experiment_id = ? AND kind = 'multi' AND task IS NOT NULL"
_RUNS = """
    SELECT role, tasks, run_id FROM runs
    WHERE experiment_id = ? AND role IN ('single', 'multi') AND state = 'done' AND coalesce(selected, true)
    ORDER BY validation_macro_f1 DESC NULLS LAST, seed
"""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One model of the family. serves: tasks that are read from it. run_ids: its seeds, the best on validation first."""

    serves: tuple[str, ...]
    run_ids: tuple[str, ...]


def recommended(workspace: Workspace, experiment_id: str) -> tuple[Member, ...]:
    """The multi-task model for tasks on which it matches or is better, task-specific models for all others.

    WorkspaceError where a model that is needed has not been trained.
    """
    verdicts = dict(query(workspace, _VERDICTS, [experiment_id]).rows)
    matched = tuple(task for task, verdict in verdicts.items() if verdict in ("matches", "better"))
    runs = query(workspace, _RUNS, [experiment_id]).rows
    multi = tuple(run_id for role, _, run_id in runs if role == "multi")
    singles: dict[str, list[str]] = {}
    for role, task, run_id in runs:
        if role == "single":
            singles.setdefault(task, []).append(run_id)
    if not singles:
        raise WorkspaceError(f"{workspace.root}: experiment should be trained before it is exported: mtlens run EXPERIMENT")
    family = [Member(serves=matched, run_ids=multi)] if matched and multi else []
    return (*family, *(Member(serves=(task,), run_ids=tuple(ids)) for task, ids in singles.items() if task not in matched))
