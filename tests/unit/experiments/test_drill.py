"""The comparison that fault tests and the drill rest on finds what is lost, doubled or changed."""

import duckdb
import pytest

from experiments.cluster.drill import EXPLAINED, GROUPED, TRAINED, differences, markers
from mtlens.store.database.reader import snapshot_path
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

FAKE = fake_runs.fake_experiment("drilled", seeds=(0,))


@pytest.fixture
def workspaces(tmp_path):
    one, other = (Workspace.open(tmp_path / name) for name in ("one", "other"))
    fake_runs.finish_all(one, FAKE)
    fake_runs.finish_all(other, FAKE, right=0.8)
    return one, other


def only(found):
    return {table: tuple(counts) for table, (_, *counts) in found.items() if any(counts)}


def test_equal_results_do_not_differ(workspaces):
    found = differences(*workspaces, TRAINED)
    assert only(found) == {}
    assert found["prediction"][0] == 4 * 40
    assert found["run"][0] == 3


def test_a_lost_a_doubled_and_a_changed_row_are_found(workspaces):
    one, other = workspaces
    differences(one, other, TRAINED)
    with duckdb.connect(str(snapshot_path(other))) as connection:
        connection.execute("DELETE FROM metric WHERE rowid = 0")
        connection.execute("INSERT INTO prediction FROM prediction LIMIT 1")
        connection.execute("UPDATE comparison SET verdict = 'worse' WHERE task IS NULL")
    assert only(differences(one, other, TRAINED)) == {"metric": (1, 0), "prediction": (0, 1), "comparison": (1, 1)}


def test_every_table_of_results_is_compared(workspaces):
    one, other = workspaces
    compared = TRAINED | EXPLAINED | GROUPED
    assert only(differences(one, other, compared)) == {}
    with duckdb.connect(str(snapshot_path(one)), read_only=True) as connection:
        sql = "SELECT if(schema_name = 'main', '', schema_name || '.') || table_name, schema_name FROM duckdb_tables()"
        tables = {name for name, schema in connection.execute(sql).fetchall() if schema in ("main", "summary")}
    assert tables - compared.keys() == {"event", "experiment", "quarantine", "run_kind", "store_info"}


def test_markers_are_those_of_finished_runs(workspaces):
    one, _ = workspaces
    before = markers(one)
    assert len(before) == 3
    (one.runs / FAKE.runs[0].run_id / "DONE").touch()
    assert len(before.items() & markers(one).items()) == 2
