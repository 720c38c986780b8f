"""The master database: its tables, and what goes into them. Opened by the writer alone."""

# pyright: reportUnknownParameterType=false
# (pyarrow ships no types)

import json
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import duckdb
import pyarrow as pa

from backend.store.changes import RunSeen, Seen
from backend.store.collect import ExperimentRecord, RunRecord, utc

SCHEMA_VERSION = 1

_RUN_ROW = pa.schema(
    [
        *((name, pa.string()) for name in ("run_id", "method", "state", "device", "precision", "reason")),
        *((name, pa.string()) for name in ("configuration", "versions", "facts")),
        *((name, pa.int64()) for name in ("seed", "epochs_run", "best_epoch", "updates", "parameters", "threads")),
        *((name, pa.int64()) for name in ("trainable_parameters", "peak_memory_bytes", "epochs", "batch_size", "epoch")),
        *((name, pa.float64()) for name in ("seconds", "wall_seconds", "learning_rate", "fraction")),
        *((name, pa.timestamp("us")) for name in ("started", "finished", "last_event")),
        ("tasks", pa.list_(pa.string())),
    ]
)
_KEPT_WHERE_SILENT = ("epoch", "fraction", "last_event")
_TABLES_OF_RUN = ("run", "metric", "prediction", "event", "quarantine", "bookkeeping.run_seen", "bookkeeping.journal_seen")
_TABLES_OF_MANIFEST = ("experiment", "task", "example", "experiment_run", "quarantine", "bookkeeping.experiment_seen")
_TABLES_OF_COMPARISON = ("comparison", "bookkeeping.comparison_seen")

Connection = duckdb.DuckDBPyConnection


def connect(path: Path) -> Connection:
    """Open for writing. One thread: the cores belong to the trainings that run beside the writer."""
    return duckdb.connect(str(path), config={"threads": 1})


def create(connection: Connection) -> None:
    """Make tables, views and their descriptions."""
    with transaction(connection):
        for name in ("schema.sql", "views.sql"):
            connection.execute(Path(__file__).with_name(name).read_text(encoding="utf-8"))
        about = [SCHEMA_VERSION, datetime.now(UTC).replace(tzinfo=None), _mtlens_version()]
        connection.execute("INSERT INTO store_info VALUES (?, ?, ?, NULL)", about)


def schema_version(connection: Connection) -> int:
    """Version of the tables in an existing database; `duckdb.Error` where it is not one of mtlens."""
    (version,) = connection.execute("SELECT max(schema_version) FROM store_info").fetchall()[0]
    return version or 0


