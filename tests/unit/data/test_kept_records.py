"""Large files are parsed once for each content."""

import os

import pytest

from mtlens.data import kept_records as module
from mtlens.data.cache import VARIABLE
from mtlens.data.formats import Form, dialect
from mtlens.data.kept_records import kept_records
from mtlens.data.records import read_records
from mtlens.errors import DataError


@pytest.fixture
def parsed(tmp_path, monkeypatch):
    """The files that were parsed, as often as they were; all count as large."""
    found = []
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.setattr(dialect, "LARGE", 0)
    monkeypatch.setattr(module, "read_records", lambda *arguments: found.append(arguments[1]) or read_records(*arguments))
    return found


def write(path, count=30):
    """Rows of two lines, cells that are empty, and a delimiter that is told in a note."""
    path.write_text("note;side\n" + "".join(f'"disc {i}\nof two lines";{"ab"[i % 2] if i % 3 else ""}\n' for i in range(count)))


def test_what_was_kept_is_what_was_read(tmp_path, parsed):
    write(path := tmp_path / "t.csv")
    first, second = (kept_records(path, "t.csv", Form()) for _ in range(2))
    expected = read_records(path, "t.csv", None, Form())
    assert parsed == ["t.csv"]
    for found in (first, second):
        assert {name: list(cells) for name, cells in found.cells.items()} == {
            name: list(cells) for name, cells in expected.cells.items()
        }
        for name in ("name", "files", "has_lines", "columns", "lists", "notes"):
            assert getattr(found, name) == getattr(expected, name)
        assert [found.where(row) for row in (0, 29)] == [expected.where(row) for row in (0, 29)] == ["t.csv:2", "t.csv:60"]


def test_a_file_that_changed_is_read_anew(tmp_path, parsed):
    write(path := tmp_path / "t.csv")
    kept_records(path, "t.csv", Form())
    write(path, 40)
    assert len(kept_records(path, "t.csv", Form())) == 40
    assert len(parsed) == 2
    assert kept_records(path, "t.csv", Form(delimiter=",", columns=("all",), quoting="none")).columns == ("all",)
    assert len(parsed) == 3


def test_a_place_for_an_error_is_kept(tmp_path, parsed):
    (path := tmp_path / "t.jsonl").write_text('{"note": "x", "side": null}\n{"note": "y", "side": ["a"]}\n')
    places = [kept_records(path, "t.jsonl", Form()).lists for _ in range(2)]
    assert parsed == ["t.jsonl"]
    assert places == [{"side": "t.jsonl:2"}] * 2


def test_a_file_that_is_replaced_while_it_is_read_is_not_kept(tmp_path, parsed, monkeypatch):
    write(path := tmp_path / "t.csv")
    read = module.read_records
    monkeypatch.setattr(module, "read_records", lambda *arguments: write(path, 40) or read(*arguments))
    assert len(kept_records(path, "t.csv", Form())) == 40
    monkeypatch.setattr(module, "read_records", read)
    write(path)
    assert len(kept_records(path, "t.csv", Form())) == 30


def test_a_name_need_not_be_unicode(tmp_path, parsed):
    name = os.fsdecode(b"a\xff.csv")
    write(path := tmp_path / name)
    assert [len(kept_records(path, name, Form())) for _ in range(2)] == [30, 30]
    assert len(parsed) == 1


def test_columns_are_those_of_kept_records(tmp_path, parsed, monkeypatch):
    (path := tmp_path / "t.jsonl").write_text('{"note": "x", "side": "a"}\n{"note": "y", "more": "b"}\n')
    found = [module.kept_columns(path, "t.jsonl", Form())]
    kept_records(path, "t.jsonl", Form())
    monkeypatch.setattr(module, "open_table", None)
    found.append(module.kept_columns(path, "t.jsonl", Form()))
    assert found == [("note", "side", "more")] * 2


def test_a_file_that_is_not_there_is_refused(tmp_path, parsed):
    for read in (kept_records, module.kept_columns):
        with pytest.raises(DataError, match=r"none\.csv: table should be a readable file"):
            read(tmp_path / "none.csv", "none.csv", Form())


def test_a_damaged_file_is_refused_each_time(tmp_path, parsed):
    (path := tmp_path / "t.csv").write_text("note,side\na,b\nc\n")
    for _ in range(2):
        with pytest.raises(DataError, match=r"t\.csv:3: row should have 2 fields"):
            kept_records(path, "t.csv", Form())


def test_small_files_are_not_kept(tmp_path, parsed, monkeypatch):
    monkeypatch.setattr(module, "LARGE", 10_000)
    write(path := tmp_path / "t.csv")
    for _ in range(2):
        kept_records(path, "t.csv", Form())
    assert len(parsed) == 2


def test_the_quoting_of_a_large_file_is_found_once(tmp_path, parsed, monkeypatch):
    (path := tmp_path / "t.tsv").write_text("note\tside\n" + "".join(f'the "disc {i}\tb\n' for i in range(30)))
    found = [dialect.find_dialect(path, "t.tsv", Form())]
    monkeypatch.setattr(dialect, "_quoting_of", None)
    found.append(dialect.find_dialect(path, "t.tsv", Form()))
    assert found[0] == found[1]
