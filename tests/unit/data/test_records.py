import csv
import json

import pandas
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlens.data.formats import Form
from mtlens.data.records import read_records
from mtlens.errors import DataError

WANTED = frozenset({"text", "disc"})
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def read(path, **form):
    return read_records(path, path.name, WANTED, Form(**form))


def write(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8", newline="")
    return path


def test_all_four_kinds_give_the_same_cells(tmp_path):
    rows = [{"text": "Disc bulge, L4-5", "disc": "1", "other": "x"}, {"text": "Bandscheibe\tlinks ü", "disc": "2", "other": ""}]
    for suffix, separator in ((".csv", ","), (".tsv", "\t")):
        with (tmp_path / f"t{suffix}").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0], delimiter=separator)
            writer.writeheader()
            writer.writerows(rows)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    write(tmp_path / "t.jsonl", "\n".join(json.dumps(row) for row in rows) + "\n")
    for suffix in (".csv", ".tsv", ".parquet", ".jsonl"):
        records = read(tmp_path / f"t{suffix}")
        assert records.cells == {"text": [row["text"] for row in rows], "disc": ["1", "2"]}
        assert records.columns == ("text", "disc", "other")
    assert read(tmp_path / "t.csv").where(1) == "t.csv:3"
    assert read(tmp_path / "t.jsonl").where(1) == "t.jsonl:2"
    assert read(tmp_path / "t.parquet").where(1) == "t.parquet: row 2"


@given(rows=st.lists(st.tuples(CELLS.filter(bool), CELLS), min_size=1, max_size=5))
@settings(deadline=None)
def test_whatever_the_csv_module_writes_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "disc"), *rows])
    records = read(path, quoting="standard", delimiter=",")
    assert list(zip(records.cells["text"], records.cells["disc"], strict=True)) == rows


@given(values=st.lists(CELLS | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False), min_size=1, max_size=5))
@settings(deadline=None)
def test_json_scalars_become_text(tmp_path_factory, values):
    path = write(tmp_path_factory.mktemp("jsonl") / "t.jsonl", "\n".join(json.dumps({"disc": value}) for value in values))
    for value, cell in zip(values, read(path).cells["disc"], strict=True):
        assert cell == (None if value is None else str(value).lower() if isinstance(value, bool) else str(value))


def test_lines_are_those_where_a_row_starts(tmp_path):
    path = write(tmp_path / "t.csv", 'text,disc\r\n"one\r\ntwo\r\nthree",1\r\n\r\nfour,2\r\n"five\n",3\n')
    records = read(path)
    assert records.cells["text"] == ["one\r\ntwo\r\nthree", "four", "five\n"]
    assert records.lines.tolist() == [2, 6, 7]
    path = write(tmp_path / "t.jsonl", '\n{"text": "one"}\n\n{"text": "two"}')
    assert read(path).lines.tolist() == [2, 4]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    assert read(write(tmp_path / "t.csv", "\ufefftext,disc\na,1\n")).cells["text"] == ["a"]


def test_keys_that_a_json_object_lacks_are_null(tmp_path):
    path = write(tmp_path / "t.jsonl", '{"text": "a"}\n{"disc": 1.0}\n{"disc": null}')
    assert read(path).cells == {"text": ["a", None, None], "disc": [None, "1.0", None]}


def test_a_suffix_may_be_in_capitals(tmp_path):
    assert read(write(tmp_path / "T.CSV", "text\na\n")).cells == {"text": ["a"]}


