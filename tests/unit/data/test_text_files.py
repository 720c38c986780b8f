"""Text files of other forms than CSV: told by what they hold, under any name."""

import gzip
import json

import pytest

from mtlens.data.formats.label_first import is_label_first
from mtlens.data.records import read_records
from mtlens.errors import DataError

QUESTIONS = [("NUM:dist", "How far is it to place"), ("LOC:city", "What city , near hill"), ("DESC:def", "What is a thing")]


def read(path):
    return read_records(path, path.name, None)


def write(path, content):
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("between", ["\n", "\t\n", " \n", "\t\t\r\n"])
def test_a_line_of_blanks_or_tabs_ends_a_sentence(tmp_path, between):
    content = "Ann\tB-PER\nlives\tO\n" + between + "here\tO\nin\tO\nRome\tB-LOC\n" + between
    cells = read(write(tmp_path / "names.conll", content)).cells
    assert [json.loads(cell) for cell in cells["words"]] == [["Ann", "lives"], ["here", "in", "Rome"]]
    assert [json.loads(cell) for cell in cells["tags"]] == [["B-PER", "O"], ["O", "O", "B-LOC"]]


@pytest.mark.parametrize("name", ["SMSCollection", "train.data", "test.annotated.gz", "notes.label"])
def test_a_text_file_of_another_suffix_is_read_by_what_it_holds(tmp_path, name):
    def held(content):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
        return read(path).cells

    assert held("text\tlab\na, b\t1\nc\t0\n") == {"text": ["a, b", "c"], "lab": ["1", "0"]}
    assert held("Ann B-PER\nlives O\n\nRome B-LOC\n")["words"] == ['["Ann", "lives"]', '["Rome"]']
    assert held('{"text": "a", "lab": 1}\n{"text": "b", "lab": 0}\n') == {"text": ["a", "b"], "lab": ["1", "0"]}


@pytest.mark.parametrize("content", [b"PK\x03\x04\x14\0\x06\0", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4\n%\x01\x02"])
def test_a_file_of_another_suffix_that_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "t.docx").write_bytes(content)
    with pytest.raises(DataError, match=r"t\.docx: a table should end in one of \.csv, .*; found '\.docx'"):
        read(tmp_path / "t.docx")


def test_the_label_may_stand_in_front_of_each_text(tmp_path):
    lines = [f"{label} {text} {number} ?" for number in range(10) for label, text in QUESTIONS]
    for name in ("train.label", "train.txt"):
        records = read(write(tmp_path / name, "\n".join(lines) + "\n\n"))
        assert records.cells["label"] == ["NUM:dist", "LOC:city", "DESC:def"] * 10
        assert records.cells["text"][:2] == ["How far is it to place 0 ?", "What city , near hill 0 ?"]
        assert records.notes == (f"{name} is read with the label of each text in front of it",)
        assert records.where(4) == f"{name}:5"


def test_whole_numbers_may_be_labels_in_front_of_texts(tmp_path):
    lines = [f"{number % 2} a film , number {number} of the year ." for number in range(40)]
    assert read(write(tmp_path / "train.txt", "\n".join(lines))).cells["label"] == ["0", "1"] * 20


def test_fast_text_files_have_one_label_or_several(tmp_path):
    one = read(write(tmp_path / "one.txt", "__label__4\tA lovely film , this .\n__label__2 Not so\n")).cells
    assert one == {"label": ["4", "2"], "text": ["A lovely film , this .", "Not so"]}
    several = read(write(tmp_path / "two.txt", "__label__a __label__b so\n__label__b it is\n")).cells
    assert several == {"label": ['["a", "b"]', '["b"]'], "text": ["so", "it is"]}
    with pytest.raises(DataError, match=r"bad\.txt:1002: line should begin with a label; found 'no label'"):
        read(write(tmp_path / "bad.txt", "__label__a text\n" * 1001 + "no label\n"))


@pytest.mark.parametrize(
    "lines",
    [
        [f"WHAT number is {number} ?" for number in range(40)],  # one word only
        [f"{number} a numbered line" for number in range(40)],
        [f"{'AB'[number % 2] * (number + 2)} words" for number in range(40)],
        ["THE text", "text without a label"] * 20,
    ],
)
def test_texts_that_only_begin_alike_are_no_labels(tmp_path, lines):
    assert not is_label_first(write(tmp_path / "t.txt", "\n".join(lines) + "\n"))
