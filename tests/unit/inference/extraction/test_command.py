"""`mtlens extract`: tables and folders of reports, bad input, memory, and going on after a stop."""

import csv
import json
from types import SimpleNamespace

import pytest

from mtlens.inference.extraction.reader import Reader
from tests.support.trained_family import REPORT


def test_a_folder_with_bad_files_is_read_and_they_are_listed(folder, mtlens, tmp_path):
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "a.txt").write_text(REPORT)
    (reports / "b.txt").write_bytes(b"\x89PNG\x00secret")
    (reports / "c.txt").write_text("")
    (reports / "d.csv").write_text("id,text\n7,C4-5: bulge.\n8,\n")
    out = tmp_path / "out.csv"
    code, _, err = mtlens("extract", folder, reports, "--out", out, "-f", "csv", "--id", "id")
    assert code == 0, err
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert {row["report"] for row in rows} == {str(reports / "a.txt"), "7"}
    skipped = (tmp_path / "out.csv.skipped").read_text().splitlines()
    assert [line.split(": ")[0] for line in skipped] == [str(reports / "b.txt"), str(reports / "c.txt"), "8"]
    assert "2 reports read, 3 skipped" in err
    assert "secret" not in err + "".join(skipped)


def test_a_table_of_reports_as_tables_have_them_is_read_from_end_to_end(folder, mtlens, tmp_path):
    """Each report on one line of a table; every stage says how many sentences went where."""
    reports = {
        "one line": "HISTORY: Neck pain. FINDINGS: C5-6: severe canal stenosis. The disc is normal. C6-7: disc bulge.",
        "no findings": "Clinical history: neck pain. C5-6: severe canal stenosis.",
        "=formula": "FINDINGS: Normal alignment.",
    }
    with (tmp_path / "reports.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["accession", "report"], *reports.items()])
    command = ("extract", folder, tmp_path / "reports.csv", "--text", "report", "--id", "accession", "--threshold", 0)
    code, out, err = mtlens(*command, "-f", "csv")
    assert code == 0
    assert err.splitlines()[-1] == (
        "3 reports read, 0 skipped; 7 sentences: 4 of motion segments, 1 general, 2 of history, technique and comparison"
    )
    rows = list(csv.DictReader(out.splitlines()))
    read = {(row["report"], row["segment"]) for row in rows if row["status"] == "read"}
    assert read == {("one line", "C5-C6"), ("one line", "C6-C7"), ("no findings", "C5-C6")}
    assert [row["notes"] for row in rows if row["report"] == "'=formula"] == ["no motion segment is mentioned"]
    code, out, _ = mtlens(*command, "-f", "json")
    assert [json.loads(line)["sentences"]["segments"] for line in out.splitlines()] == [3, 1, 0]
    code, out, _ = mtlens(*command)
    assert "  4 sentences: 3 of motion segments, 1 of history, technique and comparison\n" in out


def test_a_stopped_extraction_goes_on_and_gives_the_same(folder, mtlens, tmp_path, monkeypatch):
    reports = tmp_path / "reports"
    reports.mkdir()
    for number in range(9):
        (reports / f"{number}.txt").write_text(f"C{number % 4 + 2}-{number % 4 + 3}: bulge {number}.")
    monkeypatch.setattr("mtlens.inference.extraction.extract.CHUNK", 2)
    whole, stopped = tmp_path / "whole.jsonl", tmp_path / "stopped.jsonl"
    assert mtlens("extract", folder, reports, "--out", whole, "-f", "json")[0] == 0
    read, calls = Reader.read, []

    def die(self, chunk):
        calls.append(len(chunk))
        if len(calls) == 3:
            raise KeyError("power cut")
        return read(self, chunk)

    monkeypatch.setattr(Reader, "read", die)
    assert mtlens("extract", folder, reports, "--out", stopped, "-f", "json")[0] == 1
    with stopped.open("a") as file:
        file.write('{"half a line')
    monkeypatch.setattr(Reader, "read", read)
    assert mtlens("extract", folder, reports, "--out", stopped, "-f", "json")[0] == 0
    assert stopped.read_text() == whole.read_text()
    assert len(whole.read_text().splitlines()) == 9
    code, _, err = mtlens("extract", folder, reports / "1.txt", "--out", stopped, "-f", "json")
    assert code == 2
    assert "other settings" in err
    stopped.unlink()  # as the message says
    assert mtlens("extract", folder, reports / "1.txt", "--out", stopped, "-f", "json")[0] == 0
    assert json.loads(stopped.read_text())["id"] == str(reports / "1.txt")


def test_memory_does_not_grow_with_the_number_of_reports(folder, tmp_path, monkeypatch):
    """Peak of Python's memory, with a reader that keeps nothing, for eight times the reports."""
    import tracemalloc

    from mtlens.inference.extraction import extract
    from mtlens.inference.extraction.findings import ReportFindings
    from mtlens.inference.extraction.inputs import Columns

    monkeypatch.setattr(
        Reader, "read", lambda self, chunk: [ReportFindings(id=name, findings=(), notes=()) for name, _ in chunk]
    )
    monkeypatch.setattr(extract, "load", lambda _, runtime: SimpleNamespace(config=SimpleNamespace(words={})))
    peaks = []
    for number in (200, 1600):
        table = tmp_path / f"{number}.csv"
        table.write_text("text\n" + f"C5-6: bulge {'x' * 2000}\n" * number)
        tracemalloc.start()
        extract.Extraction(folder, (str(table),), Columns(), 0.5, "json", tmp_path / f"{number}.jsonl").run()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 200_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "report should hold text; found none"),
        ("large.txt", b"secret " * 150_000, "at most 200,000 characters"),
        ("picture.png", b"\x89PNG\x00secret", "found binary data"),
        ("other.csv", b"a,b\n1,secret\n", "table should have column 'text'"),
        ("none.txt", None, "file should be readable"),
    ],
)
def test_bad_input_is_a_line_without_the_report(folder, mtlens, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, _, err = mtlens("extract", folder, tmp_path / name)
    assert code == 2
    assert message in err
    assert "secret" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("report", "notes", "read"),
    [
        ("Normal alignment. No fracture.", "no motion segment is mentioned", 0),
        ("C5/6: Keine Stenose, die Foramina sind frei und das Myelon ist nicht komprimiert.", "not look like English", 1),
        ("T5-T6: protrusion. C5-6: bulge.", "levels that mtlens does not know: T5-T6", 1),
        ("C5-6: bulge. L4-5: bulge.", "speaks of more than one region of the spine; not trained on: L4-L5", 1),
        ("<p>C5-6:&nbsp;<b>bulge</b>\x07</p><script>C2-3: bulge</script>", "", 1),
        ("\x00\x01 C5-6\x02: bulge \u202e", "", 1),
    ],
)
def test_odd_reports_are_read_with_a_note(folder, mtlens, tmp_path, report, notes, read):
    """From the command line, by way of a table, where even a null character can stand."""
    with (tmp_path / "reports.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], [report]])
    code, out, err = mtlens("extract", folder, tmp_path / "reports.csv", "-f", "json", "--threshold", 0)
    assert (code, "1 reports read, 0 skipped" in err) == (0, True), err
    found = json.loads(out)
    assert all(part in " ".join(found["notes"]) for part in notes.split("; "))
    assert {one["segment"] for one in found["findings"] if one["status"] == "read"} == ({"C5-C6"} if read else set())