def test_of_two_mistakes_the_first_is_told(tmp_path):
    (tmp_path / "t.csv").write_text('text,lab\na,1\nb\n"c,2\n')
    with pytest.raises(DataError, match=r"t\.csv:3: row should have 2 fields, as the header has; found 1"):
        read_records(tmp_path / "t.csv", "t.csv", None)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.docx", b"PK\x03\x04\0", r"t\.docx: a table should end in one of \.csv, \.tsv, .*, \.xlsx, .*; found '\.docx'"),
        ("t.xlsx", "x", r"t\.xlsx: table should be a sound spreadsheet; found: "),
        ("t.parquet.gz", b"\x1f\x8b", r"t\.parquet\.gz: a table should end in one of .*; found '\.gz'"),
        ("t.csv.gz", b"\x1f\x8bno", r"t\.csv\.gz: table should be a sound file; found: "),
        ("table", b"\0", "found 'no suffix'"),
        ("t.csv", "", r"t\.csv: table should hold rows; found an empty file"),
        ("t.csv", b"\xef\xbb\xbf\r\n", "found an empty file"),
        ("t.parquet", b"", "found an empty file"),
        ("t.csv", "text,disc\n", r"t\.csv: table should hold rows; found none below its header"),
        ("t.csv", "text,disc\na,1\nb\0,1\n", r"t\.csv:3: table should be text; found a NUL character"),
        ("t.csv", 'text,disc\n"a\nb",1\nc\n', r"t\.csv:4: row should have 2 fields, as the header has; found 1"),
        ("t.tsv", "text\tdisc\na\tb\tc\n", r"t\.tsv:2: row should have 2 fields, as the header has; found 3"),
        (
            "t.csv",
            'text,disc\na,1\n"b,1\nc, d,1\n',
            r"t\.csv:3: row should have its quotes closed .*; found: unexpected end of data",
        ),
        (
            "t.csv",
            'text,disc\n"b, d"c,1\n',
            r"t\.csv:2: row should have its quotes closed .* \(`quoting: none` reads quotes as text\)",
        ),
        ("t.csv", "text,disc\n" + "a" * 10_000_001 + ",1\n", r"t\.csv:2: row should .*; found: field larger than field limit"),
        ("t.csv", "text,disc,text\na,1,b\n", r"t\.csv: column 'text' should stand once; found it 2 times"),
        (
            "t.jsonl",
            '{"text": "a"}\n{"text": \n',
            r"t\.jsonl:2: line should be a JSON object; found: Expecting value at column 10",
        ),
        ("t.jsonl", "[1]", r"t\.jsonl:1: line should be a JSON object; found list"),
        ("t.jsonl", "[" * 100_000, r"t\.jsonl:1: line should be a JSON object; found: maximum recursion"),
        (
            "t.jsonl",
            '{"text": "a"}\n{"text": {"b": 1}}',
            r"t\.jsonl:2: column 'text' should hold text or numbers; found a dict",
        ),
        ("t.jsonl", '{"text": "\\ud800"}', r"t\.jsonl:1: column 'text' should hold text; found half of a surrogate pair"),
        ("t.parquet", b"PAR1 but not for long", r"t\.parquet: table should be a sound Parquet file; found: "),
    ],
)
def test_malformed_files_are_refused_with_their_line(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message) as error:
        read(write(tmp_path / name, content))
    assert "\n" not in str(error.value)


def test_an_absent_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"t\.csv: table should be a readable file; found: No such file or directory"):
        read(tmp_path / "t.csv")


def test_parquet_that_holds_no_text_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"], "disc": [{"x": 1}, {"x": 2}]}), path)
    with pytest.raises(DataError, match=r"t\.parquet: row 1: column 'disc' should hold text or numbers; found a dict"):
        read(path)
    broken = pyarrow.StringArray.from_buffers(1, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0"), pyarrow.py_buffer(b"\xff"))
    pyarrow.parquet.write_table(pyarrow.table({"text": broken}), path)
    with pytest.raises(DataError, match=r"t\.parquet: table should be a sound Parquet file; found: .*UTF8"):
        read(path)
    pyarrow.parquet.write_table(pyarrow.table([["a"], ["b"]], names=["text", "text"]), path)
    with pytest.raises(DataError, match="column 'text' should stand once; found it 2 times"):
        read(path)


def test_parquet_without_rows_is_refused(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="found none below its header"):
        read(tmp_path / "t.parquet")


def test_parquet_keeps_numbers_nulls_and_dotted_names(tmp_path):
    columns = {"text": ["a", None], "disc": pyarrow.array([1.0, float("nan")]), "text.raw": ["x", "y"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet").cells == {"text": ["a", None], "disc": ["1.0", "nan"]}
    dotted = read_records(tmp_path / "t.parquet", "t", frozenset({"text.raw"}))
    assert dotted.cells == {"text.raw": ["x", "y"]}


@pytest.mark.parametrize("store_schema", [True, False])
def test_a_small_parquet_file_that_decodes_to_much_is_refused_on_the_way(tmp_path, monkeypatch, store_schema):
    """One long text, kept once and meant 20,000 times: 4 GB, of which no more than the bound is ever decoded."""
    monkeypatch.setattr("mtlens.data.formats.parquet.MOST_DECODED", 50_000_000)
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 20_000, pyarrow.int32()), ["x" * 200_000])
    path = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": column}), path, compression="zstd", store_schema=store_schema)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(
        DataError, match=r"t\.parquet: columns \['text'\] should decode to at most .* GB of text; found 3\.7 GB"
    ):
        read(path)


def test_times_in_nanoseconds_are_read_as_text(tmp_path):
    """Those that no calendar holds are refused (test_formats.py)."""
    column = pyarrow.array([2**62, -(2**62)], pyarrow.int64()).cast(pyarrow.timestamp("ns"))
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"], "disc": column}), tmp_path / "t.parquet", version="2.6")
    assert read(tmp_path / "t.parquet").cells["disc"] == [str(pandas.Timestamp(time)) for time in (2**62, -(2**62))]
