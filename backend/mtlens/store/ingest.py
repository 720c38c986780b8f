"""The only writer of the database: brings it up to date with the folders, and publishes snapshots for readers.

    ingest(workspace)               # after each run: reads what is new; publishes at most every two seconds
    ingest(workspace, force=True)   # at the end of an experiment, and by `mtlens ingest`: publishes now
    rebuild(workspace)              # makes the database anew from the folders
    check(workspace)                # reads all folders and writes nothing

New data and the positions up to which folders were read are written in the same transaction, so a killed writer loses nothing
and a second call changes nothing. Comparisons are computed when a snapshot is due, not once per run.
"""

import os
import secrets
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from mtlens.errors import WorkspaceError
from mtlens.store.analysis import arm_choice, claim_rows, claim_statistics, comparisons, explanations, groupings, looks
from mtlens.store.database import load, set_aside, snapshots, writer
from mtlens.store.database.read_evidence import read_evidence
from mtlens.store.database.read_runs import read_experiment, read_run
from mtlens.store.database.scan import Listing, Seen, list_changes
from mtlens.store.workspace.files import failed_to, sync
from mtlens.store.workspace.workspace import Workspace

LOCK_SECONDS = 60.0
"""How long to wait for another writer."""

_RUNS_AT_ONCE = 200
"""Runs per transaction; bounds the memory that a rebuild needs."""


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """What one call read. snapshot: the snapshot that it published, if any. pending: readers do not see the data yet."""

    experiments: int = 0
    runs: int = 0
    finished: int = 0
    events: int = 0
    quarantined: int = 0
    rebuilt: bool = False
    snapshot: Path | None = None
    pending: bool = False


def ingest(workspace: Workspace, *, publish: bool = True, force: bool = False) -> IngestReport:
    """Read what is new into the database; publish it where a snapshot is due, or in any case with `force`.

    A database that is missing, damaged or of an older version is made anew. Raises `WorkspaceError` where another writer keeps
    the lock, the disk is full, or the database belongs to a newer mtlens.
    """
    with _writing(workspace):
        return _update(workspace, publish, force) or _rebuild(workspace, publish, force)


def rebuild(workspace: Workspace) -> IngestReport:
    """Make the database anew from the folders, put it in place of the old one, and publish it."""
    with _writing(workspace):
        return _rebuild(workspace, publish=True, force=True)


def check(workspace: Workspace) -> IngestReport:
    """Report what making the database anew would read, without writing files: a database in memory is filled."""
    try:
        with closing(writer.connect(None)) as connection:
            writer.create(connection)
            return _read_folders(workspace, connection)
    except OSError as error:
        raise failed_to("read", Path(error.filename or workspace.root), error) from error


def is_read_only(workspace: Workspace) -> bool:
    """Whether nothing can be written into a workspace, such as one on a read-only mount."""
    return not os.access(workspace.root, os.W_OK) or not os.access(workspace.store, os.W_OK)


@contextmanager
def _writing(workspace: Workspace) -> Generator[None]:
    """Be the only writer, and say in one line what failed."""
    lock = FileLock(workspace.writer_lock)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise WorkspaceError(f"{workspace.writer_lock}: another mtlens has been writing for {LOCK_SECONDS:g} s") from error
    except OSError as error:
        raise failed_to("lock", workspace.writer_lock, error) from error
    try:
        yield
    except OSError as error:
        raise failed_to("ingest", Path(error.filename or workspace.store), error) from error
    except writer.DatabaseError as error:
        raise WorkspaceError(f"{workspace.store}: {str(error).splitlines()[0]}") from error
    finally:
        lock.release()


def _update(workspace: Workspace, publish: bool, force: bool) -> IngestReport | None:
    """Bring the master up to date, or return None where it has to be made anew."""
    if not workspace.master.exists():
        return None
    try:
        with closing(writer.connect(workspace.master)) as connection:
            version = writer.schema_version(connection)
            if version > writer.SCHEMA_VERSION:
                raise WorkspaceError(
                    f"{workspace.master} was written by a newer mtlens "
                    f"(schema {version}; this one writes {writer.SCHEMA_VERSION})"
                )
            if not writer.is_current(connection):
                return None
            report = _read_folders(workspace, connection)
            name = _prepare_snapshot(workspace, connection, report, publish, force)
    except writer.DatabaseError:
        return None
    return _publish(workspace, report, name)


