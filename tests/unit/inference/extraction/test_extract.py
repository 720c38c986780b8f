"""Extraction: that it goes on where it was stopped, and that what cannot be read costs nothing else."""

import csv
import json
import os
from pathlib import Path

import pytest

from mtlens.inference.extraction.csv_rows import read_rows
from mtlens.inference.extraction.extract import Extraction
from tests.support.trained_family import REPORT

TABLE = b"id,text,other\n1,C5-6: bulge.,x\n"


@pytest.mark.parametrize("die_at", [1, 3])
def test_a_stopped_extraction_lists_every_skipped_report_once(folder, mtlens, tmp_path, monkeypatch, die_at):
    """Also where it was stopped in its first chunk, before anything was done."""
    table, out = tmp_path / "reports.csv", tmp_path / "out.csv"
    table.write_text("id,text\n" + "".join(f"good{n},C{n % 4 + 2}-{n % 4 + 3}: bulge.\nbad{n},\n" for n in range(5)))
    monkeypatch.setattr("mtlens.inference.extraction.extract.CHUNK", 2)
    note, calls = Extraction._note, []

    def die(self, *given):
        calls.append(given)
        if len(calls) == die_at:
            raise KeyError("power cut")
        note(self, *given)

    monkeypatch.setattr(Extraction, "_note", die)
    arguments = ("extract", folder, table, "--out", out, "-f", "csv", "--id", "id")
    assert mtlens(*arguments)[0] == 1
    monkeypatch.setattr(Extraction, "_note", note)
    code, _, err = mtlens(*arguments)
    assert code == 0, err
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert list(dict.fromkeys(row["report"] for row in rows)) == [f"good{n}" for n in range(5)]
    assert len(rows) == 5 * 12
    skipped = (tmp_path / "out.csv.skipped").read_text().splitlines()
    assert [line.split(":")[0] for line in skipped] == [f"bad{n}" for n in range(5)]


