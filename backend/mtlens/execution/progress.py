"""Watches the folders of jobs while lanes work: keeps the store up to date and reports progress.

It runs in a thread of its own and reads what the lanes append to their journals; nothing a lane does waits for it.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from mtlens.config.run import Run
from mtlens.errors import MtlensError
from mtlens.evidence.jobs import Job
from mtlens.store.ingest import ingest
from mtlens.store.workspace.evidence_folder import EvidenceFolder
from mtlens.store.workspace.job_folder import JobFolder
from mtlens.store.workspace.journal import read_tail
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace

SECONDS_BETWEEN_LOOKS = 0.5
SECONDS_BETWEEN_INGESTS = 2.0


@dataclass(kw_only=True)
class JobProgress:
    """How far one job, a run or an evidence job, is.

    fraction: 0 to 1. weight: its work, in the unit of the others. began: (time, fraction) at its first event in this watch, for
    its pace. offsets: how far each journal was read; earlier events are not reported.
    """

    job: Job
    state: Literal["queued", "running", "done", "failed"] = "queued"
    fraction: float = 0.0
    weight: float = 1.0
    began: tuple[float, float] | None = None
    offsets: dict[Path, int] = field(default_factory=dict[Path, int])

    @property
    def is_evidence(self) -> bool:
        """Whether it is an evidence job."""
        return not isinstance(self.job, Run)

    def seconds_left(self) -> float | None:
        """Estimated time to its end at its pace so far; None while the pace is unknown."""
        if self.began is None or self.fraction <= self.began[1]:
            return None
        return (1 - self.fraction) * (time.time() - self.began[0]) / (self.fraction - self.began[1])


class Monitor:
    """Context manager around the work: `show` is called with every job's progress about twice a second."""

    def __init__(
        self,
        workspace: Workspace,
        jobs: Sequence[Job],
        show: Callable[[Sequence[JobProgress]], None],
        *,
        expected: Sequence[Job] = (),
        weigh: Callable[[Job], float] = lambda _: 1.0,
    ):
        """expected: evidence jobs to expect, shown as queued until the real ones are added. weigh: work of a job."""
        self._workspace, self._show, self._weigh = workspace, show, weigh
        self._progress: list[JobProgress] = []
        self._expected = [JobProgress(job=job, weight=weigh(job)) for job in expected]
        self.add(jobs)
        self._over = threading.Event()
        self._sign = FileLock(workspace.experiment_lock, thread_local=False)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def add(self, jobs: Sequence[Job]) -> None:
        """Watch more jobs."""
        self._progress += [
            JobProgress(job=job, weight=self._weigh(job), offsets=_written(folder_of(job, self._workspace))) for job in jobs
        ]
        added = {job.kind for job in jobs if not isinstance(job, Run)}
        self._expected = [
            expected for expected in self._expected if isinstance(expected.job, Run) or expected.job.kind not in added
        ]

    def __enter__(self) -> "Monitor":
        """Start watching."""
        self._show_presence()
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Read the journals once more and update the store; an error of the work takes precedence over one of the store."""
        self._over.set()
        self._thread.join()
        try:
            self._look()
            ingest(self._workspace, force=True)
        except (MtlensError, OSError):
            if kind is None:
                raise
        finally:
            self._sign.release()

    def _show_presence(self) -> None:
        """Hold the lock that shows that a command is running jobs; try again later where another process holds it."""
        if not self._sign.is_locked:
            with contextlib.suppress(Timeout, OSError):
                self._sign.acquire(blocking=False)

    def _watch(self) -> None:
        ingested = time.monotonic()
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            self._show_presence()
            with contextlib.suppress(
                MtlensError, OSError
            ):  # a full disk may have room again; what still fails at the end is raised
                self._look()
                if time.monotonic() - ingested >= SECONDS_BETWEEN_INGESTS:
                    ingest(self._workspace)
                    ingested = time.monotonic()

    def _look(self) -> None:
        for progress in list(self._progress):
            if progress.state in ("queued", "running"):
                self._follow(progress)
        self._show([*self._progress, *self._expected])

    def _follow(self, progress: JobProgress) -> None:
        folder = folder_of(progress.job, self._workspace)
        for journal in sorted(folder.path.glob("journal-*.jsonl")):
            tail = read_tail(journal, progress.offsets.get(journal, 0))
            progress.offsets[journal] = tail.end
            for _, event in tail.events:
                progress.state = "running"
                progress.fraction = event.fraction if event.fraction is not None else progress.fraction
                progress.began = progress.began or (event.time, progress.fraction)
        if folder.state == "done":
            progress.state, progress.fraction = "done", 1.0
        elif folder.state == "failed" and progress.state == "running":
            progress.state = "failed"


def folder_of(job: Job, workspace: Workspace) -> JobFolder:
    """The folder that a job writes."""
    return (RunFolder if isinstance(job, Run) else EvidenceFolder)(workspace, job.job_id)


def _written(folder: JobFolder) -> dict[Path, int]:
    return {journal: journal.stat().st_size for journal in folder.path.glob("journal-*.jsonl")}
