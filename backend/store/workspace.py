"""The results folder: its layout, its format number, and files that appear whole or not at all."""

# pyright: reportUnknownParameterType=false
# (pyarrow ships no types)

import json
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from backend.errors import WorkspaceError

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
"""Number of the layout below; a workspace with a larger number belongs to a newer mtlens."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:")  # what a path makes of s3://; a drive has one letter


@dataclass(frozen=True)
class Workspace:
    """A folder with the runs, the experiments and the store. Processes on one machine may share it."""

    root: Path

    @classmethod
    def open(cls, directory: Path, *, create: bool = True) -> Self:
        """Workspace in `directory`, made on first use; without `create`, one that does not exist is an error."""
        if _SCHEME.fullmatch(directory.parts[0] if directory.parts else ""):
            raise WorkspaceError(f"{directory} should be a folder, mounted on every node; found an address, and no locks there")
        workspace = cls(directory.absolute())
        if directory.exists() and not directory.is_dir():
            raise WorkspaceError(f"{directory} should be a folder; found a file")
        if not workspace.marker.exists() and not create:
            raise WorkspaceError(f"{directory}: nothing here yet: run `mtlens run EXPERIMENT` first")
        try:
            if create:
                for folder in (workspace.runs, workspace.evidence, workspace.experiments, workspace.store):
                    folder.mkdir(parents=True, exist_ok=True)
                if not workspace.marker.exists():
                    write_atomic(workspace.marker, to_json({"format": FORMAT}))
            _check_format(workspace)
        except OSError as error:
            raise failed_to("use", directory, error) from error
        return workspace

    @property
    def marker(self) -> Path:
        """The file that makes a folder a workspace and gives its format."""
        return self.root / "workspace.json"

    @property
    def runs(self) -> Path:
        """One folder per run, named by its id."""
        return self.root / "runs"

    @property
    def evidence(self) -> Path:
        """One folder per piece of evidence, named by its id."""
        return self.root / "evidence"

    @property
    def experiments(self) -> Path:
        """One manifest and one table of examples per experiment."""
        return self.root / "experiments"

    @property
    def store(self) -> Path:
        """The master database and its snapshots."""
        return self.root / "store"

    @property
    def master(self) -> Path:
        """The database that only `ingest` opens."""
        return self.store / "master.duckdb"

    @property
    def pointer(self) -> Path:
        """Link to the newest snapshot: what readers and a user's own `duckdb` open."""
        return self.root / "mtlens.duckdb"

    @property
    def ray_dashboard(self) -> Path:
        """File with the address of Ray's own dashboard, while a fleet that has one is at work."""
        return self.root / "ray" / "dashboard"

    @property
    def conductor_lock(self) -> Path:
        """File that a command which has jobs done here holds locked while it does."""
        return self.root / ".conductor.lock"

    @property
    def writer_lock(self) -> Path:
        """File that the one writer holds locked."""
        return self.root / ".writer.lock"

    def save_manifest(self, manifest: dict[str, Any], examples: "pa.Table | None") -> None:
        """Write an experiment's examples (example_id, split, cluster) and then, last, its manifest; None: they stay.

        A manifest that does not say when it was `created` is stamped with the present time.
        """
        from backend.store import tables  # pyarrow takes longer to import than `mtlens sql` may take to answer

        path = self.experiments / f"{manifest['experiment_id']}.json"
        if examples is not None:
            write_atomic(path.with_suffix(".examples.parquet"), tables.to_parquet(examples.cast(tables.EXAMPLES)))
        write_atomic(path, to_json({"created": now(), **manifest}))


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path` by a rename, so that a reader or a crash sees the old file or the new one, never a part.

    Where `durable`, file and folder are synced to disk before this returns. Raises `WorkspaceError`, with the old file
    in place, where the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        if durable:
            sync(path.parent)
    except OSError as error:
        raise failed_to("write", path, error) from error


def now() -> str:
    """The present time in UTC, ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def names_in(folder: Path) -> list[str]:
    """Names of the files and folders directly in `folder`, in no order."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def to_json(content: object) -> bytes:
    """Readable UTF-8 JSON; raises ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode()


def read_object(path: Path) -> dict[str, Any]:
    """Content of a file that holds one JSON object; `WorkspaceError` where it does not or cannot be read."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise failed_to("read", path, error) from error
    except ValueError as error:
        raise WorkspaceError(f"{path} should hold JSON: {error}") from error
    if not isinstance(content, dict):
        raise WorkspaceError(f"{path} should hold a JSON object; found {type(content).__name__}")
    return content


def failed_to(act: str, path: Path, error: OSError) -> WorkspaceError:
    """One line that says which file the system refused, and why."""
    return WorkspaceError(f"{path}: could not {act} it: {error.strerror or error}")


def _check_format(workspace: Workspace) -> None:
    found = read_object(workspace.marker).get("format")
    if not isinstance(found, int) or found < 1:
        raise WorkspaceError(f"{workspace.marker} should give the format of the workspace; found {found!r}")
    if found > FORMAT:
        raise WorkspaceError(f"{workspace.root} was written by a newer mtlens (format {found}; this one reads {FORMAT})")
