"""Seeds until settled: which runs the next look needs, and when there is no next look.

A look is written into the manifest, its runs are trained, and the store computes its verdicts (`mtlens.store.analysis.looks`).
The open comparisons decide what the next look asks for: task-specific models of the tasks that may still get a verdict, or of
all learnt tasks as long as the mean may, and the models that are compared with them. After an interruption, an experiment
continues with the looks of its manifest. Controls are trained for the first look only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import takewhile

from mtlens.config.run import Run
from mtlens.config.run_kinds import SINGLE, is_control
from mtlens.config.task import Task
from mtlens.execution.budget import Budgeting
from mtlens.execution.plan import Plan, PlannedRun, waves
from mtlens.statistics.comparison import Scope
from mtlens.statistics.learnt import NOT_LEARNT
from mtlens.statistics.looks import asked_next
from mtlens.store.database.reader import query
from mtlens.store.ingest import ingest
from mtlens.store.workspace.manifest import ManifestLook
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace

Announce = Callable[[Sequence[ManifestLook], str, Sequence[PlannedRun]], None]

_LOOK = "SELECT kind, task, verdict, chances FROM look WHERE experiment_id = ? AND look = ?"
_NOT_LEARNT = "SELECT kind, task FROM look WHERE experiment_id = ? AND verdict = ? AND task IS NOT NULL"
_CHOSEN = "SELECT run_id FROM experiment_run WHERE experiment_id = ? AND selected"


def first_look(plan: Plan) -> ManifestLook:
    """The first look: all tasks, for every kind of run that is compared with the task-specific models."""
    tasks: dict[str, tuple[str, ...]] = {}
    for kind in plan.experiment.kinds:
        trained = {task.name for together in kind.task_sets(plan.experiment.tasks) for task in together}
        if kind.compared and trained:
            tasks[kind.name] = tuple(task.name for task in plan.experiment.tasks if task.name in trained)
    return ManifestLook(seeds=plan.experiment.looks[0], tasks=tasks)


class SeedsUntilSettled:
    """The looks of one experiment. `announce` writes them into its manifest, with why they ended and the runs to add."""

    def __init__(self, plan: Plan, workspace: Workspace, asked: Sequence[ManifestLook], announce: Announce):
        self._plan, self._workspace, self._announce = plan, workspace, announce
        self._asked = list(asked)

    def stages(self) -> Iterator[Sequence[Run]]:
        """The runs of one look after the other, each after the verdicts of the look before; ends where a run failed."""
        while True:
            yield from waves(self._missing())
            ingest(self._workspace, force=True)
            if self._missing():
                return
            following, reason = self._following()
            if following is None:
                self._announce(self._asked, reason, ())
                return
            self._asked.append(following)
            self._announce(self._asked, "", self._runs_of(following))

    def _missing(self) -> list[Run]:
        runs = {planned.run.run_id: planned.run for look in self._asked for planned in self._runs_of(look)}
        return [run for run in runs.values() if RunFolder(self._workspace, run.run_id).state != "done"]

    def _runs_of(self, look: ManifestLook) -> list[PlannedRun]:
        """Runs that a look needs, those of earlier looks included; after the first look, of the chosen grid points alone."""
        if look.seeds == self._plan.experiment.looks[0]:
            return list(self._plan.first)
        tasks = {SINGLE.name: frozenset(task for of_kind in look.tasks.values() for task in of_kind), **look.tasks}
        asked = [
            planned
            for planned in self._plan.runs
            if planned.run.seed in self._plan.experiment.all_seeds[: look.seeds]
            and (planned.role, planned.run.tasks, planned.candidate) in self._chosen_points
            and any(task.name in tasks.get(planned.role, ()) for task in planned.run.tasks)
        ]
        sources = {run_id for planned in asked if planned.run.derivation for run_id in planned.run.derivation.sources}
        missing = sources - {planned.run.run_id for planned in asked}
        return [*asked, *(planned for planned in self._plan.runs if planned.run.run_id in missing)]

    @cached_property
    def _chosen_points(self) -> set[tuple[str, tuple[Task, ...], int]]:
        """Kind of run, tasks and grid point of the runs that the first look chose."""
        chosen = {run_id for (run_id,) in query(self._workspace, _CHOSEN, [self._plan.experiment.experiment_id]).rows}
        return {
            (planned.role, planned.run.tasks, planned.candidate) for planned in self._plan.first if planned.run.run_id in chosen
        }

    def _following(self) -> tuple[ManifestLook | None, str]:
        """The next look, or why there is none."""
        schedule, now = self._plan.experiment.looks, self._asked[-1]
        rows = query(self._workspace, _LOOK, [self._plan.experiment.experiment_id, len(self._asked)]).rows
        chances: dict[str, dict[Scope, Sequence[float]]] = {kind: {} for kind in now.tasks if not is_control(kind)}
        for kind, task, verdict, later in rows:
            if verdict == "inconclusive" and kind in chances:
                chances[kind][task] = later
        names = sorted({task or "the mean" for of_kind in chances.values() for task in of_kind})
        if not names:
            return None, f"every verdict is settled after {now.seeds} seeds"
        left = "; ".join(["left open", ", ".join(names)])
        if now.seeds == schedule[-1]:
            return None, f"{now.seeds} seeds are trained, the most that the experiment allows; {left}"
        if not (hopeful := self._hopeful(chances, len(schedule))):
            return None, f"no further seeds are likely to settle what is open after {now.seeds} seeds; {left}"
        looks = [ManifestLook(seeds=seeds, tasks=hopeful) for seeds in schedule[len(self._asked) :]]
        budgeting = Budgeting(self._plan.experiment, self._workspace)
        needed = (self._runs_of(look) for look in looks)
        affordable = len(list(takewhile(budgeting.allows, needed)))
        if affordable == 0:
            return None, f"the budget does not reach for {looks[0].seeds} seeds ({budgeting.spent}); {left}"
        if not (hopeful := self._hopeful(chances, affordable)):
            return None, f"no look within the budget is likely to settle what is open after {now.seeds} seeds; {left}"
        return ManifestLook(seeds=looks[0].seeds, tasks=hopeful), ""

    def _hopeful(self, chances: Mapping[str, Mapping[Scope, Sequence[float]]], num_looks: int) -> dict[str, tuple[str, ...]]:
        """By kind of run, the tasks of the next look; without the kinds that need none."""
        left_out = set(query(self._workspace, _NOT_LEARNT, [self._plan.experiment.experiment_id, NOT_LEARNT]).rows)
        every = {kind: tuple(task for task in self._asked[0].tasks[kind] if (kind, task) not in left_out) for kind in chances}
        asked = {kind: asked_next(every[kind], of_kind, num_looks) for kind, of_kind in chances.items()}
        return {kind: tasks for kind, tasks in asked.items() if tasks}
