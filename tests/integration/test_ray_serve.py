"""An exported family on a Ray cluster: the same answers as in this process, and the same refusals."""

import json
import socket
import urllib.error
import urllib.request

import pytest

from mtlens.errors import EncoderError, MtlensError
from mtlens.inference.extraction.ray_serve import served
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.extraction.server import TOKEN
from mtlens.inference.model.family import load
from tests.support import trained_family

REPORT = "FINDINGS:\nC5-6: severe canal stenosis. The disc is normal.\nC6-7: disc bulge.\n"


def ask(port, body, **headers):
    """Status and answer of POST /findings."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/findings", body, {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_a_cluster_answers_as_this_process_does(tmp_path, monkeypatch, capfd):
    family = trained_family.fabricate(tmp_path)
    expected = Reader(load(family, threads=1), 0.5).read([("0", REPORT)])[0].model_dump(mode="json")
    monkeypatch.setenv(TOKEN, "right")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with served(family, None, "127.0.0.1", port, 0.5) as replicas:
        assert replicas >= 1
        body = json.dumps({"reports": [REPORT]}).encode()
        status, answer = ask(port, body, authorization="Bearer right")
        found = json.loads(answer)["reports"][0]
        for one, other in zip(found["findings"], expected["findings"], strict=True):
            assert one["probability"] == pytest.approx(other["probability"], abs=0.02)
            assert {**one, "probability": 0} == {**other, "probability": 0}
        assert status == 200
        assert ask(port, body)[0] == 401
        status, answer = ask(port, b'{"reports": ["secret", ""]}', authorization="Bearer right")
        assert status == 422
        assert "secret" not in answer
    printed = capfd.readouterr()
    assert "severe" not in printed.out + printed.err


def test_what_cannot_be_served_is_refused_before_a_cluster_is_joined(tmp_path, monkeypatch):
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(MtlensError, match="MTLENS_TOKEN should hold a token"), served(tmp_path, None, "0.0.0.0", 8600, 0.5):
        pass
    with pytest.raises(EncoderError, match="should be a folder that `mtlens export` has written"):
        served(tmp_path, None, "127.0.0.1", 8600, 0.5).__enter__()
