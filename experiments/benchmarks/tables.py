"""How long do `mtlens init` and `mtlens plan` take on a large table, and how much memory?

    python -m experiments.benchmarks.tables [ROWS]

writes a CSV of 200,000 rows (or ROWS) of about sixty words of reports with two label columns, a patient and a few quotes,
runs both commands twice on it with an empty cache, and prints JSON: seconds by the clock and CPU seconds, which other work
on the machine disturbs less, and the peaks of memory in megabytes: of all that is resident, and of that without the pages of
mapped files, which the kernel can drop at any time (of the command's own process; read from /proc, so on Linux only).
"""

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPORT = (
    "mild moderate severe stenosis of the spinal canal at this level with no evidence cord compression disc bulge and "
    "foraminal narrowing on left right side is seen there patient was referred for pain in lower back since several weeks "
    "unchanged when compared to previous examination normal height vertebral bodies preserved alignment small haemangioma "
    "facet joints show degenerative changes minimal retrolisthesis without fracture soft tissues follow up after 3 months"
)
PATIENT = 4  # rows
PAUSE = 0.05  # seconds between two looks at the memory of a command


def write_table(path: Path, rows: int) -> None:
    """The same table for the same number of rows."""
    drawn, words = random.Random(0), REPORT.split()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient", "note", "grade", "side"])
        for row in range(rows):
            note = " ".join(drawn.choices(words, k=60)) + (', said to be "stable"' if row % 7 == 0 else "")
            writer.writerow([row // PATIENT, note, drawn.choice(["none", "mild", "severe"]), drawn.choice(["left", "right"])])


def measure(command: list[str], folder: Path) -> dict[str, float]:
    """Run a command in a folder. Raises CalledProcessError where it fails."""
    started = time.perf_counter()
    environment = os.environ | {"MTLENS_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    peak, usage = 0, None
    while usage is None:
        time.sleep(PAUSE)
        peak = max(peak, anonymous_memory(process.pid))
        done, status, rusage = os.wait4(process.pid, os.WNOHANG)
        usage = rusage if done else None
    if code := os.waitstatus_to_exitcode(status):
        raise subprocess.CalledProcessError(code, command)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "megabytes": round(usage.ru_maxrss / 1000),
        "megabytes_without_files": round(peak / 1000),
    }


def anonymous_memory(process: int) -> int:
    """Kilobytes of resident memory of a process that are not pages of a file; 0 once it has ended."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    mtlens = str(Path(sys.executable).with_name("mtlens"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(folder / "notes.csv", rows)
        found: dict[str, object] = {"rows": rows, "table_megabytes": round((folder / "notes.csv").stat().st_size / 1e6)}
        for turn in ("first", "second"):
            (folder / "experiment.yaml").unlink(missing_ok=True)
            found[f"init, {turn} time"] = measure([mtlens, "init", "notes.csv", "--group", "patient"], folder)
            found[f"plan, {turn} time"] = measure([mtlens, "plan", "experiment.yaml"], folder)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
