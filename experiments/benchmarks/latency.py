"""How fast the command answers: python -m experiments.benchmarks.latency

Times `mtlens --help`, `mtlens sql` and the rerun of a finished experiment as processes of their own, each against a bare
Python that imports nothing, and prints medians as JSON.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXPERIMENT = """\
name: latency
data: {spine: {region: cervical, reports: 40}}
tasks: {canal: {classes: [none, mild, moderate, severe]}, disc: {classes: [none, bulge, protrusion, extrusion]}}
training: {epochs: 1, max_length: 16}
margin: 0.1
"""
MTLENS = [sys.executable, "-c", "from mtlens.cli.main import main; main()"]
TIMES = 7


def seconds(command: list[str]) -> float:
    """Median wall time of a command that succeeds."""
    taken: list[float] = []
    for _ in range(TIMES):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken), 3)


def main() -> None:
    """Train a small experiment once, then time what follows."""
    folder = Path(tempfile.mkdtemp())
    (folder / "latency.yaml").write_text(EXPERIMENT)
    workspace = ["--workspace", str(folder / "results")]
    run = [*MTLENS, "run", str(folder / "latency.yaml"), "--local", *workspace]
    subprocess.run(run, check=True, capture_output=True)
    answer = {
        "bare_python": seconds([sys.executable, "-c", ""]),
        "help": seconds([*MTLENS, "--help"]),
        "sql": seconds([*MTLENS, "sql", "select * from matching", *workspace]),
        "rerun_of_a_finished_experiment": seconds(run),
    }
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
