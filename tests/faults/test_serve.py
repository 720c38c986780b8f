"""`mtlens serve` under attack: endless headers, headers that never end, many connections, and clients that leave."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtlens.inference.extraction import http_limits
from mtlens.inference.extraction.server import TOKEN
from tests.support import trained_family
from tests.support.dashboard_servers import free_port
from tests.support.fault_trial import environment

pytestmark = pytest.mark.fault
SERVE = """
import sys
from pathlib import Path
from mtlens.inference.extraction import http_limits, server
http_limits.SECONDS_FOR_HEADERS, http_limits.MAX_CONNECTIONS = 1.5, 20
server.serve(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2]), 0.5)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a token, in a process of its own; its output is checked at the end."""
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    family = trained_family.fabricate(folder)
    printed = (folder / "printed").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(family), str(port)], env={**environment(), TOKEN: "right"},
        stdout=printed, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.2)
        yield process, port, folder / "printed"
    finally:
        process.kill()
        process.wait()
        printed.close()


def answer(connection):
    """Status and body of what comes back, until the other side hangs up."""
    connection.settimeout(20)
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionError:
        pass
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def ask(port, request):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        return answer(connection)


def resident(process):
    with Path(f"/proc/{process.pid}/status").open() as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def test_endless_headers_are_cut_off(server):
    """Before any token is looked at, and without keeping them."""
    process, port, _ = server
    before = resident(process)
    sent = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        try:
            while sent < 50_000_000:
                sent += connection.send(b"x-more: " + b"y" * 8000 + b"\r\n")
        except ConnectionError:
            pass
    assert sent < 10_000_000  # what fits into the buffers of the system
    assert resident(process) - before < 20_000_000


def test_long_headers_are_refused_in_the_usual_form(server):
    _, port, _ = server
    status, body = ask(port, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nx: " + b"y" * http_limits.MAX_HEADERS)
    assert (status, list(body)) == (431, ["error"])


def test_headers_that_never_end_are_given_up(server):
    _, port, _ = server
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127")
        status, body = answer(connection)
    assert (status, list(body)) == (408, ["error"])
    assert 1 < time.monotonic() - started < 10


def test_a_second_request_must_end_too(server):
    _, port, _ = server
    whole = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer right\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(whole)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(whole[:40])
        assert answer(connection)[0] == 408


def test_connections_are_counted(server):
    _, port, _ = server
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        time.sleep(0.3)
        with socket.create_connection(("127.0.0.1", port)) as one_more:
            assert answer(one_more)[0] == 503
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize("request_line", [b"\x16\x03\x01\x02\x00", b"GET /\r\n\r\n", b"nonsense\r\n\r\n"])
def test_what_is_no_http_is_refused_in_the_usual_form(server, request_line):
    _, port, _ = server
    status, body = ask(port, request_line)
    assert (400 <= status < 500, list(body)) == (True, ["error"])


def test_clients_that_leave_write_nothing_and_harm_nobody(server):
    """In the middle of their headers, of their body, and while they wait for the answer."""
    process, port, printed = server
    body = json.dumps({"reports": ["C5-6: severe canal stenosis."] * 60}).encode()
    head = b"POST /findings HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer right\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n".encode()
    for part in (head[:50], head, head + body[:100], head + body):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(part)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # a reset
    time.sleep(1)
    assert ask(port, head.replace(b"Host", b"Connection: close\r\nHost") + body)[0] == 200
    assert process.poll() is None
    assert "Traceback" not in printed.read_text()
    assert len(printed.read_text().splitlines()) == 1
