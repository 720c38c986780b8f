"""`mtlens serve`: findings over HTTP, whom it answers, and that no report is repeated in an error."""

import json
import logging

import pytest
from starlette.testclient import TestClient

from mtlens.errors import MtlensError
from mtlens.inference.extraction import server
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.model.family import Family, load
from tests.support.trained_family import REPORT


@pytest.fixture(scope="module")
def reader(folder):
    return Reader(load(folder, threads=1), 0.0)


def here(reader):
    """A client on this machine, which needs no token."""
    return TestClient(server.create(reader), base_url="http://127.0.0.1:8600", raise_server_exceptions=False)


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
    assert client.get("/health").json() == {"status": "ok", "model": "fabricated"}
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
