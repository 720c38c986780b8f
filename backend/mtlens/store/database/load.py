"""Inserts runs, evidence jobs and experiments into the master database and deletes them, with how far folders were read."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple

import pyarrow as pa

from mtlens.statistics.metrics import unit_of
from mtlens.statistics.units import units
from mtlens.store.columns import arrow_schema, arrow_table
from mtlens.store.database.read_evidence import EvidenceRecord
from mtlens.store.database.read_runs import ExperimentRecord, RunRecord, utc
from mtlens.store.database.scan import RunSeen, Seen
from mtlens.store.database.writer import Connection, incoming, insert, insert_rows, run_kinds
from mtlens.store.tables import tables_with
from mtlens.store.tables.bookkeeping import (
    ExperimentEvidenceJobRow,
    ExperimentSeenRow,
    JournalSeenRow,
    LookAskedRow,
    RunSeenRow,
)
from mtlens.store.tables.experiments import ExperimentRow, ExperimentRunRow, TaskRow
from mtlens.store.tables.runs import RunRow
from mtlens.store.workspace.manifest import Manifest

_RUN_COLUMNS = arrow_schema(RunRow)
_KEPT_WHERE_SILENT = ("epoch", "fraction", "last_event")
# what an experiment asks for stays when a run or an evidence job is gone
_TABLES_OF_RUN = tuple(name for name in tables_with("run_id") if name != "experiment_run")
_TABLES_OF_EVIDENCE_JOB = tuple(name for name in tables_with("job_id") if name != "bookkeeping.experiment_evidence_job")
TABLES_OF_GROUPING = (
    "affinity",
    "summary.group_score",
    "grouping",
    "grouping_member",
    "grouping_method",
    "recommendation",
    "bookkeeping.grouping_seen",
)


def read_seen(connection: Connection) -> Seen:
    """What has been read into the database."""
    offsets: dict[str, dict[int, int]] = {}
    for run_id, journal, end in connection.execute("FROM bookkeeping.journal_seen").fetchall():
        offsets.setdefault(run_id, {})[journal] = end
    runs = {
        run_id: RunSeen(generation, state, offsets.get(run_id, {}))
        for run_id, generation, state in connection.execute("FROM bookkeeping.run_seen").fetchall()
    }
    stamps = connection.execute("SELECT experiment_id, stamp FROM bookkeeping.experiment_seen").fetchall()
    evidence_jobs = dict(connection.execute("SELECT job_id, state FROM bookkeeping.evidence_job_seen").fetchall())
    return Seen(runs=runs, experiments=dict(stamps), evidence_jobs=evidence_jobs)


def refresh_run_kinds(connection: Connection) -> bool:
    """Bring table `run_kind` up to date with the registry; returns whether it changed.

    Comparisons are then due everywhere, and manifests that could not be read are read again: they may name a new kind.
    """
    stored = connection.execute("FROM run_kind ORDER BY position").fetchall()
    registered = run_kinds()
    if stored == [astuple(row) for row in registered]:
        return False
    connection.execute("DELETE FROM run_kind")
    insert_rows(connection, registered)
    connection.execute("UPDATE bookkeeping.experiment_seen SET stale = true")
    connection.execute(
        "DELETE FROM bookkeeping.experiment_seen WHERE experiment_id NOT IN (SELECT experiment_id FROM experiment)"
    )
    return True


def forget_runs(connection: Connection, run_ids: Sequence[str]) -> None:
    """Delete runs whose folders are gone; comparisons and groupings that used them are due again."""
    _mark_stale(connection, "SELECT unnest($ids)", {"ids": run_ids})
    affected = "SELECT experiment_id FROM experiment_run WHERE run_id IN (SELECT unnest($ids))"
    for seen in ("bookkeeping.comparison_seen", "bookkeeping.grouping_seen", "summary.group_gain"):
        connection.execute(f"DELETE FROM {seen} WHERE experiment_id IN ({affected})", {"ids": run_ids})
    _delete(connection, _TABLES_OF_RUN, "run_id", run_ids)


def forget_experiments(connection: Connection, experiment_ids: Sequence[str], but: Sequence[str] = ()) -> None:
    """Delete experiments with their results; their runs, evidence jobs and the tables `but` stay."""
    tables = [name for name in tables_with("experiment_id") if name not in but]
    _delete(connection, tables, "experiment_id", experiment_ids)


def add_runs(connection: Connection, records: Sequence[RunRecord]) -> None:
    """Insert new information about runs."""
    ids = [record.run_id for record in records]
    with incoming(connection, arrow_table(RunRow, [record.row for record in records])):
        changed = "SELECT run_id FROM incoming LEFT JOIN run USING (run_id) WHERE run.state IS DISTINCT FROM incoming.state"
        _mark_stale(connection, changed, {})
        connection.execute(f"INSERT INTO run BY NAME FROM incoming ON CONFLICT (run_id) DO UPDATE SET {_updates()}")
    insert(connection, "metric", _joined((record.run_id, record.metrics) for record in records))
    insert(connection, "prediction", _joined((record.run_id, record.predictions) for record in records))
    insert_rows(connection, [event for record in records for event in record.events])
    connection.execute("DELETE FROM quarantine WHERE source IN (SELECT 'runs/' || unnest($ids))", {"ids": ids})
    insert_rows(connection, [part for record in records for part in record.bad])
    _remember(connection, records)


def forget_evidence_jobs(connection: Connection, job_ids: Sequence[str]) -> None:
    """Delete evidence jobs whose folders are gone."""
    _mark_stale_by_evidence(connection, job_ids)
    _delete(connection, _TABLES_OF_EVIDENCE_JOB, "job_id", job_ids)


def add_evidence_job(connection: Connection, record: EvidenceRecord) -> None:
    """Insert an evidence job, or replace its rows."""
    job_id = record.row.job_id
    forget_evidence_jobs(connection, [job_id])
    insert(connection, "cka", _joined([(job_id, record.cka)], "job_id"))
    insert(connection, "gradient_alignment", _joined([(job_id, record.gradients)], "job_id"))
    insert(connection, "lookahead", _joined([(job_id, record.lookahead)], "job_id"))
    insert(connection, "linearised", _joined([(job_id, record.linearised)], "job_id"))
    insert_rows(connection, [record.row])


def _mark_stale_by_evidence(connection: Connection, job_ids: Sequence[str]) -> None:
    connection.execute(
        "UPDATE bookkeeping.experiment_seen SET stale = true WHERE experiment_id IN "
        "(SELECT experiment_id FROM bookkeeping.experiment_evidence_job WHERE job_id IN (SELECT unnest($ids)))",
        {"ids": job_ids},
    )


def _remember(connection: Connection, records: Sequence[RunRecord]) -> None:
    """How far the runs' folders were read; of a finished run nothing is read any more."""
    _delete(connection, ("bookkeeping.run_seen", "bookkeeping.journal_seen"), "run_id", [record.run_id for record in records])
    seen = [RunSeenRow(run_id=record.run_id, generation=record.seen.generation, state=record.seen.state) for record in records]
    insert_rows(connection, seen)
    ends = [
        JournalSeenRow(run_id=record.run_id, journal=journal, bytes=end)
        for record in records
        if record.seen.state != "done"
        for journal, end in record.seen.offsets.items()
    ]
    insert_rows(connection, ends)


