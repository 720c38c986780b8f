"""Spreadsheets, JSON documents, Arrow and Parquet files give the same cells as text files."""

import datetime
import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest

from mtlens.data.formats import parquet
from mtlens.data.records import read_records
from mtlens.errors import DataError


def read(path):
    return read_records(path, path.name, None)


ROWS = [{"text": "a, b", "lab": 1}, {"text": "Größe", "lab": 0}, {"text": None, "lab": None}]


@pytest.mark.parametrize("content", [ROWS, {"version": 2, "data": ROWS}])
def test_a_json_document_is_a_list_of_objects(tmp_path, content):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(content))
    assert read(path).cells == {"text": ["a, b", "Größe", None], "lab": ["1", "0", None]}
    assert read(path).where(1) == "t.json: row 2"


def test_a_json_file_of_lines_is_read_as_such(tmp_path):
    (tmp_path / "t.json").write_text("\n".join(map(json.dumps, ROWS)))
    assert read(tmp_path / "t.json").cells["lab"] == ["1", "0", None]


COLUMNS = {"text": ["a, b", "Größe", None], "lab": ["1", "0", None]}


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ([list(row.values()) for row in ROWS], {"column_1": COLUMNS["text"], "column_2": COLUMNS["lab"]}),
        ({key: [row[key] for row in ROWS] for key in ROWS[0]}, COLUMNS),
        ({key: {str(i): row[key] for i, row in enumerate(ROWS)} for key in ROWS[0]}, COLUMNS),  # as pandas writes it
        ({"rasa": {"version": 1, "examples": ROWS, "synonyms": []}}, COLUMNS),
        ({"train": ROWS[:2], "oos_test": ROWS[2:], "sizes": [2, 1]}, {**COLUMNS, "split": ["train", "train", "test"]}),
        (
            {"val": [["a, b", "1"]], "test": [["Größe", "0"]]},
            {"column_1": COLUMNS["text"][:2], "column_2": ["1", "0"], "split": ["validation", "test"]},
        ),
        ({"hello": ROWS[:1], "bye": ROWS[1:]}, {**COLUMNS, "list": ["hello", "bye", "bye"]}),
        (
            {"hello": ["hi", "good day"], "bye": ["so long"]},
            {"text": ["hi", "good day", "so long"], "list": ["hello"] * 2 + ["bye"]},
        ),
        (
            [["Ann is here", {"entities": [[0, 3, "PER"]]}], ["so", {"entities": []}]],
            {"column_1": ["Ann is here", "so"], "entities": ['[[0, 3, "PER"]]', "[]"]},
        ),
    ],
)
def test_a_json_document_may_hold_a_table_in_other_ways(tmp_path, content, cells):
    (tmp_path / "t.json").write_text(json.dumps(content))
    assert read(tmp_path / "t.json").cells == cells


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("3", "found int"),
        ('{"a": [], "b": []}', "found an object with the keys 'a', 'b'"),
        ("[1]", "found a list of int"),
        ('[{"text": "a"}, "b"]', "found a list of dict and str"),
        ("[[1, 2], [3]]", "found a list of list"),
        ("{", "column 2"),
    ],
)
def test_other_json_is_refused(tmp_path, content, found):
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(DataError, match=rf"t\.json: .*{found}"):
        read(tmp_path / "t.json")


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_files_are_read(tmp_path, stream):
    table = pa.Table.from_pylist(ROWS)
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(str(tmp_path / "t.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert read(tmp_path / "t.arrow").cells == {"text": ["a, b", "Größe", None], "lab": ["1", "0", None]}


def test_spreadsheets_are_read_with_whole_numbers_as_they_look(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    for row in [("text", "lab", "seen"), ("a, b", 1, datetime.date(2024, 5, 6)), ("Größe", 0.5, None), ("c", True, "x")]:
        book.active.append(row)
    book.create_sheet("Other").append(("x",))
    book.save(tmp_path / "t.xlsx")
    records = read(tmp_path / "t.xlsx")
    assert records.cells["text"] == ["a, b", "Größe", "c"]
    assert records.cells["lab"] == ["1", "0.5", "true"]
    assert records.cells["seen"][0].startswith("2024-05-06")
    assert records.notes == ("t.xlsx: sheet 'Notes' is read, the first of 2 with rows",)


def test_a_small_file_that_decodes_to_very_much_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_DECODED", 1_000_000)
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array(["x" * 1000]))
    pa.parquet.write_table(pa.table({"note": texts, "grade": ["a"] * 3000}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 10_000
    with pytest.raises(DataError, match=r"t\.parquet: columns \['note', 'grade'\] should decode to at most .* GB of text"):
        read(tmp_path / "t.parquet")
    assert read_records(tmp_path / "t.parquet", "t", frozenset({"grade"})).cells["grade"][:2] == ["a", "a"]


def test_times_are_read_as_text_and_those_of_no_calendar_refused(tmp_path):
    good = pa.table({"at": pa.array([0, 1_000_000], pa.timestamp("us")), "time": pa.array([0, 1], pa.time64("us"))})
    pa.parquet.write_table(good, tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").cells["at"][1].startswith("1970-01-01 00:00:01")
    for kind in (pa.timestamp("us"), pa.time64("us")):
        pa.parquet.write_table(pa.table({"at": pa.array([2**62], kind)}), tmp_path / "t.parquet")
        with pytest.raises(DataError, match=r"t\.parquet: row 1: column 'at' should hold text, numbers or times"):
            read(tmp_path / "t.parquet")
