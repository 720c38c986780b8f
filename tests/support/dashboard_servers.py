"""Dashboards in processes of their own."""

import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SERVE = """import sys
from pathlib import Path
from mtlens_dashboard.server import serve
serve(Path(sys.argv[1]), *map(int, sys.argv[2:]))"""


def free_port() -> int:
    """A port that the system chooses at random, so that test processes that run side by side choose different ones."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(root: Path, *ports: int) -> subprocess.Popen[str]:
    """A server on the workspace in `root`, at the given port or at the first free one; kill it by its process."""
    command = [sys.executable, "-c", _SERVE, str(root), *map(str, ports)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def url_of(process: subprocess.Popen[str]) -> str:
    """The address that a server prints, once it answers there."""
    assert process.stdout is not None
    printed = process.stdout.readline()
    found = re.search(r"at (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)", printed)
    assert found, printed + process.stdout.read()
    deadline = time.monotonic() + 60
    while True:
        try:
            assert get(f"{found[1]}/_stcore/health") == "ok"
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return found[1]


def get(url: str) -> str:
    """What stands at an address."""
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read().decode()
