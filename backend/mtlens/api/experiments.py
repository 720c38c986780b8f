"""Plan and run an experiment from Python: that of a file, or of a mapping with the keys of a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mtlens.api.arguments import as_path
from mtlens.api.results import Results
from mtlens.api.tables import Shown, Table
from mtlens.config.experiment import Experiment
from mtlens.config.loading import experiments_from, load_experiments
from mtlens.data.folders import data_folders
from mtlens.errors import DataError, ExperimentError, WorkspaceError
from mtlens.execution.plan import Plan, make_plan
from mtlens.store.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from mtlens.execution.overview import Overview


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExperimentPlan(Shown):
    """An experiment that is ready to run: its data are read, nothing is trained yet."""

    plan: Plan
    workspace: Path

    @cached_property
    def overview(self) -> "Overview":
        """The grid, the runs that are missing, what they cost, and the chance of a verdict."""
        from mtlens.execution.overview import Overview

        return Overview.of(self.plan, self.workspace)

    def runs(self) -> "pd.DataFrame":
        """One row per run: kind, tasks, seed, grid point, settings, id, and whether it is finished in the workspace."""
        import pandas as pd

        from mtlens.execution.experiment import unfinished

        missing = {run.run_id for run in unfinished(self.plan.distinct, self.workspace)}
        return pd.DataFrame(
            [
                {
                    "role": planned.role,
                    "tasks": ", ".join(task.name for task in planned.run.tasks),
                    "seed": planned.run.seed,
                    "candidate": planned.candidate,
                    "epochs": planned.run.training.epochs,
                    "learning_rate": planned.run.encoder_rate,
                    "run_id": planned.run.run_id,
                    "finished": planned.run.run_id not in missing,
                }
                for planned in self.plan.runs
            ]
        )

    def run(self, *, local: bool = False, address: str | None = None) -> Results:
        """Train the missing runs, compute the evidence and open the results; after an interruption, the same call goes on.

        local: in this process, without Ray. address: of a Ray cluster to join (HOST:PORT of its head, or auto); else Ray starts
        here. Raises TrainingError where runs failed; the results of the others are in the workspace.
        """
        from mtlens.execution.experiment import raise_failures, run_experiment
        from mtlens.execution.live_progress import live_progress

        opened = Workspace.open(self.workspace)
        with live_progress() as show:
            ended = run_experiment(self.plan, opened, local=local, address=address, show=show)
        raise_failures(ended)
        return Results(workspace=opened, experiment_id=self.plan.experiment.experiment_id)

    def _table(self) -> Table:
        overview, experiment = self.overview, self.plan.experiment
        lacking = f"this machine has less than the experiment asks for: {overview.lacking}"
        chances = [
            f"{task.task}: chance of a match within {task.margin}, if the models are equally good: "
            + ", ".join(f"{100 * likely:.0f} % with {number} seeds" for number, (_, likely, _) in task.by_seeds)
            for task in overview.chances
        ]
        schedule = ", ".join(map(str, experiment.looks))
        looks = (
            f"verdicts are tested after {schedule} seeds until all are settled; the runs above are those of the first look, "
            f"and at most {overview.looks[-1].runs} are trained"
        )
        return Table(
            title=f"{experiment.name}: {len(self.plan.distinct_first)} runs, "
            f"{len(overview.missing)} of them to train, about {overview.minutes} on {overview.lanes.side_by_side} lanes",
            headings=("runs", "tasks", "epochs at most", "learning rate", "seeds"),
            rows=[
                (
                    setting.role,
                    setting.tasks,
                    str(setting.epochs),
                    f"{setting.learning_rate:g}",
                    " ".join(map(str, setting.seeds)),
                )
                for setting in overview.settings
            ],
            notes=[
                *self.plan.examples.notes,
                *([looks] if len(experiment.looks) > 1 else []),
                *chances,
                *([lacking] if overview.lacking else []),
            ],
        )


def plan(
    experiment: str | Path | Mapping[str, Any] | Experiment,
    workspace: str | Path = "results",
    *,
    data: str | Path | None = None,
) -> ExperimentPlan:
    """Read the data of an experiment and unfold its runs; nothing is trained and nothing is written.

    experiment: an experiment file, a mapping with its keys, or what `mtlens.experiment` gives. data: folder that table paths
    are relative to; else MTLENS_DATA, and then the file's folder, or the current one for a mapping.

    >>> import mtlens
    >>> plan = mtlens.plan("experiment.yaml")
    >>> plan.runs()["role"].value_counts().to_dict()
    {'single': 6, 'multi': 3}

    Raises ExperimentError, DataError or EncoderError for what cannot be used.
    """
    read, folder = _read(experiment)
    if len(read) > 1:
        names = ", ".join(each.name for each in read)
        raise ExperimentError(
            f"a plan should be of one experiment; found a sweep of {len(read)} ({names}), which `mtlens run` does"
        )
    folders = data_folders(folder, None if data is None else as_path(data, "data", DataError))
    return ExperimentPlan(plan=make_plan(read[0], folders), workspace=as_path(workspace, "workspace", WorkspaceError))


def run(
    experiment: str | Path | Mapping[str, Any] | Experiment,
    workspace: str | Path = "results",
    *,
    data: str | Path | None = None,
    local: bool = False,
    address: str | None = None,
) -> Results:
    """Plan an experiment and run it: `mtlens.plan(...).run(...)`.

    >>> import mtlens
    >>> results = mtlens.run("experiment.yaml", local=True)
    >>> results.matching()["seeds"].tolist()  # of the tasks disc and canal, and of their mean
    [3, 3, 3]
    """
    return plan(experiment, workspace, data=data).run(local=local, address=address)


def _read(experiment: object) -> tuple[list[Experiment], Path]:
    """The experiments of a file or a mapping, and the folder that their table paths are relative to."""
    if isinstance(experiment, Experiment):
        return [experiment], Path()
    if isinstance(experiment, Mapping):
        return experiments_from(cast("Mapping[str, Any]", experiment)), Path()
    if isinstance(experiment, str | Path):
        return load_experiments(Path(experiment)), Path(experiment).parent
    found = type(experiment).__name__
    hint = "; mtlens.experiment(frame, ...) makes one of it" if found == "DataFrame" else ""
    raise ExperimentError(f"an experiment should be the path of a file, a mapping or an Experiment; found {found}{hint}")
