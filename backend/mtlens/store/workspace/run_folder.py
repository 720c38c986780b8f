"""A run folder: all results of one training, complete if and only if its DONE marker exists.

    run.json             what was trained, with which versions and on what, written once when training first starts
    journal-<k>.jsonl    what happened, one file per process that worked on the run
    resume.safetensors   where to go on after a crash; gone when the run is done
    epoch-<k>.safetensors  what k epochs have changed in a multi-task model, for the evidence
    metrics.parquet, predictions.parquet, model.safetensors
    DONE or FAILED       facts of the finished training with the SHA-256 of every file, or the reason of the failure

`mtlens.store.workspace.job_folder` describes the life of a job.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mtlens.config.run import Run
from mtlens.errors import WorkspaceError
from mtlens.store.workspace import run_tables
from mtlens.store.workspace.files import failed_to, read_object
from mtlens.store.workspace.job_folder import JobFolder, jobs_in
from mtlens.store.workspace.journal import Journal, first_problem
from mtlens.store.workspace.run_tables import MetricRow, PredictionBlock
from mtlens.store.workspace.workspace import Workspace

METRICS = "metrics.parquet"
PREDICTIONS = "predictions.parquet"
RESUME = "resume.safetensors"
MODEL = "model.safetensors"


def epoch_file(epoch: int) -> str:
    """Name of the file with what the first `epoch` epochs have changed."""
    return f"epoch-{epoch}.safetensors"


class RunFolder(JobFolder):
    """The folder of one run in a workspace; it need not exist yet."""

    KIND = "run"
    FILES = (METRICS, PREDICTIONS)

    @property
    def run_id(self) -> str:
        """The run's content hash."""
        return self.job_id

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.workspace.runs / self.job_id

    def start(self, run: Run, versions: dict[str, str], host: dict[str, object]) -> Journal:
        """Begin or resume the training of `run`; returns a new journal.

        host: what it trains on, such as cpu, threads and device. What a resumed run was first started with stays.
        """
        if run.run_id != self.run_id or self.state == "done":
            raise WorkspaceError(f"run {run.run_id} should start in a folder of its own name, once; found {self.path}")
        return self.begin(run.model_dump(mode="json"), versions, host)

    def forget_epochs(self) -> None:
        """Delete the files of changes by epoch, as training begins anew."""
        try:
            for path in self.path.glob("epoch-*.safetensors"):
                path.unlink()
        except OSError as error:
            raise failed_to("write", self.path, error) from error

    def finish(self, metrics: Sequence[MetricRow], predictions: Sequence[PredictionBlock], facts: dict[str, object]) -> None:
        """Write the results and, last, DONE."""
        self.save_bytes(METRICS, run_tables.to_parquet(run_tables.metrics_table(metrics)), durable=True)
        self.save_bytes(PREDICTIONS, run_tables.to_parquet(run_tables.predictions_table(predictions)), durable=True)
        try:
            (self.path / RESUME).unlink(missing_ok=True)
        except OSError as error:
            raise failed_to("write", self.path, error) from error
        self.mark_done(facts, {"run.json", METRICS, PREDICTIONS, *(path.name for path in self.path.glob("*.safetensors"))})

    def _problems_of_about(self) -> list[str]:
        try:
            found = read_run_json(self.about)[0].run_id
        except WorkspaceError as error:
            return [str(error)]
        return [] if found == self.run_id else [f"{self.about} should describe run {self.run_id}; found run {found}"]


def run_folders(workspace: Workspace) -> list[RunFolder]:
    """All runs in a workspace, in the order of their ids; none that was set aside."""
    return [RunFolder(workspace, run_id) for run_id in jobs_in(workspace.runs)]


def read_run_json(path: Path) -> tuple[Run, dict[str, Any]]:
    """The run that a run.json describes, and all that it says; `WorkspaceError` where it describes none."""
    content = read_object(path)
    try:
        return Run.model_validate(content.get("run")), content
    except ValidationError as error:
        raise WorkspaceError(f"{path} should describe a run: {first_problem(error)}") from error
