"""The results folder: its layout, its format number, and files that appear whole or not at all."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.files import failed_to, read_object, to_json, write_atomic

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
        """The file that marks a folder as a workspace and contains its format number."""
        return self.root / "workspace.json"

    @property
    def runs(self) -> Path:
        """One folder per run, named by its id."""
        return self.root / "runs"

    @property
    def evidence(self) -> Path:
        """One folder per evidence job, named by its id."""
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
        """File with the address of Ray's own dashboard, while Ray workers run and Ray has a dashboard."""
        return self.root / "ray" / "dashboard"

    @property
    def experiment_lock(self) -> Path:
        """File that a command locks while it runs jobs in this workspace."""
        return self.root / ".experiment.lock"

    @property
    def writer_lock(self) -> Path:
        """File that the one writer holds locked."""
        return self.root / ".writer.lock"


def _check_format(workspace: Workspace) -> None:
    found = read_object(workspace.marker).get("format")
    if not isinstance(found, int) or found < 1:
        raise WorkspaceError(f"{workspace.marker} should give the format of the workspace; found {found!r}")
    if found > FORMAT:
        raise WorkspaceError(f"{workspace.root} was written by a newer mtlens (format {found}; this one reads {FORMAT})")
