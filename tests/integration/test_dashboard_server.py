"""The dashboard's server: where it listens, whom it answers, what it keeps to itself, and how it ends."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from mtlens.errors import WorkspaceError
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import server as dashboard
from tests.support import dashboard_servers

ALLOWED = f"http://{dashboard.ADDRESS}"


@pytest.fixture
def taken() -> Generator[int]:
    """A port on which another program listens."""
    with socket.socket() as listener:
        listener.bind((dashboard.ADDRESS, 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[subprocess.Popen[str], int]]:
    """A server of its own process on an empty workspace, and its port."""
    workspace = Workspace.open(tmp_path_factory.mktemp("serve") / "results")
    process = dashboard_servers.start(workspace.root)
    try:
        yield process, port_of(process)
    finally:
        process.kill()
        process.communicate()


def port_of(process: subprocess.Popen[str]) -> int:
    return int(dashboard_servers.url_of(process).rpartition(":")[2])


def shake_hands(port: int, host: str, origin: str) -> int:
    """Status of a request to open the websocket: 101 where it is granted."""
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}",
        f"Origin: {origin}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: streamlit",
    ]
    with socket.create_connection((dashboard.ADDRESS, port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(100).split()[1])


def test_it_listens_on_this_machine_only(server: tuple[subprocess.Popen[str], int]) -> None:
    process, port = server
    listening = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
    addresses = {line.split()[1].split(":")[0] for line in listening[1:] if line.split()[1].endswith(f":{port:04X}")
                 and line.split()[3] == "0A"}  # fmt: skip
    assert addresses == {"0100007F"}
    assert process.poll() is None


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 101),
        ("localhost:{port}", "http://localhost:{port}", 101),
        ("evil.example:{port}", "http://evil.example:{port}", 403),
        ("127.0.0.1:{port}", "http://evil.example", 403),
        ("127.0.0.1:{port}", "http://localhost:9999", 403),
        ("127.0.0.1:{port}", "http://127.0.0.1:1", 403),
        ("127.0.0.1:{port}", "null", 403),
    ],
)
def test_only_browsers_of_this_machine_may_connect(
    server: tuple[subprocess.Popen[str], int], host: str, origin: str, status: int
) -> None:
    _, port = server
    assert shake_hands(port, host.format(port=port), origin.format(port=port)) == status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1", "", 200),
        ("localhost", "", 200),
        ("evil.example", "", 403),
        ("", "", 403),
        ("127.0.0.1", "http://evil.example", 403),
    ],
)
def test_a_page_is_given_to_whoever_asks_for_it_by_a_name_of_this_machine(
    server: tuple[subprocess.Popen[str], int], host: str, origin: str, status: int
) -> None:
    """Otherwise a page whose host name was made to point here could read it; and no other page can show it in a frame."""
    _, port = server
    lines = ["GET / HTTP/1.1", f"Host: {host}:{port}" if host else "Host:", "Connection: close"]
    lines += [f"Origin: {origin}"] if origin else []
    with socket.create_connection((dashboard.ADDRESS, port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace").lower()
    assert int(answer.split()[1]) == status
    assert "content-security-policy: frame-ancestors 'self'" in answer
    assert "x-frame-options: sameorigin" in answer


def test_a_page_is_told_where_its_server_is_and_nothing_else_is_changed(server: tuple[subprocess.Popen[str], int]) -> None:
    """Otherwise it asks below its own address first, and the browser logs a 404."""
    _, port = server
    own = f"{ALLOWED}:{port}"
    page = dashboard_servers.get(f"{own}/cka?experiment=nope")
    assert page.count("BACKEND_BASE_URL") == 1
    assert page.index("BACKEND_BASE_URL") < page.index('type="module"')
    assert page.rstrip().endswith("</html>")
    assert dashboard_servers.get(f"{own}/_stcore/health") == "ok"


def test_other_sites_are_not_trusted(server: tuple[subprocess.Popen[str], int]) -> None:
    _, port = server
    assert json.loads(dashboard_servers.get(f"{ALLOWED}:{port}/_stcore/host-config"))["allowedOrigins"] == [ALLOWED]


def test_ctrl_c_ends_it_and_a_second_one_takes_the_next_port(tmp_path: Path) -> None:
    first = dashboard_servers.start(tmp_path)
    port = port_of(first)
    second = dashboard_servers.start(tmp_path)
    try:
        assert port_of(second) > port
        os.kill(first.pid, signal.SIGINT)
        printed, _ = first.communicate(timeout=60)
        assert first.returncode == 0
        assert "Traceback" not in printed
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_a_port_that_is_taken_is_an_error_where_it_was_asked_for(tmp_path: Path, taken: int) -> None:
    with pytest.raises(WorkspaceError, match=f"port {taken} should be free: Address already in use; name another --port"):
        dashboard.serve(tmp_path, taken)


def test_ports_can_run_out(tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "PORT", taken)
    monkeypatch.setattr(dashboard, "_TRIED", 1)
    with pytest.raises(WorkspaceError, match=f"one of the ports {taken} to {taken} should be free; none is"):
        dashboard.serve(tmp_path)


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="should be a folder; found a file"):
        dashboard.serve(tmp_path / "file")


def test_a_newer_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "workspace.json").write_text('{"format": 1000}')
    with pytest.raises(WorkspaceError, match="written by a newer mtlens"):
        dashboard.serve(tmp_path)


def test_settings_are_those_of_streamlit() -> None:
    from streamlit import config

    known = config.get_config_options()
    settings = {**dashboard._SETTINGS, **dashboard._colours("light", dashboard.LIGHT)}
    assert settings.keys() <= known.keys()