def add_experiment(connection: Connection, record: ExperimentRecord) -> None:
    """Insert an experiment, or replace its rows; its comparisons are then due.

    Gains of groups stay: a search rewrites the manifest for every group that it adds, and gains depend on their runs only.
    """
    experiment_id = record.experiment_id
    forget_experiments(connection, [experiment_id], but=["summary.group_gain"])
    insert_rows(connection, [ExperimentSeenRow(experiment_id=experiment_id, stamp=record.stamp, stale=True)])
    insert_rows(connection, record.bad)
    if (manifest := record.manifest) is None:
        return
    insert_rows(connection, [_experiment(experiment_id, manifest)])
    insert_rows(connection, _tasks(experiment_id, manifest))
    runs = [
        ExperimentRunRow(experiment_id=experiment_id, run_id=run.run_id, role=run.role, candidate=run.candidate)
        for run in manifest.runs
    ]
    insert_rows(connection, runs)
    evidence_jobs = [
        ExperimentEvidenceJobRow(
            experiment_id=experiment_id, position=position, job_id=job.job_id, kind=job.kind, subject=job.subject
        )
        for position, job in enumerate(manifest.evidence)
    ]
    insert_rows(connection, evidence_jobs)
    asked = [
        LookAskedRow(experiment_id=experiment_id, look=number, kind=kind, seeds=look.seeds, tasks=tasks)
        for number, look in enumerate(manifest.looks, 1)
        for kind, tasks in look.tasks.items()
    ]
    insert_rows(connection, asked)
    insert(connection, "example", _joined([(experiment_id, record.examples)], "experiment_id"))


