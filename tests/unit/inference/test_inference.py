"""Exported families: what is in the folder, that it predicts what was trained, and reading, resuming and serving with it."""

import csv
import json
import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

from mtlens.errors import EncoderError, MtlensError, WorkspaceError
from mtlens.evidence.checkpoints import load_trained
from mtlens.inference.export import train_tagger
from mtlens.inference.export.export import export
from mtlens.inference.export.recommended import recommended
from mtlens.inference.extraction import server
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.model.calibration import fit_temperature, rescaled
from mtlens.inference.model.family import Family, load
from mtlens.inference.segmentation import Rules, cleaned, segment
from mtlens.training.distributed import ALONE
from mtlens.training.evaluation import predict
from mtlens.training.hardware import prepare
from tests.support import trained_family

FOREIGN = ("optimizer.pt", "rng_state.pth", "tf_model.h5", "model.onnx", "train.csv", "tokenizer.py", "notes.txt", ".cache")
REPORT = "FINDINGS:\nC5-6: severe canal stenosis. The disc is normal.\nC6-7: disc bulge.\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return trained_family.train(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "family"
    for name in FOREIGN:
        (trained.plan.pretrained.directory / name).write_text("texts of patients")
    export(trained.plan, trained.workspace, out)
    return out


@pytest.fixture(scope="module")
def reader(folder):
    return Reader(load(folder, threads=1), 0.0)


def here(reader):
    """A client on this machine, which needs no token."""
    return TestClient(server.create(reader), base_url="http://127.0.0.1:8600", raise_server_exceptions=False)


def test_every_task_is_served_once(trained, folder):
    members = recommended(trained.workspace, trained.plan.experiment.experiment_id)
    assert sorted(task for member in members for task in member.serves) == ["canal", "disc"]
    served = [task for member in load(folder).config.members for task in member.tasks]
    assert sorted(served) == ["canal", "disc"]


def test_a_family_predicts_what_was_trained(trained, folder):
    """Against the training code's own prediction, on the test texts, calibrated by hand."""
    family = load(folder, threads=1)
    examples, encoded = trained.plan.examples, trained.plan.encoded
    for member in family.config.members:
        run = next(one.run for one in trained.plan.runs if one.run.run_id == member.run_id)
        model = load_trained(run, trained.workspace, trained.plan.pretrained.directory, encoded.vocabulary)
        hardware = prepare("float32", threads=1, gpu=False)
        for one in predict(model, encoded.select(run.tasks), "test", batch_size=8, hardware=hardware, world=ALONE):
            if one.task.name in member.tasks:
                found = family.classify([examples.texts[row] for row in one.rows])[one.task.name]
                expected = rescaled(one.said, family.config.temperatures[one.task.name])
                np.testing.assert_allclose(found, expected, atol=0.03 if family.config.precision == "bfloat16" else 1e-5)


def test_transformers_loads_the_encoder_with_its_whole_vocabulary(trained, folder):
    from transformers import AutoModel

    pretrained = AutoModel.from_pretrained(trained.plan.pretrained.directory).get_input_embeddings().weight
    for member in load(folder).config.members:
        rows = AutoModel.from_pretrained(folder / member.folder, add_pooling_layer=False, dtype=torch.float32)
        rows = rows.get_input_embeddings().weight
        assert rows.shape == pretrained.shape
        unseen = np.setdiff1d(np.arange(len(pretrained)), trained.plan.encoded.vocabulary)
        assert len(unseen)
        assert torch.allclose(rows[unseen], pretrained[unseen], atol=1e-3)
        assert not torch.allclose(rows, pretrained, atol=1e-3)


def test_only_the_tokenizer_of_an_encoder_is_copied(folder):
    names = {path.name for path in (folder / "tokenizer").iterdir()}
    assert names == {"config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"}


