"""Inserts records into the database; a record that it cannot store is set aside without affecting the others.

Settings and journals have bounds, so this is for what comes from elsewhere: a manifest that another program has changed, a
number above 2^63, half of a surrogate pair.
"""

from collections.abc import Iterator, Mapping, Sequence

import duckdb
import pyarrow as pa

from mtlens.store.database import load, writer
from mtlens.store.database.read_evidence import EvidenceRecord
from mtlens.store.database.read_runs import ExperimentRecord, RunRecord
from mtlens.store.database.scan import RunSeen, StoredState

_UNSTORABLE = (ArithmeticError, ValueError, TypeError, pa.ArrowException, duckdb.DataError, duckdb.IntegrityError)


def add_experiment(connection: writer.Connection, record: ExperimentRecord) -> ExperimentRecord:
    """Insert or replace an experiment; returns the record that was inserted."""
    try:
        _add_experiment(connection, record)
    except _UNSTORABLE as error:
        record = record.set_aside(_reason(error))
        _add_experiment(connection, record)
    return record


def add_runs(connection: writer.Connection, records: Sequence[RunRecord], seen: Mapping[str, RunSeen]) -> Iterator[RunRecord]:
    """Insert new information about runs; returns the records that were inserted. seen: what has been read of each run."""
    try:
        _add_runs(connection, records)
        yield from records
        return
    except _UNSTORABLE as error:
        reason = _reason(error)
    if len(records) > 1:
        for record in records:
            yield from add_runs(connection, [record], seen)
    elif (aside := records[0].set_aside(reason)).seen != seen.get(aside.run_id):
        _add_runs(connection, [aside])
        yield aside


def add_evidence_job(connection: writer.Connection, record: EvidenceRecord, before: StoredState | None) -> None:
    """Insert or replace an evidence job. before: its state in the database."""
    try:
        _add_evidence_job(connection, record)
    except _UNSTORABLE as error:
        if before != "damaged":
            _add_evidence_job(connection, record.set_aside(_reason(error)))


def _add_experiment(connection: writer.Connection, record: ExperimentRecord) -> None:
    with writer.transaction(connection):
        load.add_experiment(connection, record)
        writer.set_snapshot(connection, None)


def _add_runs(connection: writer.Connection, records: Sequence[RunRecord]) -> None:
    with writer.transaction(connection):
        load.add_runs(connection, records)
        writer.set_snapshot(connection, None)


def _add_evidence_job(connection: writer.Connection, record: EvidenceRecord) -> None:
    with writer.transaction(connection):
        load.add_evidence_job(connection, record)
        writer.set_snapshot(connection, None)


def _reason(error: Exception) -> str:
    """One line that the database can hold."""
    text = " ".join(f"the database should be able to hold it; found {type(error).__name__}: {error}".split())
    return text[:300].encode(errors="replace").decode()
