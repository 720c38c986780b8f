"""Dashboards in processes of their own."""

import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SERVE = "import sys; from pathlib import Path; from mtlens_dashboard.server import serve; serve(Path(sys.argv[1]))"


def start(root: Path) -> subprocess.Popen[str]:
    """A server on the workspace in `root`; kill it by its process."""
    command = [sys.executable, "-c", _SERVE, str(root)]
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