def _rebuild(workspace: Workspace, publish: bool, force: bool) -> IngestReport:
    """Make a new master beside the old one and swap it in."""
    path = workspace.store / f"rebuild-{secrets.token_hex(4)}.duckdb"
    try:
        with closing(writer.connect(path)) as connection:
            writer.create(connection)
            report = _read_folders(workspace, connection)
            name = _prepare_snapshot(workspace, connection, report, publish, force)
            connection.execute("CHECKPOINT")
        sync(path)
        for leftover in workspace.store.glob(f"{workspace.master.name}.*"):
            leftover.unlink()  # the old master's log must not be replayed into the new one
        path.replace(workspace.master)
        sync(workspace.store)
    finally:
        for leftover in workspace.store.glob("rebuild-*"):
            leftover.unlink()
    return _publish(workspace, replace(report, rebuilt=True), name)


def _read_folders(workspace: Workspace, connection: writer.Connection) -> IngestReport:
    """Put into the database what it does not hold yet, and take out what is gone."""
    with writer.transaction(connection):
        if load.refresh_run_kinds(connection):
            writer.set_snapshot(connection, None)
    seen = load.read_seen(connection)
    listing = list_changes(workspace, seen)
    if listing.gone_runs or listing.gone_experiments:
        with writer.transaction(connection):
            load.forget_runs(connection, listing.gone_runs)
            load.forget_experiments(connection, listing.gone_experiments)
            writer.set_snapshot(connection, None)
    experiments = [set_aside.add_experiment(connection, read_experiment(workspace, *named)) for named in listing.experiments]
    known = {run_id: run for run_id, run in seen.runs.items() if run_id not in set(listing.gone_runs)}
    read = (read_run(workspace, run_id, generation, known.get(run_id)) for run_id, generation in listing.runs)
    records = (record for record in read if record)
    report = IngestReport(experiments=len(experiments), quarantined=sum(len(experiment.bad) for experiment in experiments))
    while batch := list(islice(records, _RUNS_AT_ONCE)):
        batch = list(set_aside.add_runs(connection, batch, known))
        report = replace(
            report,
            runs=report.runs + len(batch),
            finished=report.finished + sum(record.seen.state == "done" for record in batch),
            events=report.events + sum(len(record.events) for record in batch),
            quarantined=report.quarantined + sum(len(record.bad) for record in batch),
        )
    _read_evidence_jobs(workspace, connection, seen, listing)
    shown = writer.snapshot(connection)
    return replace(report, pending=shown is None or shown != snapshots.current(workspace))


def _read_evidence_jobs(workspace: Workspace, connection: writer.Connection, seen: Seen, listing: Listing) -> None:
    if listing.gone_evidence_jobs:
        with writer.transaction(connection):
            load.forget_evidence_jobs(connection, listing.gone_evidence_jobs)
            writer.set_snapshot(connection, None)
    for job_id in listing.evidence_jobs:
        before = seen.evidence_jobs.get(job_id)
        if record := read_evidence(workspace, job_id, before):
            set_aside.add_evidence_job(connection, record, before)


def _conclude(connection: writer.Connection) -> None:
    """Recompute what follows from what is new, one experiment per transaction, and then what all experiments say."""
    for experiment_id in load.stale_experiments(connection):
        with writer.transaction(connection):
            comparisons.refresh(connection, experiment_id)
            looks.refresh(connection, experiment_id)
            explanations.refresh(connection, experiment_id)
            groupings.refresh(connection, experiment_id)
            arm_choice.refresh(connection, experiment_id)
            claim_rows.refresh(connection, experiment_id)
            load.set_fresh(connection, experiment_id)
    claim_statistics.refresh(connection)


def _prepare_snapshot(
    workspace: Workspace, connection: writer.Connection, report: IngestReport, publish: bool, force: bool
) -> str | None:
    """Make the database fit to be copied as the snapshot whose name is returned; None where none is due."""
    if not (report.pending and publish and (force or snapshots.is_due(workspace))):
        return None
    _conclude(connection)
    name = snapshots.new_name()
    writer.set_snapshot(connection, name)
    connection.execute("CHECKPOINT")
    return name


def _publish(workspace: Workspace, report: IngestReport, name: str | None) -> IngestReport:
    return replace(report, snapshot=snapshots.publish(workspace, name), pending=False) if name else report
