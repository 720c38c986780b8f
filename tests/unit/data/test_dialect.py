"""How separated text files are written is found from them, told in one note, and can be set."""

import csv
import gzip
import io

import pytest

from mtlens.data.formats import Form
from mtlens.data.records import read_records
from mtlens.errors import DataError


def read(path, **form):
    return read_records(path, path.name, None, Form(**form))


def write(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows(records):
    return [tuple(row) for row in zip(*records.cells.values(), strict=True)]


def test_quotes_that_are_text_swallow_no_rows(tmp_path):
    content = 'text\tlab\n"open quote starts here\t1\nmiddle text one\t0\nends with quote"\t0\nplain a\t1\nplain b\t0\n'
    records = read(write(tmp_path / "swallow.tsv", content))
    assert rows(records)[:3] == [('"open quote starts here', "1"), ("middle text one", "0"), ('ends with quote"', "0")]
    assert len(records) == 5
    assert records.notes == ("swallow.tsv is read with quotes as text (set by quoting)",)
    assert records.lines.tolist() == [2, 3, 4, 5, 6]


def test_quotes_inside_a_field_are_text_as_in_glue(tmp_path):
    records = read(write(tmp_path / "glue.tsv", 'text\tlabel\n"Hi there" he said\tyes\nplain\tno\n'))
    assert rows(records) == [('"Hi there" he said', "yes"), ("plain", "no")]
    assert "quotes as text" in records.notes[0]


def test_an_ambiguous_file_is_refused_until_it_is_said_how_to_read_it(tmp_path):
    path = write(tmp_path / "t.csv", 'text,lab\n"one,1\ntwo",1\nthree,0\n')
    with pytest.raises(DataError, match=r"t\.csv: quotes should show .* 2 rows if they do and 3 if they are text; .*quoting"):
        read(path)
    assert rows(read(path, quoting="standard")) == [("one,1\ntwo", "1"), ("three", "0")]
    assert rows(read(path, quoting="none")) == [('"one', "1"), ('two"', "1"), ("three", "0")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_reports_of_several_lines_in_quotes_stay_one_row(tmp_path, delimiter):
    cells = [(f'line 1, of "{i}";\nline 2\t|\n', str(i % 2)) for i in range(30)]
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows([("text", "lab"), *cells])
    assert rows(read(write(tmp_path / "t.csv", stream.getvalue()))) == cells


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_the_delimiter_is_found_and_told(tmp_path, delimiter, name):
    lines = ["text,more,lab", *(f"a note, number {i}, long,x,{i % 2}"[: 20 + i] + f",y,{i % 2}" for i in range(20))]
    content = "\n".join(delimiter.join(line.rsplit(",", 2)) for line in lines)
    records = read(write(tmp_path / "t.csv", content))
    assert records.columns == ("text", "more", "lab")
    assert records.notes == (f"t.csv is read with {name} between fields (set by delimiter)",)
    with pytest.raises(DataError):
        read(tmp_path / "t.csv", delimiter=",")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größe der Bandscheibe", "cp1252"),
        ("Größe", "cp1252"),
        ("лёгкая протрузия диска без стеноза позвоночного канала", "cp1251"),
        ("中度椎间盘突出", "gb18030"),
        ("Größe", "utf-16"),
    ],
)
def test_the_encoding_is_found_and_told(tmp_path, text, encoding):
    content = f"{text};lab\n" + "".join(f"{text} {i};{i % 2}\n" for i in range(20))
    records = read(write(tmp_path / "t.csv", content, encoding))
    assert records.columns == (text, "lab")
    assert records.cells[text][3] == f"{text} 3"
    assert "with semicolons between fields (set by encoding, delimiter)" in records.notes[0]


def test_an_encoding_that_does_not_fit_is_refused_with_the_line(tmp_path):
    path = write(tmp_path / "t.csv", "text,lab\nfine,1\nGröße,1\n", "cp1252")
    with pytest.raises(DataError, match=r"t\.csv: table should be in encoding utf-8; found byte 0xf6"):
        read(path, encoding="utf-8")
    with pytest.raises(ValueError, match="encoding should be known to Python"):
        Form(encoding="klingon")


def test_files_without_a_header_have_the_columns_that_are_named(tmp_path):
    path = write(tmp_path / "sts.csv", "a\t5.0\tone text\nb\t3.8\tanother\turl\turl\nc\t1.0\tthird\n")
    records = read(path, columns=("genre", "score", "text"))
    assert rows(records) == [("a", "5.0", "one text"), ("b", "3.8", "another"), ("c", "1.0", "third")]
    assert "sts.csv: rows with more fields than the 3 columns, which are left out: 1" in records.notes
    with pytest.raises(DataError, match=r"sts\.csv:1: row should have 4 fields, as are named under `columns`; found 1"):
        read(path, columns=("genre", "score", "text", "url"))


def test_blanks_around_the_name_of_a_column_do_not_count(tmp_path):
    records = read_records(write(tmp_path / "t.csv", "text, lab \na,1\n"), "t.csv", frozenset({"text", " lab"}))
    assert records.cells[" lab"] == ["1"]


def test_compressed_files_are_read(tmp_path):
    path = tmp_path / "t.CSV.gz"
    path.write_bytes(gzip.compress(b"text,lab\na,1\n"))
    assert rows(read(path)) == [("a", "1")]
