"""Which models an experiment recommends for export: a family that serves every task once.

After a search for groups with a settled recommendation, it is the recommended family. Otherwise a single model of all tasks
serves the tasks on which it matches or is better, and task-specific models serve the others. The single model is the arm chosen
on validation, or the multi-task model where there is no other arm. A task that neither kind of models learnt keeps its
task-specific model, and the export says so.
"""

from dataclasses import dataclass

from mtlens.config.run_kinds import GROUP_KINDS, MULTI, label_of
from mtlens.errors import WorkspaceError
from mtlens.statistics.comparison import AT_LEAST_AS_GOOD
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace

_FAMILY = """
    SELECT list(task), list(task) FILTER (serves)
    FROM grouping_member JOIN grouping USING (experiment_id, grouping_id)
    WHERE experiment_id = ? AND recommended GROUP BY position ORDER BY position
"""
_TASKS = "SELECT task FROM task WHERE experiment_id = ?"
_WHY = {
    "matches": "{model} matches",
    "better": "{model} is better",
    "worse": "{model} is worse",
    "inconclusive": "whether {model} matches is inconclusive",
    "not learnt": "neither kind of models learnt it",
}
_VERDICTS = "SELECT task, verdict FROM matching WHERE experiment_id = ? AND kind = ? AND task IS NOT NULL"
_NOT_LEARNT = """
    SELECT task, not_learnt FROM matching
    WHERE experiment_id = ? AND kind = ? AND task IS NOT NULL AND not_learnt <> ''
"""
_RUNS = """
    SELECT run.tasks, run_id FROM runs JOIN run USING (run_id)
    WHERE experiment_id = ? AND list_contains(?, role) AND runs.state = 'done' AND selected
    ORDER BY validation_score DESC NULLS LAST, runs.seed
"""


@dataclass(frozen=True, kw_only=True)
class FamilyMember:
    """One model of the family. serves: tasks that it predicts in the family. run_ids: its seeds, the best on validation first.

    why: for each served task, why this model serves it.
    final: the run whose weights are written, if it is not in run_ids: with folds, a run trained on all of them.
    """

    serves: tuple[str, ...]
    run_ids: tuple[str, ...]
    why: tuple[str, ...]
    final: str | None = None

    @property
    def exported(self) -> str:
        """The run whose weights are written."""
        return self.final or self.run_ids[0]


def recommended(workspace: Workspace, experiment_id: str) -> tuple[FamilyMember, ...]:
    """The family; WorkspaceError where a needed model has not been trained, or its grid point has not been chosen."""
    searched = query(workspace, _FAMILY, [experiment_id]).rows
    family = [
        (frozenset(tasks), dict.fromkeys(serves, "the search over groups of tasks recommends it"))
        for tasks, serves in searched
        if serves
    ]
    one_model = MULTI.name if family else recommended_kind(workspace, experiment_id)
    kinds = [one_model, *(kind.name for kind in GROUP_KINDS if kind is not MULTI)]
    trained: dict[frozenset[str], list[str]] = {}
    for tasks, run_id in query(workspace, _RUNS, [experiment_id, kinds]).rows:
        trained.setdefault(frozenset(tasks), []).append(run_id)
    family = family or _by_verdicts_of(one_model, workspace, experiment_id, trained)
    if not family or any(tasks not in trained for tasks, _ in family):
        raise WorkspaceError(f"{workspace.root}: experiment should be trained before it is exported: mtlens run EXPERIMENT")
    return tuple(
        FamilyMember(serves=tuple(why), run_ids=tuple(trained[tasks]), why=tuple(why.values())) for tasks, why in family
    )


def recommended_kind(workspace: Workspace, experiment_id: str) -> str:
    """The kind of the single model that is recommended by validation; the multi-task model where there is only one kind."""
    rows = query(workspace, "SELECT kind FROM arms WHERE experiment_id = ? AND recommended", [experiment_id]).rows
    return str(rows[0][0]) if rows else MULTI.name


def not_learnt(workspace: Workspace, experiment_id: str) -> dict[str, str]:
    """Tasks that no kind of models learnt, and why: any model that is exported for them is useless."""
    return dict(query(workspace, _NOT_LEARNT, [experiment_id, MULTI.name]).rows)


def _by_verdicts_of(
    kind: str, workspace: Workspace, experiment_id: str, trained: dict[frozenset[str], list[str]]
) -> list[tuple[frozenset[str], dict[str, str]]]:
    """Models by their tasks, and what they serve with the reason."""
    every = frozenset(task for (task,) in query(workspace, _TASKS, [experiment_id]).rows)
    verdicts = dict(query(workspace, _VERDICTS, [experiment_id, kind]).rows)
    model = "the multi-task model" if kind == MULTI.name else f"the one model chosen on validation ({label_of(kind)})"
    absent = f"there is no {model.removeprefix('the ')} to compare with"
    why = {task: _WHY.get(verdicts.get(task, ""), absent).format(model=model) for task in sorted(every)}
    matched = [task for task, verdict in verdicts.items() if verdict in AT_LEAST_AS_GOOD and every in trained]
    together = [(every, {task: why[task] for task in matched})] if matched else []
    return together + [(frozenset({task}), {task: reason}) for task, reason in why.items() if task not in matched]