def _experiment(experiment_id: str, manifest: Manifest) -> ExperimentRow:
    spec = manifest.spec
    return ExperimentRow(
        experiment_id=experiment_id,
        name=manifest.name,
        created=utc(manifest.created.timestamp()),
        last_started=utc((manifest.last_started or manifest.created).timestamp()),
        margin=spec.margin,
        seeds=spec.all_seeds[: manifest.looks[-1].seeds] if manifest.looks else spec.all_seeds,
        looks=spec.looks,
        ended=manifest.ended,
        folds=spec.data.splits.folds,
        encoder=spec.encoder.name,
        specification=spec.model_dump_json(),
        notes=manifest.notes,
    )


def _tasks(experiment_id: str, manifest: Manifest) -> list[TaskRow]:
    margins = [task.margin or manifest.spec.margin for task in manifest.tasks]
    return [
        TaskRow(
            experiment_id=experiment_id,
            position=position,
            task=task.name,
            label_column=task.column,
            task_kind=task.kind,
            metric=task.metric,
            higher_is_better=unit_of(task.metric)[1] > 0,
            margin=margin,
            unit=unit,
            classes=task.classes,
            weight=task.weight,
            class_counts=json.dumps(task.class_counts),
        )
        for position, (task, margin, unit) in enumerate(
            zip(manifest.tasks, margins, units([task.metric for task in manifest.tasks], margins), strict=True)
        )
    ]


def stale_experiments(connection: Connection) -> list[str]:
    """Experiments whose comparisons are due."""
    rows = connection.execute("SELECT experiment_id FROM bookkeeping.experiment_seen WHERE stale ORDER BY ALL").fetchall()
    return [experiment_id for (experiment_id,) in rows]


def set_fresh(connection: Connection, experiment_id: str) -> None:
    """Remember that an experiment's comparisons are up to date."""
    connection.execute("UPDATE bookkeeping.experiment_seen SET stale = false WHERE experiment_id = ?", [experiment_id])


def _updates() -> str:
    """SQL that updates a run from a newer row: all columns but the key; progress columns only where new events have values."""
    names = [name for name in _RUN_COLUMNS.names if name != "run_id"]
    return ", ".join(
        f"{name} = coalesce(excluded.{name}, run.{name})" if name in _KEPT_WHERE_SILENT else f"{name} = excluded.{name}"
        for name in names
    )


def _joined(tables: Iterable[tuple[str, pa.Table]], key: str = "run_id") -> pa.Table:
    """The tables of several jobs one below the other, with the jobs' ids."""
    return pa.concat_tables([table.append_column(key, pa.repeat(job_id, len(table))) for job_id, table in tables])


def _delete(connection: Connection, tables: Sequence[str], column: str, values: Sequence[str]) -> None:
    for table in tables if values else ():
        connection.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT unnest($values))", {"values": values})


def _mark_stale(connection: Connection, runs: str, values: dict[str, object]) -> None:
    """Comparisons are due in all experiments that ask for one of the runs, which a query names."""
    connection.execute(
        "UPDATE bookkeeping.experiment_seen SET stale = true WHERE experiment_id IN "
        f"(SELECT experiment_id FROM experiment_run WHERE run_id IN ({runs}))",
        values,
    )
