import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mtlens.errors import QueryError, WorkspaceError
from mtlens.store.database import reader
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.refused_queries import ATTACKS

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace.open(tmp_path_factory.mktemp("read") / "results")
    fake_runs.finish_all(workspace, fake_runs.fake_experiment(seeds=(0,)))
    ingest(workspace)
    return workspace


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT 1 AS a", [(1,)]),
        ("select 1;", [(1,)]),
        ("-- a comment\nSELECT 1 /* another; */ ; -- the end", [(1,)]),
        ("FROM range(2)", [(0,), (1,)]),
        ("VALUES (1, 'a')", [(1, "a")]),
        ("WITH x AS (SELECT 2) FROM x", [(2,)]),
        ("(SELECT 1)", [(1,)]),
        ("SELECT count(*) FROM run", [(3,)]),
        ("SELECT 'a; b'", [("a; b",)]),
        ("PIVOT (SELECT 'x' AS k, 1 AS v) ON k USING sum(v)", [(1,)]),
        ("FROM (PIVOT (SELECT 'x' AS k, 1 AS v) ON k USING sum(v))", [(1,)]),
        ("SELECT name FROM (SHOW TABLES) WHERE name = 'run'", [("run",)]),
        ("SELECT current_setting('TimeZone')", [("UTC",)]),
    ],
)
def test_questions_are_answered(workspace: Workspace, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert reader.query(workspace, sql).rows == rows


@pytest.mark.parametrize(
    "sql",
    [
        "DESCRIBE run",
        "SHOW TABLES",
        "SUMMARIZE run",
        "EXPLAIN SELECT 1",
        "/* x */ explain analyze SELECT 1",
        "EXPLAIN (ANALYZE, FORMAT json) SELECT 1",
        "EXPLAIN (SELECT 1)",
        "FROM runs",
        "FROM matching",
    ],
)
def test_what_describes_is_answered_too(workspace: Workspace, sql: str) -> None:
    assert len(reader.query(workspace, sql).rows) > 0


def test_columns_have_their_names(workspace: Workspace) -> None:
    assert reader.query(workspace, "SELECT 1 AS a, 'x' AS b WHERE false") == reader.Result(columns=("a", "b"), rows=[])


def test_parameters_are_values(workspace: Workspace) -> None:
    assert reader.query(workspace, "SELECT ?", ["'; DROP TABLE run"]).rows == [("'; DROP TABLE run",)]
    assert reader.query(workspace, "SELECT $a + $b", {"a": 1, "b": 2}).rows == [(3,)]


@pytest.mark.parametrize("sql", ATTACKS)
def test_everything_else_is_refused_with_a_reason(workspace: Workspace, tmp_path: Path, sql: str) -> None:
    secret_frame = [1]
    before = reader.snapshot_path(workspace).read_bytes()
    with pytest.raises(QueryError) as raised:
        reader.query(workspace, sql.format(out=tmp_path / "out"))
    assert str(raised.value).strip()
    assert len(str(raised.value).splitlines()) <= 8  # the reason, what DuckDB proposes instead, and the place
    assert "Traceback" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
    assert reader.snapshot_path(workspace).read_bytes() == before
    assert secret_frame == [1]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1; SELECT 2", "a query should be one statement; found 2"),
        ("", "a query should be one statement; found 0"),
        ("DROP TABLE run", r"a query should be SELECT, .* or EXPLAIN; found DROP"),
        ("EXPLAIN ANALYZE DELETE FROM run", r"a query should be SELECT, .* or EXPLAIN; found DELETE"),
        ("SELECT '\ud800'", "a query should be Unicode text; found half a character at position 8"),
        ("SELECT x FROM run", 'Binder Error: Referenced column "x" not found'),
        ("FROM read_text('/etc/passwd')", "Permission Error"),
    ],
)
def test_the_reason_is_told(workspace: Workspace, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        reader.query(workspace, sql)


def test_a_huge_query_is_answered_or_refused_but_not_fatal(workspace: Workspace) -> None:
    assert reader.query(workspace, f"SELECT length('{'x' * 2_000_000}')").rows == [(2_000_000,)]
    with pytest.raises(QueryError):
        reader.query(workspace, "SELECT " + "(" * 50_000 + "1" + ")" * 50_000)


def test_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    with pytest.raises(WorkspaceError, match="nothing here yet: run `mtlens run EXPERIMENT` first"):
        reader.query(workspace, "SELECT 1")


def test_a_snapshot_that_is_gone_is_named(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    ingest(workspace)
    reader.snapshot_path(workspace).unlink()
    with pytest.raises(WorkspaceError, match="should name a snapshot that exists: run `mtlens ingest`"):
        reader.query(workspace, "SELECT 1")


def test_a_damaged_snapshot_is_named(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    ingest(workspace)
    reader.snapshot_path(workspace).write_bytes(b"no database" * 1000)
    with pytest.raises(WorkspaceError, match=r"not a valid DuckDB database file!; `mtlens ingest --rebuild` makes it anew"):
        reader.query(workspace, "SELECT 1")


def test_a_snapshot_that_was_pruned_meanwhile_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.open(tmp_path)
    ingest(workspace)
    newest = reader.snapshot_path(workspace)
    paths = iter([workspace.store / "snapshot-pruned.duckdb", newest])

    def find(_: Workspace) -> Path:
        return next(paths)

    monkeypatch.setattr(reader, "snapshot_path", find)
    assert reader.query(workspace, "SELECT 1").rows == [(1,)]


def test_the_path_is_the_snapshot_and_not_the_pointer(workspace: Workspace) -> None:
    path = reader.snapshot_path(workspace)
    assert path.name.startswith("snapshot-")
    assert path == Path(os.path.realpath(workspace.pointer))


def test_new_snapshots_are_seen_beside_an_open_connection(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    ingest(workspace)
    with closing(reader.connect(reader.snapshot_path(workspace))) as old:
        fake_runs.finish(workspace, fake_runs.fake_experiment().runs[0])
        ingest(workspace, force=True)
        assert reader.query(workspace, "SELECT count(*) FROM run").rows == [(1,)]
        assert old.execute("SELECT count(*) FROM run").fetchall() == [(0,)]


def test_reading_imports_nothing_heavy(workspace: Workspace) -> None:
    script = """
import sys
from pathlib import Path
from mtlens.store.database import reader
from mtlens.store.workspace.workspace import Workspace
reader.query(Workspace.open(Path(sys.argv[1]), create=False), "FROM matching")
print(sorted({name.partition(".")[0] for name in sys.modules} & set("numpy pandas pyarrow pydantic scipy torch ray".split())))
"""
    command = [sys.executable, "-c", script, str(workspace.root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout == "[]\n"


def test_a_user_of_duckdb_can_open_the_pointer(workspace: Workspace) -> None:
    script = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).sql('SELECT count(*) FROM run').fetchall())"
    command = [sys.executable, "-c", script, str(workspace.pointer)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout == "[(3,)]\n"
