"""Which runs and experiments are new, from the names in the folders, without opening a file.

A finished run is recognised by its name, so the cost grows with the number of new runs and not of stored runs.
"""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mtlens.store.workspace.files import names_in
from mtlens.store.workspace.job_folder import JOB_ID
from mtlens.store.workspace.workspace import Workspace

StoredState = Literal["unfinished", "failed", "done", "damaged"]


class RunSeen(NamedTuple):
    """What has been read of a run. generation: number of damaged copies set aside; offsets: bytes read per journal."""

    generation: int
    state: StoredState
    offsets: Mapping[int, int]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the master database has read. experiments: id -> stamp of the manifest; evidence_jobs: id -> state."""

    runs: Mapping[str, RunSeen]
    experiments: Mapping[str, str]
    evidence_jobs: Mapping[str, StoredState]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Names that may hold something new, and names that are gone."""

    runs: tuple[tuple[str, int], ...]  # id, generation
    gone_runs: tuple[str, ...]
    experiments: tuple[tuple[str, str], ...]  # id, stamp
    gone_experiments: tuple[str, ...]
    evidence_jobs: tuple[str, ...]
    gone_evidence_jobs: tuple[str, ...]


def list_changes(workspace: Workspace, seen: Seen) -> Listing:
    """Compare the names in the workspace with what was seen. A run that was set aside and trained again counts as gone."""
    names = names_in(workspace.runs)
    set_aside = Counter(name.partition(".")[0] for name in names if ".damaged-" in name)
    generations = {name: set_aside[name] for name in names if JOB_ID.fullmatch(name)}
    with os.scandir(workspace.experiments) as entries:
        stamps = {entry.name[: -len(".json")]: _stamp(entry) for entry in entries if entry.name.endswith(".json")}
    evidence_jobs = {name for name in _names_of_evidence_jobs(workspace) if JOB_ID.fullmatch(name)}
    current = {run_id for run_id, run in seen.runs.items() if generations.get(run_id) == run.generation}
    finished = {run_id for run_id in current if seen.runs[run_id].state == "done"}
    return Listing(
        runs=tuple(sorted((run_id, generation) for run_id, generation in generations.items() if run_id not in finished)),
        gone_runs=tuple(sorted(seen.runs.keys() - current)),
        experiments=tuple(sorted(stamps.items() - seen.experiments.items())),
        gone_experiments=tuple(sorted(seen.experiments.keys() - stamps.keys())),
        evidence_jobs=tuple(sorted(name for name in evidence_jobs if seen.evidence_jobs.get(name) != "done")),
        gone_evidence_jobs=tuple(sorted(seen.evidence_jobs.keys() - evidence_jobs)),
    )


def _names_of_evidence_jobs(workspace: Workspace) -> list[str]:
    """None in a workspace of a mtlens that had no evidence."""
    return names_in(workspace.evidence) if workspace.evidence.exists() else []


def _stamp(entry: "os.DirEntry[str]") -> str:
    """Changes whenever the file is replaced."""
    status = entry.stat()
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
