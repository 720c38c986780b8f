"""A run folder: the truth about one training, complete when and only when its DONE marker is there.

    run.json             what was trained, with which versions and on what, written once when training first starts
    journal-<k>.jsonl    what happened, one file per process that worked on the run
    resume.safetensors   where to go on after a crash; gone when the run is done
    metrics.parquet, predictions.parquet, model.safetensors
    DONE or FAILED       facts of the finished training with the SHA-256 of every file, or the reason of the failure

One process trains a run: it holds `claim`, calls `start`, writes its journal, closes it, and calls `finish` or `fail`.
Nothing is written after DONE.
"""

import hashlib
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import ValidationError

from backend.errors import WorkspaceError
from backend.spec import Run
from backend.store import tables
from backend.store.journal import Journal, finite, first_problem
from backend.store.tables import MetricRow, PredictionBlock
from backend.store.workspace import FORMAT, Workspace, failed_to, names_in, now, read_object, sync, to_json, write_atomic

RunState = Literal["absent", "unfinished", "failed", "done"]

RUN_ID = re.compile(r"[0-9a-f]{16}")
METRICS = "metrics.parquet"
PREDICTIONS = "predictions.parquet"
RESUME = "resume.safetensors"


class RunClaimed(WorkspaceError):  # noqa: N818 - says what is so, not what went wrong
    """Another process is training this run."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run in a workspace; it need not exist yet."""

    workspace: Workspace
    run_id: str

    def __post_init__(self) -> None:
        """Raise `WorkspaceError` where the id is not a content hash, and so could name any folder."""
        if not RUN_ID.fullmatch(self.run_id):
            raise WorkspaceError(f"a run id should be 16 hexadecimal digits; found {self.run_id!r}")

    @property
    def path(self) -> Path:
        """Where the files are."""
        return self.workspace.runs / self.run_id

    @property
    def state(self) -> RunState:
        """`done` once DONE is there, else `failed` once FAILED is, else `unfinished` once training has started."""
        if (self.path / "DONE").exists():
            return "done"
        if (self.path / "FAILED").exists():
            return "failed"
        return "unfinished" if (self.path / "run.json").exists() else "absent"

    @contextmanager
    def claim(self) -> Generator[None]:
        """Hold this run for one process; the system lets go when the process dies.

        Raises `RunClaimed` at once where another holder has it.
        """
        lock = FileLock(self.path / ".lock")
        try:
            self.path.mkdir(exist_ok=True)
            lock.acquire(blocking=False)
        except Timeout as error:
            raise RunClaimed(f"run {self.run_id} is being trained by another process") from error
        except OSError as error:
            raise failed_to("lock", self.path, error) from error
        try:
            yield
        finally:
            lock.release()

    def start(self, run: Run, versions: dict[str, str], host: dict[str, object]) -> Journal:
        """Begin or take up the training of `run`; returns a new journal.

        host: what it trains on, such as cpu, threads and device. What a resumed run was first started with stays.
        """
        if run.run_id != self.run_id or self.state == "done":
            raise WorkspaceError(f"run {run.run_id} should start in a folder of its own name, once; found {self.path}")
        try:
            self.path.mkdir(exist_ok=True)
            for left_behind in (*self.path.glob(".*.tmp"), self.path / "FAILED"):
                left_behind.unlink(missing_ok=True)
            numbers = [int(path.stem.removeprefix("journal-")) for path in self.path.glob("journal-*.jsonl")]
        except OSError as error:
            raise failed_to("write", self.path, error) from error
        if not (self.path / "run.json").exists():
            about = {"format": FORMAT, "run_id": self.run_id, "started": now(), "run": run.model_dump(mode="json")}
            write_atomic(self.path / "run.json", to_json({**about, "versions": versions, "host": host}))
        return Journal(self.path / f"journal-{max(numbers, default=-1) + 1}.jsonl")

    def save_bytes(self, name: str, data: bytes, *, durable: bool) -> None:
        """Put a file into the folder, whole or not at all; `durable` waits until it is on the disk."""
        write_atomic(self.path / name, data, durable=durable)

    def read_bytes(self, name: str) -> bytes | None:
        """Content of a file, or None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise failed_to("read", self.path / name, error) from error

    def finish(self, metrics: Sequence[MetricRow], predictions: Sequence[PredictionBlock], facts: dict[str, object]) -> None:
        """Write the results and, last, DONE; facts with NaN or infinite numbers keep null there."""
        self.save_bytes(METRICS, tables.to_parquet(tables.metrics_table(metrics)), durable=True)
        self.save_bytes(PREDICTIONS, tables.to_parquet(tables.predictions_table(predictions)), durable=True)
        try:
            (self.path / RESUME).unlink(missing_ok=True)
            kept = sorted({"run.json", METRICS, PREDICTIONS, *(path.name for path in self.path.glob("*.safetensors"))})
            hashes = {name: _sha256(self.path / name) for name in kept}
        except OSError as error:
            raise failed_to("write", self.path, error) from error
        about = {"format": FORMAT, "run_id": self.run_id, "finished": now()}
        write_atomic(self.path / "DONE", to_json(finite({**facts, **about, "files": hashes})))

    def fail(self, reason: str) -> None:
        """Mark the run as failed, with one line that says why; `start` takes the mark away."""
        write_atomic(self.path / "FAILED", to_json({"reason": reason, "finished": now()}))

    def facts(self) -> dict[str, Any]:
        """What `finish` was told, and format, run_id, finished and files; `WorkspaceError` where the run is not done."""
        return read_object(self.path / "DONE")

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

        Raises `RunClaimed` where a process is training it, this one included.
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
            found = _sha256(self.path / name)
        except OSError as error:
            return [str(failed_to("read", self.path / name, error))]
        if found == expected:
            return []
        return [f"{self.path / name} has changed since the run finished: SHA-256 should be {expected}; found {found}"]


def run_folders(workspace: Workspace) -> list[RunFolder]:
    """All runs in a workspace, in the order of their ids; none that was set aside."""
    return [RunFolder(workspace, name) for name in sorted(names_in(workspace.runs)) if RUN_ID.fullmatch(name)]


def read_run_json(path: Path) -> tuple[Run, dict[str, Any]]:
    """The run that a run.json describes, and all that it says; `WorkspaceError` where it describes none."""
    content = read_object(path)
    try:
        return Run.model_validate(content.get("run")), content
    except ValidationError as error:
        raise WorkspaceError(f"{path} should describe a run: {first_problem(error)}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