def test_the_card_tells_tasks_data_verdicts_and_limits(trained, folder):
    card = (folder / "README.md").read_text()
    for part in ("canal", "disc", trained.plan.examples.fingerprint, "verdict", "Limits", "bfloat16", "C5-C6"):
        assert part in card


def test_nothing_is_written_over(trained, folder):
    with pytest.raises(WorkspaceError, match="should not exist yet"):
        export(trained.plan, trained.workspace, folder)


def test_a_family_carries_its_learned_tagger(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(train_tagger, "CORPORA", 1)
    monkeypatch.setattr(train_tagger, "REPORTS", 10)
    monkeypatch.setattr(train_tagger, "EXAMINED", 60)
    export(trained.plan, trained.workspace, tmp_path / "family", learned_tagger=True)
    family = load(tmp_path / "family", threads=1)
    assert not isinstance(family.tagger, Rules)
    (found,) = segment([cleaned(REPORT)], family.tagger)
    assert len(found.tags) == len(found.sentences)
    (findings,) = Reader(family).read([("a", REPORT)])
    assert findings.id == "a"
    card = (tmp_path / "family" / "README.md").read_text()
    assert "| rules |" in card
    assert "Used here: learned." in card
    assert sorted(path.name for path in (tmp_path / "family" / "tagger").iterdir()) == [
        "config.json", "heads.safetensors", "model.safetensors",
    ]  # fmt: skip


def test_a_folder_that_is_no_family_is_an_error(tmp_path):
    with pytest.raises(EncoderError, match="should be a folder that `mtlens export` has written"):
        load(tmp_path)


def test_temperature_scaling_recovers_the_temperature_and_changes_no_class():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(20_000, 4)) * 2
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (true.cumsum(axis=1) > generator.random((len(true), 1))).argmax(axis=1)
    sure = rescaled(true, 0.4)
    assert fit_temperature(labels, sure) == pytest.approx(1 / 0.4, rel=0.05)
    assert (rescaled(sure, 2.5).argmax(axis=1) == sure.argmax(axis=1)).all()


def test_findings_name_the_sentence_that_they_were_read_from(reader):
    (found,) = reader.read([("a", REPORT)])
    by_level = {}
    for one in found.findings:
        by_level.setdefault(one.segment, []).append(one)
    assert {one.status for one in by_level["C3-C4"]} == {"not mentioned"}
    assert {one.sentence for one in by_level["C5-C6"]} <= {"C5-6: severe canal stenosis.", "The disc is normal."}
    assert all(0 <= one.probability <= 1 and one.label for one in by_level["C5-C6"])


def test_below_the_threshold_it_abstains(reader):
    (found,) = Reader(reader.family, 1.0).read([("a", REPORT)])
    assert {(one.status, one.label) for one in found.findings if one.segment == "C5-C6"} == {("abstained", None)}


def test_segments_of_another_region_are_not_graded_but_noted(reader):
    (found,) = reader.read([("a", REPORT + "L4-5: bulge.")])
    assert {one.segment[0] for one in found.findings} == {"C"}
    assert any("not trained on: L4-L5" in note for note in found.notes)


def test_reports_read_together_are_read_as_alone(reader):
    others = ["C3-4: bulge.", REPORT, "Normal."]
    together = reader.read([(str(number), text) for number, text in enumerate(others)])
    for number, text in enumerate(others):
        (alone,) = reader.read([(str(number), text)])
        for one, other in zip(alone.findings, together[number].findings, strict=True):
            assert one.label == other.label
            assert one.probability == pytest.approx(other.probability, abs=0.02)


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


