"""Does the memory of an open dashboard grow? python -m experiments.benchmarks.dashboard_memory [--refreshes NUMBER]

Draws page Answer in Streamlit's test harness, without server or browser, from one new snapshot after another. Prints as JSON
the MB of the process after each tenth of the refreshes.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

from streamlit.testing.v1 import AppTest

from mtlens.store.database.reader import snapshot_path
from mtlens_dashboard.widgets import shown_workspace
from tests.support import fake_stores

REFRESHES = 2000


def memory(root: Path, refreshes: int) -> list[int]:
    """MB of this process while page Answer is drawn from one new snapshot after another."""
    workspace = fake_stores.full(root)
    os.environ[shown_workspace.VARIABLE] = str(workspace.root)
    original = snapshot_path(workspace).read_bytes()
    taken: list[int] = []
    app = AppTest.from_string("from mtlens_dashboard import app\napp.main()", default_timeout=900)
    for number in range(refreshes):
        snapshot = snapshot_path(workspace)
        fresh = snapshot.with_name(f"refresh-{number}.duckdb")
        fresh.write_bytes(original)
        workspace.pointer.unlink()
        workspace.pointer.symlink_to(fresh.relative_to(workspace.root))
        snapshot.unlink()
        app.run()
        if (number + 1) % max(refreshes // 10, 1) == 0:
            taken.append(_megabytes())
    return taken


def _megabytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--refreshes", type=int, default=REFRESHES)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps({"memory_megabytes": memory(Path(folder) / "small", parser.parse_args().refreshes)}))


if __name__ == "__main__":
    main()
