"""The folder of one job: claimed by one process, logged in journals, complete if and only if its DONE marker exists.

    <about>.json         what the job is, with which versions and on what, written once when it first starts
    journal-<k>.jsonl    what happened, one file per process that worked on it
    DONE or FAILED       facts of the finished job with the SHA-256 of every file, or the reason of the failure

A process holds `claim`, starts, writes its journal, closes it, and finishes or fails. Nothing is written after DONE.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from filelock import FileLock, Timeout

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.files import failed_to, names_in, now, read_object, sync, to_json, write_atomic
from mtlens.store.workspace.journal import Journal, finite, read_tail
from mtlens.store.workspace.workspace import FORMAT, Workspace

JobState = Literal["absent", "unfinished", "failed", "done"]
JOB_ID = re.compile(r"[0-9a-f]{16}")


class JobClaimed(WorkspaceError):  # noqa: N818 - says what is so, not what went wrong
    """Another process is doing this job."""


@dataclass(frozen=True)
class JobFolder(ABC):
    """What run folders and evidence folders have in common; the folder need not exist yet."""

    workspace: Workspace
    job_id: str

    KIND: ClassVar[str]
    """Name of the job in messages, and of the JSON file that describes it."""

    FILES: ClassVar[tuple[str, ...]] = ()
    """Files that every finished job of this kind has."""

    def __post_init__(self) -> None:
        """Raise `WorkspaceError` where the id is not a content hash, and so could name any folder."""
        if not JOB_ID.fullmatch(self.job_id):
            raise WorkspaceError(f"a {self.KIND} id should be 16 hexadecimal digits; found {self.job_id!r}")

    @property
    @abstractmethod
    def path(self) -> Path:
        """Where the files are."""

    @property
    def about(self) -> Path:
        """The file that says what the job is."""
        return self.path / f"{self.KIND}.json"

    @property
    def state(self) -> JobState:
        """`done` once DONE is there, else `failed` once FAILED is, else `unfinished` once it has started."""
        if (self.path / "DONE").exists():
            return "done"
        if (self.path / "FAILED").exists():
            return "failed"
        return "unfinished" if self.about.exists() else "absent"

    @contextmanager
    def claim(self) -> Generator[None]:
        """Hold this job for one process; the system releases it when the process dies.

        Raises `JobClaimed` at once where another holder has it.
        """
        lock = FileLock(self.path / ".lock")
        try:
            self.path.mkdir(exist_ok=True)
            lock.acquire(blocking=False)
        except Timeout as error:
            raise JobClaimed(f"{self.KIND} {self.job_id} is being worked on by another process") from error
        except OSError as error:
            raise failed_to("lock", self.path, error) from error
        try:
            yield
        finally:
            lock.release()

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

    def fail(self, reason: str) -> None:
        """Mark the job as failed, with a reason in one line; starting it anew removes the mark."""
        try:
            self.path.mkdir(exist_ok=True)  # it may have failed before it could start
        except OSError as error:
            raise failed_to("write", self.path, error) from error
        write_atomic(self.path / "FAILED", to_json({"reason": reason, "finished": now()}))

    def facts(self) -> dict[str, Any]:
        """Content of DONE, with format, finished and files; `WorkspaceError` where the job is not done."""
        return read_object(self.path / "DONE")

    def begin(self, description: dict[str, object], versions: dict[str, str], host: dict[str, object]) -> Journal:
        """Begin or resume the job; returns a new journal. The description of the first start stays."""
        try:
            self.path.mkdir(exist_ok=True)
            for left_behind in (*self.path.glob(".*.tmp"), self.path / "FAILED"):
                left_behind.unlink(missing_ok=True)
            numbers = [int(path.stem.removeprefix("journal-")) for path in self.path.glob("journal-*.jsonl")]
        except OSError as error:
            raise failed_to("write", self.path, error) from error
        if not self.about.exists():
            about = {"format": FORMAT, f"{self.KIND}_id": self.job_id, "started": now(), self.KIND: description}
            write_atomic(self.about, to_json({**about, "versions": versions, "host": host}))
        return Journal(self.path / f"journal-{max(numbers, default=-1) + 1}.jsonl")

    def mark_done(self, facts: dict[str, object], names: Iterable[str]) -> None:
        """Write DONE with the hashes of the named files and of the journals; NaN and infinite numbers become null there."""
        try:
            hashes = {name: sha256(self.path / name) for name in sorted({*names, *self._journals()})}
        except OSError as error:
            raise failed_to("write", self.path, error) from error
        about = {"format": FORMAT, f"{self.KIND}_id": self.job_id, "finished": now()}
        write_atomic(self.path / "DONE", to_json(finite({**facts, **about, "files": hashes})))

    def verify(self) -> list[str]:
        """Problems of this folder, one line each.

        Files missing or changed since DONE, journals among them; lines of a journal that are damaged; a description of
        another job.
        """
        if self.state == "absent":
            return []
        problems = [*self._problems_of_about(), *self._problems_of_journals()]
        if self.state != "done":
            return problems
        try:
            files = self.facts().get("files")
        except WorkspaceError as error:
            return [*problems, str(error)]
        if not isinstance(files, dict):
            return [*problems, f"{self.path / 'DONE'} should list the SHA-256 of every file under 'files'; found none"]
        if not any(name.startswith("journal-") for name in files):  # version 0.1 kept no hashes of journals
            problems += self._problems_of_end()
        for name in sorted({*self.FILES, *files}):
            problems += self._problems_of_file(name, files.get(name))
        return problems

    def quarantine(self) -> Path:
        """Set the folder aside as <job_id>.damaged-<n>, so that the job is done again; returns its new path.

        Raises `JobClaimed` where a process is doing it, this one included.
        """
        with self.claim():
            numbers = [int(path.name.rpartition("-")[2]) for path in self.path.parent.glob(f"{self.job_id}.damaged-*")]
            aside = self.path.with_name(f"{self.job_id}.damaged-{max(numbers, default=0) + 1}")
            try:
                self.path.rename(aside)
                sync(aside.parent)
            except OSError as error:
                raise failed_to("move", self.path, error) from error
        return aside

    def _problems_of_about(self) -> list[str]:
        try:
            found = read_object(self.about).get(f"{self.about.stem}_id")
        except WorkspaceError as error:
            return [str(error)]
        return [] if found == self.job_id else [f"{self.about} should describe {self.KIND} {self.job_id}; found {found}"]

    def _journals(self) -> list[str]:
        """Names of the journals, in their order."""
        names = [path.name for path in self.path.glob("journal-*.jsonl")]
        return sorted(names, key=lambda name: (len(name), name))

    def _problems_of_journals(self) -> list[str]:
        """Lines that cannot be read."""
        try:
            bad = {name: read_tail(self.path / name, 0).bad_lines for name in self._journals()}
        except OSError as error:
            return [str(failed_to("read", self.path, error))]
        return [f"{self.path / name}, byte {at}: {reason}" for name, lines in bad.items() for at, reason in lines]

    def _problems_of_end(self) -> list[str]:
        """The journals of a finished job should tell of its end."""
        kinds = [event.kind for name in self._journals() for _, event in read_tail(self.path / name, 0).events]
        if kinds[-1:] == ["done"]:
            return []
        found = f"they end with `{kinds[-1]}`" if kinds else "there are none"
        return [f"{self.path}: journals should tell of this {self.KIND} up to `done`; {found}: events are lost"]

    def _problems_of_file(self, name: str, expected: object) -> list[str]:
        try:
            found = sha256(self.path / name)
        except OSError as error:
            return [str(failed_to("read", self.path / name, error))]
        if found == expected:
            return []
        return [f"{self.path / name} has changed since the {self.KIND} finished: SHA-256 should be {expected}; found {found}"]


def jobs_in(folder: Path) -> list[str]:
    """Ids of the jobs that have a folder in `folder`, which need not exist, sorted; none that was set aside."""
    return sorted(name for name in names_in(folder) if JOB_ID.fullmatch(name)) if folder.exists() else []


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
