"""The master database: how it is made, opened and changed. Only the writer opens it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

import duckdb
import pyarrow as pa

from mtlens.config.hashing import content_hash
from mtlens.config.run_kinds import RUN_KINDS
from mtlens.store.columns import arrow_table
from mtlens.store.tables import TABLE_OF, TABLES, VIEWS
from mtlens.store.tables.experiments import RunKindRow, StoreInfoRow

SCHEMA_VERSION = 9
"""Increases with each release whose database an older mtlens must not replace."""

_SQL = Path(__file__).with_name("sql")

Connection = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error


def connect(path: Path | None) -> Connection:
    """Open for writing; None: a database in memory. One thread: the cores belong to the trainings beside the writer."""
    return duckdb.connect(":memory:" if path is None else str(path), config={"threads": 1})


def create(connection: Connection) -> None:
    """Make tables, views and their descriptions."""
    with transaction(connection):
        connection.execute(_definition())
        info = StoreInfoRow(
            schema_version=SCHEMA_VERSION,
            created=datetime.now(UTC).replace(tzinfo=None),
            definition=content_hash(_definition()),
            mtlens_version=_mtlens_version(),
        )
        insert_rows(connection, [info])
        insert_rows(connection, run_kinds())


@cache
def _definition() -> str:
    """The statements that make and describe all tables and views."""
    views = (path.read_text(encoding="utf-8") for path in sorted(_SQL.glob("*.sql")))
    return "\n".join([*(table.create for table in TABLES), *views, *(view.comments for view in VIEWS)])


def run_kinds() -> list[RunKindRow]:
    """Rows of table `run_kind`: the registered kinds in their order."""
    return [
        RunKindRow(
            position=position,
            name=kind.name,
            label=kind.label,
            description=kind.description,
            asked_by=kind.asked_by,
            arm=kind.arm,
            title=kind.title,
            colour=kind.colour,
            compared=kind.compared,
            control=kind.control,
        )
        for position, kind in enumerate(RUN_KINDS.values())
    ]


def schema_version(connection: Connection) -> int:
    """Version of the tables in an existing database; `duckdb.Error` where it is not one of mtlens."""
    (version,) = connection.execute("SELECT max(schema_version) FROM store_info").fetchall()[0]
    return version or 0


def is_current(connection: Connection) -> bool:
    """Whether tables and views are those of this version; `duckdb.Error` where the database does not tell."""
    stored = connection.execute("SELECT schema_version, definition FROM store_info").fetchall()
    return stored == [(SCHEMA_VERSION, content_hash(_definition()))]


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


def snapshot(connection: Connection) -> str | None:
    """Name of the snapshot with the present content of the database; None where the content has changed since."""
    return connection.execute("SELECT max(snapshot) FROM store_info").fetchall()[0][0]


def set_snapshot(connection: Connection, name: str | None) -> None:
    """Store the name of the snapshot with the present content."""
    connection.execute("UPDATE store_info SET snapshot = ?", [name])


def insert(connection: Connection, table: str, rows: pa.Table) -> None:
    """Append the rows of an Arrow table, whose columns are matched by name."""
    with incoming(connection, rows):
        connection.execute(f"INSERT INTO {table} BY NAME FROM incoming")


def insert_rows(connection: Connection, rows: Sequence[object]) -> None:
    """Append instances of one row class to its table."""
    if rows:
        row = type(rows[0])
        insert(connection, TABLE_OF[row], arrow_table(row, rows))


@contextmanager
def incoming(connection: Connection, rows: pa.Table) -> Generator[None]:
    """Let SQL see an Arrow table as `incoming`."""
    connection.register("incoming", rows)
    try:
        yield
    finally:
        connection.unregister("incoming")


def _mtlens_version() -> str:
    try:
        return metadata.version("mtlens")
    except metadata.PackageNotFoundError:
        return "not installed"