def test_an_output_that_is_too_short_names_what_to_delete(folder, mtlens, tmp_path):
    (tmp_path / "a.txt").write_text(REPORT)
    out = tmp_path / "out.csv"
    arguments = ("extract", folder, tmp_path / "a.txt", "--out", out, "-f", "csv")
    assert mtlens(*arguments)[0] == 0
    whole = out.read_text()
    out.write_text(whole[:100])
    code, _, err = mtlens(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert f"{out} should have the {len(whole):,} bytes that {out}.progress speaks of; found 100; delete {out}" in err
    out.unlink()
    assert mtlens(*arguments)[0] == 0
    assert out.read_text() == whole


def test_a_damaged_note_of_progress_names_what_to_delete(folder, mtlens, tmp_path):
    (tmp_path / "a.txt").write_text(REPORT)
    out = tmp_path / "out.csv"
    arguments = ("extract", folder, tmp_path / "a.txt", "--out", out, "-f", "csv")
    assert mtlens(*arguments)[0] == 0
    for damaged in ("{}", "[1]", "\0\0"):
        (tmp_path / "out.csv.progress").write_text(damaged)
        code, _, err = mtlens(*arguments)
        assert code == 2
        assert f"out.csv.progress should be as mtlens wrote it; delete {out} to begin anew" in err
    out.unlink()
    assert mtlens(*arguments)[0] == 0


def test_what_is_noted_is_on_disk(folder, mtlens, tmp_path, monkeypatch):
    """Output and list are synced before the note that speaks of them is renamed into place."""
    (tmp_path / "a.txt").write_text(REPORT)
    (tmp_path / "b.txt").write_text("")
    out, synced, noted = tmp_path / "out.csv", {}, []
    fsync, replace = os.fsync, Path.replace

    def note_sync(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced[path.name] = os.fstat(descriptor).st_size
        fsync(descriptor)

    def note_replace(path, target):
        noted.append((json.loads(path.read_bytes()), dict(synced)))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    assert mtlens("extract", folder, tmp_path / "a.txt", tmp_path / "b.txt", "--out", out, "-f", "csv")[0] == 0
    last, before = noted[-1]
    assert (before["out.csv"], before["out.csv.skipped"]) == (last["bytes"], last["skipped"])
    assert last["bytes"] == out.stat().st_size > 0 < last["skipped"]


@pytest.mark.parametrize(
    ("rows", "read", "skipped", "code"),
    [
        (b"2,C5-6: \xfc secret.,x\n3,C6-7: bulge.,x\n", ["1", "3"], ["line 3: row should be text in UTF-8"], 0),
        (b"2,C4-5: bulge.,\xfc\n3,C6-7: bulge.,x\n", ["1", "2", "3"], [], 0),
        (
            b'2,"secret\n""' + b"secret, \n" * 90_000 + b'",x\n3,"C6-7:\nbulge.",x\n4,C5-6: bulge.,x\n',
            ["1", "3", "4"],
            ["line 3: a field should have at most 800,000 characters; found more, up to line 90,004"],
            0,
        ),
        (
            b"2,C5-6: bulge, secret,x\n3,C6-7: bulge.,x\n",
            ["1", "3"],
            ["line 3: row should have 3 fields, as the header has"],
            0,
        ),
        (b'\n2,"C5-6: secret,x\n3,C6-7: secret.,x\n', ["1"], ["line 4: a quote should be closed"], 2),
        (b'2,"C5-6: secret,x\n' + b"3,C6-7: secret.,x\n" * 50_000, ["1"], ["line 3: a quote should be closed"], 2),
    ],
)
def test_a_bad_row_costs_no_other(folder, mtlens, tmp_path, rows, read, skipped, code):
    """A file that cannot be read to its end is reported and ends the command with an error, and the next file is read."""
    (tmp_path / "a.csv").write_bytes(TABLE + rows)
    (tmp_path / "b.csv").write_bytes(b"id,text\nb,C3-4: bulge.\n")
    out = tmp_path / "out.jsonl"
    arguments = ("extract", folder, tmp_path / "a.csv", tmp_path / "b.csv", "--id", "id", "-f", "json", "--out", out)
    for _ in range(2):  # the second time there is nothing left to do, and it ends in the same way
        found, _, err = mtlens(*arguments)
        assert found == code, err
        assert ("every file should be readable to its end; found 1 that could not" in err) == bool(code)
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [*read, "b"]
    lines = (tmp_path / "out.jsonl.skipped").read_text().splitlines()
    assert [part in line for part, line in zip(skipped, lines, strict=True)] == [True] * len(skipped)
    assert "secret" not in "".join(lines) + err


def test_a_row_ends_the_same_whatever_quotes_it_has(tmp_path):
    """Against the parser itself: nothing is lost, and the line where each row begins is right."""
    cells = [["a", "b"], ['say "so"', "two\nlines"], ["", 'odd " quote\r\n"'], ["x", ""]]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows(cells)
    assert [(row.line, row.cells) for row in read_rows(tmp_path / "a.csv", most=100)] == list(
        zip((1, 2, 4, 6), cells, strict=True)
    )


def test_how_long_a_field_may_be_is_not_left_to_the_whole_process(tmp_path):
    (tmp_path / "a.csv").write_bytes(TABLE)
    before = csv.field_size_limit()
    assert len(list(read_rows(tmp_path / "a.csv", most=before + 1))) == 2
    assert csv.field_size_limit() == before


def test_a_folder_that_cannot_be_read_is_skipped_and_named(folder, mtlens, tmp_path, monkeypatch):
    (tmp_path / "reports" / "closed").mkdir(parents=True)
    (tmp_path / "reports" / "open.txt").write_text(REPORT)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    code, out, err = mtlens("extract", folder, tmp_path / "reports", "-f", "json")
    assert (code, json.loads(out)["id"]) == (0, str(tmp_path / "reports" / "open.txt")), err
    assert f"{tmp_path / 'reports' / 'closed'}: folder should be readable: Permission denied" in err
    assert "1 reports read, 1 skipped" in err


def test_a_file_whose_name_is_not_utf8_is_read(folder, mtlens, tmp_path):
    with open(os.fsencode(tmp_path) + b"/caf\xe9.txt", "w") as file:  # noqa: PTH123 - the name is bytes
        file.write(REPORT)
    code, out, err = mtlens("extract", folder, tmp_path, "-f", "json")
    assert (code, json.loads(out)["id"]) == (0, f"{tmp_path}/caf?.txt"), err


def test_a_table_without_a_header_is_not_repeated(folder, mtlens, tmp_path):
    (tmp_path / "a.csv").write_text("p1,Patient Jane Roe: C5-6 bulge.\np2,secret\n")
    (tmp_path / "b.txt").write_text(REPORT)
    out = tmp_path / "out.csv"
    code, _, err = mtlens("extract", folder, tmp_path / "a.csv", tmp_path / "b.txt", "--out", out)
    skipped = (tmp_path / "out.csv.skipped").read_text()
    assert code == 0
    assert "table should have column 'text'; found 2 columns, but its first row does not look like their names" in skipped
    assert "Jane" not in skipped + err
