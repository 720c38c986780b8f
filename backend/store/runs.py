"""A run folder: the truth about one training, complete when and only when its DONE marker is there.

    run.json             what was trained, with which versions and on what, written once when training first starts
    journal-<k>.jsonl    what happened, one file per process that worked on the run
    resume.safetensors   where to go on after a crash; gone when the run is done
    epoch-<k>.safetensors  what k epochs have changed in a multi-task model, for the evidence
    metrics.parquet, predictions.parquet, model.safetensors
    DONE or FAILED       facts of the finished training with the SHA-256 of every file, or the reason of the failure

See `backend.store.folder` for how a job goes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from backend.errors import WorkspaceError
from backend.spec import Run
from backend.store import tables
from backend.store.folder import JOB_ID, JobFolder, sha256
from backend.store.journal import Journal, first_problem
from backend.store.tables import MetricRow, PredictionBlock
from backend.store.workspace import Workspace, failed_to, names_in, read_object, sync

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

    @property
    def run_id(self) -> str:
        """The run's content hash."""
        return self.job_id

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.workspace.runs / self.job_id

    def start(self, run: Run, versions: dict[str, str], host: dict[str, object]) -> Journal:
        """Begin or take up the training of `run`; returns a new journal.

        host: what it trains on, such as cpu, threads and device. What a resumed run was first started with stays.
        """
        if run.run_id != self.run_id or self.state == "done":
            raise WorkspaceError(f"run {run.run_id} should start in a folder of its own name, once; found {self.path}")
        return self.begin(run.model_dump(mode="json"), versions, host)

    def finish(self, metrics: Sequence[MetricRow], predictions: Sequence[PredictionBlock], facts: dict[str, object]) -> None:
        """Write the results and, last, DONE."""
        self.save_bytes(METRICS, tables.to_parquet(tables.metrics_table(metrics)), durable=True)
        self.save_bytes(PREDICTIONS, tables.to_parquet(tables.predictions_table(predictions)), durable=True)
        try:
            (self.path / RESUME).unlink(missing_ok=True)
        except OSError as error:
            raise failed_to("write", self.path, error) from error
        self.mark_done(facts, {"run.json", METRICS, PREDICTIONS, *(path.name for path in self.path.glob("*.safetensors"))})

    def verify(self) -> list[str]:
        """Problems of this folder, one line each: files missing or changed since DONE, a run.json of another run."""
        if self.state == "absent":
            return []
        problems = self._problems_of_run_json()
        if self.state != "done":
            return problems
        try:
            files = self.facts().get("files")
        except WorkspaceError as error:
            return [*problems, str(error)]
        if not isinstance(files, dict):
            return [*problems, f"{self.path / 'DONE'} should list the SHA-256 of every file under 'files'; found none"]
        for name in sorted({METRICS, PREDICTIONS, *files}):
            problems += self._problems_of_file(name, files.get(name))
        return problems

    def quarantine(self) -> Path:
        """Set the folder aside as <run_id>.damaged-<n>, so that the run is trained again; returns its new path.

        Raises `JobClaimed` where a process is training it, this one included.
        """
        with self.claim():
            numbers = [int(path.name.rpartition("-")[2]) for path in self.path.parent.glob(f"{self.run_id}.damaged-*")]
            aside = self.path.with_name(f"{self.run_id}.damaged-{max(numbers, default=0) + 1}")
            try:
                self.path.rename(aside)
                sync(aside.parent)
            except OSError as error:
                raise failed_to("move", self.path, error) from error
        return aside

    def _problems_of_run_json(self) -> list[str]:
        try:
            found = read_run_json(self.path / "run.json")[0].run_id
        except WorkspaceError as error:
            return [str(error)]
        if found == self.run_id:
            return []
        return [f"{self.path / 'run.json'} should describe run {self.run_id}; found run {found}"]

    def _problems_of_file(self, name: str, expected: object) -> list[str]:
        try:
            found = sha256(self.path / name)
        except OSError as error:
            return [str(failed_to("read", self.path / name, error))]
        if found == expected:
            return []
        return [f"{self.path / name} has changed since the run finished: SHA-256 should be {expected}; found {found}"]


def run_folders(workspace: Workspace) -> list[RunFolder]:
    """All runs in a workspace, in the order of their ids; none that was set aside."""
    return [RunFolder(workspace, name) for name in sorted(names_in(workspace.runs)) if JOB_ID.fullmatch(name)]


def read_run_json(path: Path) -> tuple[Run, dict[str, Any]]:
    """The run that a run.json describes, and all that it says; `WorkspaceError` where it describes none."""
    content = read_object(path)
    try:
        return Run.model_validate(content.get("run")), content
    except ValidationError as error:
        raise WorkspaceError(f"{path} should describe a run: {first_problem(error)}") from error
