"""The page "Try it": what it shows of a served answer, and what it says where none is served."""

import http.server
import json
import threading

import pytest
from streamlit.testing.v1 import AppTest

from mtlens.errors import MtlensError
from mtlens_dashboard.queries import inference_client

ENTRY = "from mtlens_dashboard.pages import try_it\ntry_it.page()"
ONE = {"segment": "C5-C6", "task": "disc", "label": "bulge", "probability": 0.91, "status": "read", "sentence": "C5-6: bulge."}
SILENT = {"segment": "C2-C3", "task": "disc", "label": None, "probability": None, "status": "not mentioned", "sentence": None}


@pytest.fixture
def served(monkeypatch):
    """A server of fixed findings; yields what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            empty = not asked[-1]["reports"][0].strip()
            body = {"error": "report should hold text; found none"} if empty else {"reports": [
                {"id": "0", "findings": [ONE, SILENT], "notes": ["a *note*"]}]}  # fmt: skip
            if "another" in asked[-1]["reports"][0]:
                body = {"answer": 42}
            self.send_response(422 if empty else 200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(inference_client.VARIABLE, f"http://127.0.0.1:{server.server_address[1]}")
        yield asked
        server.shutdown()


def press(text=None):
    page = AppTest.from_string(ENTRY, default_timeout=60).run()
    if text is not None:
        page.text_area[0].set_value(text)
    page.button[0].click().run()
    assert not page.exception
    return page


def test_it_shows_findings_with_their_sentences(served):
    page = press()
    assert page.dataframe[0].value.to_dict("records") == [
        {"segment": "C5-C6", "task": "disc", "class": "bulge", "probability": 0.91, "read from": "C5-6: bulge."}
    ]
    assert "Not mentioned: C2-C3" in page.caption[-1].value
    assert "C5-C6" in served[0]["reports"][0]


def test_a_refused_report_is_one_line(served):
    assert "should hold text" in press(" ").error[0].value


def test_an_answer_of_something_else_is_one_line(served):
    assert "found another answer" in press("another").error[0].value


def test_without_a_server_it_says_how_to_start_one(monkeypatch):
    monkeypatch.setenv(inference_client.VARIABLE, "http://127.0.0.1:9")
    assert "mtlens serve MODEL" in press().error[0].value


@pytest.mark.parametrize(
    "address", ["http://example.org:8600", "https://127.0.0.1", "file:///etc/passwd", "http://127.0.0.1.example"]
)
def test_reports_go_to_this_machine_only(monkeypatch, address):
    monkeypatch.setenv(inference_client.VARIABLE, address)
    with pytest.raises(MtlensError, match="should be an address of this machine"):
        inference_client.read("x")