def test_a_failure_below_tells_nothing_of_the_report(folder, mtlens, tmp_path, monkeypatch, caplog, capsys):
    """On the command line, in the server's answer, and in what both write: not even where an exception quotes the text."""

    def fail(self, texts):
        raise ValueError(f"cannot read {texts}")

    monkeypatch.setattr(Family, "classify", fail)
    (tmp_path / "a.txt").write_text("C5-6: secret bulge.")
    code, out, err = mtlens("extract", folder, tmp_path / "a.txt")
    assert code == 2
    assert "reading them failed with ValueError" in err
    with here(Reader(load(folder, threads=1))) as client:
        answer = client.post("/findings", json={"reports": ["C5-6: secret bulge."]})
    assert (answer.status_code, "ValueError" in answer.text) == (500, True)
    written = capsys.readouterr()
    assert "secret" not in out + err + answer.text + caplog.text + written.out + written.err


@pytest.fixture
def client(reader):
    with here(reader) as client:
        yield client


def test_the_server_reads_reports_and_describes_itself(client, reader):
    assert client.get("/health").json() == {"status": "ok", "model": "tiny-family"}
    answer = client.post("/findings", json={"reports": [REPORT, "Normal."]})
    assert answer.status_code == 200
    assert [len(report["findings"]) for report in answer.json()["reports"]] == [12, 0]
    assert "/findings" in client.get("/openapi.json").json()["paths"]
    assert "openapi.json" in client.get("/docs").text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps({"reports": ["secret", ""]}), 422),
        (json.dumps({"reports": []}), 422),
        (json.dumps({"reports": ["secret"], "more": "secret"}), 422),
        (json.dumps({"reports": "secret"}), 422),
        (json.dumps({"reports": ["secret " * 40_000]}), 422),
        (json.dumps({"reports": ["secret " * 200_000]}), 413),
        ("secret", 422),
    ],
)
def test_the_server_refuses_bad_bodies_without_repeating_them(client, caplog, capsys, body, status):
    with caplog.at_level(logging.DEBUG):
        answer = client.post("/findings", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    printed = capsys.readouterr()
    assert "secret" not in answer.text + caplog.text + printed.out + printed.err


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example:8600"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": ""}, 421),
        ({"origin": "http://evil.example"}, 421),
        ({"origin": "http://127.0.0.1:9999"}, 421),
        ({"origin": "null"}, 421),
        ({"origin": "http://127.0.0.1:8600"}, 200),
        ({"host": "localhost:8600", "origin": "http://localhost:8600"}, 200),
        ({"host": "[::1]:8600"}, 200),
    ],
)
def test_without_a_token_only_this_machine_is_answered(client, headers, status):
    """A foreign Host is a name that was made to point here; a foreign Origin is a page of another program or site."""
    assert client.get("/health", headers=headers).status_code == status


def test_with_a_token_any_name_will_do(reader):
    with TestClient(server.create(reader, "right"), base_url="http://models.example") as client:
        assert client.get("/health", headers={"authorization": "Bearer right"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/findings", 405), ("POST", "/health", 405)]
)
def test_every_refusal_has_one_form(client, method, path, status):
    answer = client.request(method, path)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_a_length_that_is_no_number_is_no_failure(client):
    assert client.post("/findings", content=b"{}", headers={"content-length": "many"}).status_code in (400, 422)


def test_a_token_is_asked_for(reader):
    with TestClient(server.create(reader, "right")) as client:
        assert client.get("/health").status_code == 401
        assert client.get("/health", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/health", headers={"authorization": "Bearer right"}).status_code == 200


def test_a_slow_answer_is_given_up(reader, monkeypatch):
    import time

    monkeypatch.setattr(server, "SECONDS", 0.1)
    monkeypatch.setattr(reader.__class__, "read", lambda self, reports: [time.sleep(1)] * len(reports))
    with here(reader) as client:
        assert client.post("/findings", json={"reports": [REPORT]}).status_code == 503


def test_other_addresses_ask_for_a_token(tmp_path, monkeypatch):
    monkeypatch.delenv(server.TOKEN, raising=False)
    with pytest.raises(MtlensError, match="MTLENS_TOKEN should hold a token where --host is not this machine"):
        server.serve(tmp_path, "0.0.0.0", 8600, 0.5)
