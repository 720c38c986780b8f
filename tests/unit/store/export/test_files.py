"""Folders of CSV and Parquet files, read back by pandas and pyarrow."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.database.reader import query
from mtlens.store.export.files import PUBLIC, write_tables


@pytest.fixture(scope="module")
def workspace(stores):
    return stores["full"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_every_public_table_is_a_file_with_all_rows(workspace, tmp_path, format):
    assert write_tables(workspace, tmp_path / "out", format) == (len(PUBLIC), 0)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{name}.{format}" for name in PUBLIC}
    for name in ("matching", "runs", "prediction", "learning_curves"):
        path = tmp_path / "out" / f"{name}.{format}"
        frame = pd.read_csv(path) if format == "csv" else pd.read_parquet(path)
        result = query(workspace, f"SELECT * FROM {name} ORDER BY ALL")
        assert list(frame.columns) == list(result.columns)
        assert len(frame) == len(result.rows)


def test_lists_are_lists_in_parquet_and_json_in_csv(workspace, tmp_path):
    write_tables(workspace, tmp_path, "csv")
    write_tables(workspace, tmp_path, "parquet")
    ((expected,),) = query(workspace, "SELECT classes FROM task ORDER BY ALL LIMIT 1").rows
    assert json.loads(pd.read_csv(tmp_path / "task.csv")["classes"].min()) == list(expected)
    assert min(pq.read_table(tmp_path / "task.parquet")["classes"].to_pylist()) == list(expected)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_only_what_has_changed_is_written_again(workspace, tmp_path, format):
    write_tables(workspace, tmp_path, format)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    (tmp_path / f"task.{format}").write_text("old")
    assert write_tables(workspace, tmp_path, format) == (1, len(PUBLIC) - 1)
    changed = [path.name for path in tmp_path.iterdir() if path.stat().st_mtime_ns != times[path.name]]
    assert changed == [f"task.{format}"]


def test_a_folder_that_cannot_be_written_is_one_line(workspace, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="file"):
        write_tables(workspace, tmp_path / "file", "csv")
