"""The database is what the row classes declare, and every column in it says what it holds."""

import duckdb
import pytest

from mtlens.store.columns import arrow_schema
from mtlens.store.database import writer
from mtlens.store.tables import TABLES, VIEWS
from mtlens.store.workspace import evidence_tables, run_tables
from tests.support.database_template import make_anew

COLUMNS = """
    SELECT column_name, data_type, comment FROM duckdb_columns()
    WHERE concat_ws('.', nullif(schema_name, 'main'), table_name) = ? ORDER BY column_index
"""
NAMES = """
    SELECT concat_ws('.', nullif(schema_name, 'main'), table_name), comment FROM duckdb_tables()
    UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal
"""
KEYS = """
    SELECT table_name, constraint_column_names FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' ORDER BY ALL
"""


EVERYTHING = """
    SELECT schema_name, table_name AS name, comment, sql FROM duckdb_tables() WHERE database_name = current_database()
    UNION ALL SELECT schema_name, view_name, comment, sql FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT schema_name, concat_ws('.', table_name, column_name), comment, data_type FROM duckdb_columns()
        WHERE database_name = current_database() AND NOT internal
    ORDER BY ALL
"""


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        writer.create(connection)
        yield connection


@pytest.mark.parametrize("entry", [*TABLES, *VIEWS], ids=lambda entry: entry.name)
def test_columns_are_those_of_the_row_class_and_described(entry, connection):
    declared = [(column.name, column.type, column.column and column.column.comment) for column in entry.columns]
    assert connection.execute(COLUMNS, [entry.name]).fetchall() == declared
    assert [name for name, _, comment in declared if not comment] == []


def test_every_table_and_view_is_declared_and_described(connection):
    described = dict(connection.execute(NAMES).fetchall())
    assert described == {entry.name: entry.comment for entry in (*TABLES, *VIEWS)}
    assert all(described.values())


def test_the_copies_that_tests_work_with_are_what_the_writer_makes(connection):
    with duckdb.connect() as anew:
        make_anew(anew)
        assert anew.execute(EVERYTHING).fetchall() == connection.execute(EVERYTHING).fetchall()
        assert anew.execute("FROM run_kind").fetchall() == connection.execute("FROM run_kind").fetchall()


def test_a_view_takes_the_comment_of_a_table_unless_it_has_its_own(connection):
    comments = {
        entry.name: {row[0]: row[2] for row in connection.execute(COLUMNS, [entry.name]).fetchall()} for entry in TABLES
    }
    matching = {row[0]: row[2] for row in connection.execute(COLUMNS, ["matching"]).fetchall()}
    verdict = "matches, better, worse, inconclusive or not learnt (by neither kind of models)"
    assert matching["verdict"] == comments["comparison"]["verdict"] == verdict
    assert matching["task"] == "Task; NULL where pooled" != comments["comparison"]["task"]


def test_the_keys_are_those_of_runs_and_experiments(connection):
    assert connection.execute(KEYS).fetchall() == [("experiment", ["experiment_id"]), ("run", ["run_id"])]


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        (run_tables.MetricRow, "split task name class: string, value: double"),
        (
            run_tables.PredictionRow,
            (
                "split task example_id: string, label predicted: int16, probabilities: list<item: float>, "
                "true_labels predicted_labels: list<item: int16>, true_number predicted_number: double, "
                "true_spans predicted_spans: list<item: int32>"
            ),
        ),
        (run_tables.ExampleRow, "example_id split: string, fold cluster: int32"),
        (
            evidence_tables.CkaRow,
            (
                "role_a task_a: string, seed_a layer_a: int64, role_b task_b: string, seed_b layer_b: int64, "
                "pooling features estimator: string, value low high: double, examples: int64, reason: string"
            ),
        ),
        (
            evidence_tables.GradientRow,
            (
                "setting: string, seed: int64, stage: string, epoch layer: int64, parameters task_a task_b: string, "
                "inner norm_a norm_b naive debiased standard_error split_half ceiling permuted: double, "
                "conflict_rate magnitude_similarity: double, "
                "microbatches: int64, reason: string"
            ),
        ),
        (
            evidence_tables.LookaheadRow,
            "seed epoch: int64, task_from task_for: string, lookahead first_order: double, microbatches: int64",
        ),
        (
            evidence_tables.LinearisedRow,
            "seed: int64, task_from task_for: string, affinity: double, training_examples validation_examples: int64",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_files_of_finished_jobs_keep_their_columns(row, columns):
    """Workspaces hold these files for years."""
    expected = [
        (name, type_) for group in columns.split(", ") for names, _, type_ in [group.partition(": ")] for name in names.split()
    ]
    assert [(column.name, str(column.type)) for column in arrow_schema(row)] == expected