@contextmanager
def transaction(connection: Connection) -> Generator[None]:
    """All or nothing."""
    connection.execute("BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # the first error says more
            connection.execute("ROLLBACK")
        raise


def read_seen(connection: Connection) -> Seen:
    """What the database holds already."""
    offsets: dict[str, dict[int, int]] = {}
    for run_id, journal, end in connection.execute("FROM bookkeeping.journal_seen").fetchall():
        offsets.setdefault(run_id, {})[journal] = end
    runs = {
        run_id: RunSeen(generation, state, offsets.get(run_id, {}))
        for run_id, generation, state in connection.execute("FROM bookkeeping.run_seen").fetchall()
    }
    stamps = connection.execute("SELECT experiment_id, stamp FROM bookkeeping.experiment_seen").fetchall()
    return Seen(runs=runs, experiments=dict(stamps))


def forget_runs(connection: Connection, run_ids: Sequence[str]) -> None:
    """Take runs out whose folders are gone. What was compared with them has to be compared anew, should they come back."""
    _mark_stale(connection, "SELECT unnest($ids)", {"ids": run_ids})
    affected = "SELECT experiment_id FROM experiment_run WHERE run_id IN (SELECT unnest($ids))"
    connection.execute(f"DELETE FROM bookkeeping.comparison_seen WHERE experiment_id IN ({affected})", {"ids": run_ids})
    _delete(connection, _TABLES_OF_RUN, "run_id", run_ids)


def forget_experiments(connection: Connection, experiment_ids: Sequence[str]) -> None:
    """Take experiments out whose manifests are gone; their runs stay."""
    _delete(connection, (*_TABLES_OF_MANIFEST, *_TABLES_OF_COMPARISON), "experiment_id", experiment_ids)


def add_runs(connection: Connection, records: Sequence[RunRecord]) -> None:
    """Put in what is new about runs, and how far their folders were read."""
    ids = [record.run_id for record in records]
    with _incoming(connection, pa.Table.from_pylist([record.row for record in records], schema=_RUN_ROW)):
        changed = "SELECT run_id FROM incoming LEFT JOIN run USING (run_id) WHERE run.state IS DISTINCT FROM incoming.state"
        _mark_stale(connection, changed, {})
        connection.execute(f"INSERT INTO run BY NAME FROM incoming ON CONFLICT (run_id) DO UPDATE SET {_updates()}")
    connection.execute("DELETE FROM quarantine WHERE source IN (SELECT 'runs/' || unnest($ids))", {"ids": ids})
    _delete(connection, ("bookkeeping.run_seen", "bookkeeping.journal_seen"), "run_id", ids)
    _insert(connection, "metric", _joined((record.run_id, record.metrics) for record in records))
    _insert(connection, "prediction", _joined((record.run_id, record.predictions) for record in records))
    insert_rows(
        connection,
        "event",
        [
            {
                **event.model_dump(exclude={"payload"}),
                "run_id": record.run_id,
                "journal": journal,
                "position": position,
                "time": utc(event.time),
                "payload": json.dumps(event.payload),
            }
            for record in records
            for journal, position, event in record.events
        ],
    )
    insert_rows(
        connection, "quarantine", [{"run_id": record.run_id, **part._asdict()} for record in records for part in record.bad]
    )
    insert_rows(
        connection,
        "bookkeeping.run_seen",
        [{"run_id": r.run_id, "generation": r.seen.generation, "state": r.seen.state} for r in records],
    )
    insert_rows(
        connection,
        "bookkeeping.journal_seen",
        [
            {"run_id": record.run_id, "journal": journal, "bytes": end}
            for record in records
            if record.seen.state != "done"  # nothing is read of it any more
            for journal, end in record.seen.offsets.items()
        ],
    )


def add_experiment(connection: Connection, record: ExperimentRecord) -> None:
    """Put in an experiment in place of what was known of it; its comparisons are due."""
    key = {"experiment_id": record.experiment_id}
    _delete(connection, (*_TABLES_OF_MANIFEST, "bookkeeping.comparison_seen"), "experiment_id", [record.experiment_id])
    insert_rows(connection, "bookkeeping.experiment_seen", [{**key, "stamp": record.stamp, "stale": True}])
    insert_rows(connection, "quarantine", [{**key, **part._asdict()} for part in record.bad])
    manifest = record.manifest
    if manifest is None:
        return
    about = {
        "name": manifest.name,
        "created": utc(manifest.created.timestamp()),
        "margin": manifest.spec.margin,
        "seeds": list(manifest.spec.seeds),
        "encoder": manifest.spec.encoder.name,
        "specification": manifest.spec.model_dump_json(),
        "notes": list(manifest.notes),
    }
    insert_rows(connection, "experiment", [{**key, **about}])
    tasks = [
        {
            "position": position,
            "task": task.name,
            "label_column": task.column,
            "classes": list(task.classes),
            "weight": task.weight,
            "class_counts": json.dumps(task.class_counts),
        }
        for position, task in enumerate(manifest.tasks)
    ]
    insert_rows(connection, "task", [{**key, **task} for task in tasks])
    insert_rows(connection, "experiment_run", [{**key, **run.model_dump()} for run in manifest.runs])
    examples = record.examples
    _insert(connection, "example", examples.append_column("experiment_id", pa.repeat(record.experiment_id, len(examples))))


def stale_experiments(connection: Connection) -> list[str]:
    """Experiments whose comparisons are due."""
    rows = connection.execute("SELECT experiment_id FROM bookkeeping.experiment_seen WHERE stale ORDER BY ALL").fetchall()
    return [experiment_id for (experiment_id,) in rows]


def set_fresh(connection: Connection, experiment_id: str) -> None:
    """Remember that an experiment's comparisons are up to date."""
    connection.execute("UPDATE bookkeeping.experiment_seen SET stale = false WHERE experiment_id = ?", [experiment_id])


def snapshot(connection: Connection) -> str | None:
    """Name of the snapshot that shows what the database holds now; None where it has changed since."""
    return connection.execute("SELECT max(snapshot) FROM store_info").fetchall()[0][0]


def set_snapshot(connection: Connection, name: str | None) -> None:
    """Remember which snapshot shows the present content."""
    connection.execute("UPDATE store_info SET snapshot = ?", [name])


def insert_rows(connection: Connection, table: str, rows: Sequence[dict[str, object]]) -> None:
    """Append rows given as column -> value; columns that are left out are NULL."""
    if rows:
        _insert(connection, table, pa.Table.from_pylist(rows))


def _insert(connection: Connection, table: str, rows: pa.Table) -> None:
    with _incoming(connection, rows):
        connection.execute(f"INSERT INTO {table} BY NAME FROM incoming")


@contextmanager
def _incoming(connection: Connection, rows: pa.Table) -> Generator[None]:
    """Let SQL see an Arrow table as `incoming`."""
    connection.register("incoming", rows)
    try:
        yield
    finally:
        connection.unregister("incoming")


def _updates() -> str:
    """What a run's newer row changes: everything but its key, and no progress that its new events do not speak of."""
    names = [name for name in _RUN_ROW.names if name != "run_id"]
    return ", ".join(
        f"{name} = coalesce(excluded.{name}, run.{name})" if name in _KEPT_WHERE_SILENT else f"{name} = excluded.{name}"
        for name in names
    )


def _joined(tables: Iterable[tuple[str, pa.Table]]) -> pa.Table:
    """The tables of several runs one below the other, with the runs' ids."""
    return pa.concat_tables([table.append_column("run_id", pa.repeat(run_id, len(table))) for run_id, table in tables])


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


def _mtlens_version() -> str:
    try:
        return metadata.version("mtlens")
    except metadata.PackageNotFoundError:
        return "not installed"
