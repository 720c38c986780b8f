"""Untrusted SQL: what only reads is answered, everything else ends in one line, and nothing outlives its limits."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mtlens.errors import QueryError, WorkspaceError
from mtlens.store.database import reader, sandbox
from mtlens.store.database.sandbox import Limits
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.refused_queries import ATTACKS

ROOT = Path(__file__).parents[4]
ENDLESS = "WITH RECURSIVE endless(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM endless) SELECT count(*) FROM endless"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace.open(tmp_path_factory.mktemp("sandbox") / "results")
    fake_runs.finish_all(workspace, fake_runs.fake_experiment(seeds=(0,)))
    ingest(workspace)
    return workspace


def test_an_answer_has_names_types_and_rows(workspace: Workspace) -> None:
    answer = sandbox.query(workspace, "SELECT 1 AS a, 'é\n\"' AS b, NULL::DATE AS c UNION ALL SELECT 2, '', NULL ORDER BY a")
    assert answer.columns == ("a", "b", "c")
    assert answer.types == ("INTEGER", "VARCHAR", "DATE")
    assert answer.rows == [(1, 'é\n"', None), (2, "", None)]
    assert not answer.truncated
    assert answer.snapshot == reader.snapshot_path(workspace).name


@pytest.mark.parametrize(
    "sql",
    ["FROM runs", "FROM matching", "DESCRIBE run", "EXPLAIN SELECT 1", "PIVOT run ON state USING count(*)", "SHOW TABLES"],
)
def test_what_only_reads_is_answered_as_without_a_sandbox(workspace: Workspace, sql: str) -> None:
    expected = reader.query(workspace, sql)
    answer = sandbox.query(workspace, sql)
    assert answer.columns == expected.columns
    assert len(answer.rows) == len(expected.rows) > 0


def test_values_that_json_lacks_are_text(workspace: Workspace) -> None:
    sql = "SELECT DATE '2030-01-02', 1.50::DECIMAL(5, 2), [1.5e0, NULL], {'a': DATE '2030-01-02'}, MAP {1: 2}, 'x'::BLOB"
    (row,) = sandbox.query(workspace, sql).rows
    assert row == ("2030-01-02", "1.50", [1.5, None], {"a": "2030-01-02"}, {"1": 2}, "b'x'")


def test_numbers_that_are_none_arrive(workspace: Workspace) -> None:
    ((nan, infinity),) = sandbox.query(workspace, "SELECT 'nan'::DOUBLE, 'inf'::DOUBLE").rows
    assert nan != nan
    assert infinity == float("inf")


@pytest.mark.parametrize(
    ("rows", "found", "truncated"), [(0, 5000, False), (1, 1, True), (4999, 4999, True), (5000, 5000, False)]
)
def test_rows_are_capped(workspace: Workspace, rows: int, found: int, truncated: bool) -> None:
    answer = sandbox.query(workspace, "SELECT range FROM range(5000)", Limits(rows=rows))
    assert answer.rows == [(number,) for number in range(found)]
    assert answer.truncated is truncated


@pytest.mark.parametrize("sql", ATTACKS)
def test_attacks_end_with_a_reason(workspace: Workspace, tmp_path: Path, sql: str) -> None:
    before = reader.snapshot_path(workspace).read_bytes()
    with pytest.raises(QueryError) as raised:
        sandbox.query(workspace, sql.format(out=tmp_path / "out"))
    assert str(raised.value).strip()
    assert len(str(raised.value).splitlines()) <= 8  # the reason, what DuckDB proposes instead, and the place
    assert "Traceback" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
    assert reader.snapshot_path(workspace).read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(ENDLESS, id="endless recursion"),
        pytest.param("SELECT count(*) FROM range(10000000000) a, range(100000) b WHERE hash(a, b) = 1", id="cross join"),
        pytest.param("SELECT sum(hash(range)) FROM range(1000000000000)", id="long scan"),
    ],
)
def test_an_endless_query_is_killed(workspace: Workspace, sql: str) -> None:
    began = time.monotonic()
    with pytest.raises(QueryError, match=r"the query was stopped after 1\.5 s; ask for less, or allow more time"):
        sandbox.query(workspace, sql, Limits(seconds=1.5))
    assert time.monotonic() - began < 30  # a kill that never comes would hang; a loaded machine may be slow


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("SELECT list(range) FROM range(10000000000)", id="list"),
        pytest.param("SELECT string_agg(repeat('x', 1000000)) FROM range(1000000)", id="text"),
        pytest.param("SELECT length(repeat('x', 4000000000))", id="one huge string"),
        pytest.param("FROM range(1000000000) ORDER BY random()", id="sort"),
    ],
)
def test_a_memory_bomb_is_defused(workspace: Workspace, sql: str) -> None:
    with pytest.raises(QueryError, match=r"(?i)memory|MiB"):
        sandbox.query(workspace, sql, Limits(seconds=60, memory_bytes=512 * sandbox.MEBIBYTE))


def test_an_answer_that_is_too_large_is_refused(workspace: Workspace) -> None:
    limits = Limits(answer_bytes=100_000)
    for sql in ("SELECT repeat('x', 1000) FROM range(1000)", "SELECT repeat('x', 10000000)"):
        with pytest.raises(QueryError, match="the answer is too large to hand over"):
            sandbox.query(workspace, sql, limits)


def test_a_huge_query_is_answered_or_refused(workspace: Workspace) -> None:
    assert sandbox.query(workspace, f"SELECT length('{'x' * 2_000_000}')").rows == [(2_000_000,)]
    with pytest.raises(QueryError):
        sandbox.query(workspace, "SELECT " + "(" * 50_000 + "1" + ")" * 50_000)


def test_nothing_of_this_process_reaches_the_query(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTLENS_TEST_SECRET", "secret")
    program = "import os, sys, json; print(json.dumps([dict(os.environ), os.getcwd(), sys.flags.isolated]))"
    monkeypatch.setattr(sandbox, "_CHILD", [sys.executable, "-I", "-c", program])
    with sandbox._process(30) as (process, _):
        printed, _ = process.communicate()
    assert b"secret" not in printed
    assert printed.endswith(b', "/", 1]\n')


def test_a_child_that_dies_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_CHILD", [sys.executable, "-I", "-c", "import os; os.abort()"])
    with pytest.raises(QueryError, match="it broke its process, as one does that needs more than 2048 MiB"):
        sandbox.query(workspace, "SELECT 1")


def test_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="nothing here yet: run `mtlens run EXPERIMENT` first"):
        sandbox.query(Workspace.open(tmp_path), "SELECT 1")


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"memory_bytes": 0}, {"answer_bytes": -1}, {"rows": -1}])
def test_limits_are_limits(wrong: dict[str, int]) -> None:
    with pytest.raises(QueryError, match="limits of a query should be above 0"):
        Limits(**wrong)


def test_asking_imports_nothing_heavy(workspace: Workspace) -> None:
    script = """
import sys
from pathlib import Path
from mtlens.store.database import sandbox
from mtlens.store.workspace.workspace import Workspace
sandbox.query(Workspace.open(Path(sys.argv[1]), create=False), "FROM matching")
print(sorted({name.partition(".")[0] for name in sys.modules} & set("duckdb numpy pandas pyarrow pydantic torch ray".split())))
"""
    command = [sys.executable, "-c", script, str(workspace.root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout == "[]\n"


def test_no_child_is_left_behind(workspace: Workspace) -> None:
    before = set(psutil.Process().children(recursive=True))  # of other tests in this process
    with pytest.raises(QueryError):
        sandbox.query(workspace, ENDLESS, Limits(seconds=1))
    assert set(psutil.Process().children(recursive=True)) <= before
