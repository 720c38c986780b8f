"""Radiologists' notes on lumbar spine MRI through an exported family, against weak labels of their motion segments.

    mtlens extract family/ DIR/lumbar_notes/report_tasks.csv --text note --id patient_id -f json --out notes.jsonl
    python -m experiments.notes notes.jsonl --data DIR          (or MTLENS_DATA)

Texts: Sudirman et al., Radiologists Notes for Lumbar Spine MRI Dataset, Mendeley Data s6bgczr8s2. **The labels are weak: rules
over the text made them**, and their classes are not those of the family, which learned from synthetic reports. So this measures
whether both find something in the same segments, and not medical truth. A segment that no sentence
mentions counts as harmless; Cohen's kappa is 1 for full agreement and 0 for agreement by chance.
"""

import argparse
import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mtlens.data.folders import data_folders, find_file
from mtlens.statistics.metrics.confusion import confusion
from mtlens.statistics.metrics.macro_f1 import macro_f1

DISC = {"none": 0, "bulge": 1, "protrusion": 2, "extrusion": 2}
COMPARED: dict[str, tuple[str, int, Callable[[str, str], int]]] = {
    "disc: none, bulge, beyond": ("disc", 3, lambda label, _: DISC[label]),
    "canal not normal, thecal sac touched": ("canal", 2, lambda label, harmless: int(label != harmless)),
    "root not free, nerve touched": ("root", 2, lambda label, harmless: int(label != harmless)),
}
"""Task of the family, number of classes that are compared, and how its class becomes one of them."""
WEAK = {"disc": "weak_disc", "canal": "weak_thecal", "root": "weak_nerve"}


def kappa(table: np.ndarray) -> float:
    """Cohen's kappa of a square table of counts."""
    shares = table / table.sum()
    chance = float(shares.sum(axis=0) @ shares.sum(axis=1))
    return (float(np.trace(shares)) - chance) / (1 - chance)


def compare(rows: list[dict[str, str]], found: dict[tuple[str, str, str], str | None], name: str) -> dict[str, float]:
    """One comparison over the segments whose weak label is known and on which the family did not abstain."""
    task, classes, of_label = COMPARED[name]
    pairs: list[tuple[int, int]] = []
    for row in rows:
        weak = int(row[WEAK[task]])
        label = found.get((row["patient_id"], row["level"], task), "none")
        if weak >= 0 and label is not None:
            pairs.append((weak if classes > 2 else int(weak > 0), of_label(label, "none")))
    weak, read = np.array(pairs).T
    table = confusion(weak, read, classes)
    return {
        "segments": len(pairs),
        "agree": round(float((weak == read).mean()), 3),
        "kappa": round(kappa(table), 3),
        "macro_f1": round(float(macro_f1(table)), 3),
    }


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("findings", type=Path)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    table = find_file("lumbar_notes/segment_tasks.csv", data_folders(Path(), arguments.data))
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    reports = [json.loads(line) for line in arguments.findings.read_text().splitlines()]
    findings = [(report["id"], one) for report in reports for one in report["findings"]]
    spoken = {(note, one["segment"]) for note, one in findings if one["status"] != "not mentioned"}
    found = {(note, one["segment"], one["task"]): one["label"] for note, one in findings if one["status"] != "not mentioned"}
    affected = {(row["patient_id"], row["level"]) for row in rows if any(int(row[weak]) > 0 for weak in WEAK.values())}
    answer = {
        "notes": len(reports),
        "notes_without_a_segment": sum("no motion segment is mentioned" in report["notes"] for report in reports),
        "segments_spoken_of": len(spoken),
        "abstained": sum(one["status"] == "abstained" for _, one in findings),
        "affected_by_weak_labels": len(affected),
        "of_them_spoken_of": len(affected & spoken),
        "agreement": {name: compare(rows, found, name) for name in COMPARED},
    }
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
