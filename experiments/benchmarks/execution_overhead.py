"""Overhead of execution on Ray beyond the training itself: python -m experiments.benchmarks.execution_overhead

Twelve runs of real length and then sixty of almost none go through Ray Train on all cores. Prints the wall time, start-up
included, over the bare training time divided by the lanes, and what a run costs beyond training once all lanes have started.
Bare training is updates, validation, and reading the test split once.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mtlens.config.experiment import Experiment
from mtlens.config.run import Outcome, Run
from mtlens.execution.lanes import local_lanes
from mtlens.execution.plan import Plan, make_plan
from mtlens.execution.ray_backend.session import session
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.machine import usable_cores


def experiment(name: str, reports: int, epochs: int, num_seeds: int) -> Experiment:
    """Single-task runs over four tasks of synthetic reports."""
    grades = ["none", "mild", "moderate", "severe"]
    classes = {"canal": grades, "foraminal": grades, "disc": ["none", "bulge", "protrusion", "extrusion"]}
    classes["cord"] = ["normal", "contact", "compression"]
    return Experiment.model_validate(
        {
            "name": name,
            "data": {"spine": {"region": "cervical", "reports": reports}, "splits": {"validation": 0.1, "test": 0.2}},
            "tasks": [{"name": task, "column": task, "classes": names} for task, names in classes.items()],
            "training": {"epochs": epochs, "max_length": 64},
            "margin": 0.05,
            "seeds": list(range(num_seeds)),
            "runs": ["single"],
        }
    )


def run_on_ray(plan: Plan, workspace: Workspace) -> tuple[list[Outcome], float, float]:
    """Outcomes, wall seconds with Ray's own start, and seconds until the first run began."""
    began = time.time()
    with session(None):
        from mtlens.execution.ray_backend.train import run_on_workers

        outcomes = run_on_workers(plan.distinct, plan.encoded, workspace, local_lanes(plan.experiment.resources))
    wall = time.time() - began
    first = min(event_time(workspace, run, "start") for run in plan.distinct)
    return outcomes, wall, first - began


def event_time(workspace: Workspace, run: Run, kind: str) -> float:
    """When a run's journal says that something happened, in seconds since 1970."""
    lines = (RunFolder(workspace, run.run_id).path / "journal-0.jsonl").read_text().splitlines()
    return next(event["time"] for event in map(json.loads, lines) if event["kind"] == kind)


def facts(workspace: Workspace, runs: Sequence[Run], name: str) -> list[float]:
    """One number of every run's DONE."""
    return [float(RunFolder(workspace, run.run_id).facts()[name]) for run in runs]


def main() -> None:
    """Run both experiments and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["real", "tiny"])
    only = parser.parse_args().only
    lanes = usable_cores()
    answer: dict[str, object] = {"lanes": lanes}
    for name, reports, epochs, num_seeds in (("real", 120, 4, 3), ("tiny", 16, 1, 15)):
        if only not in (None, name):
            continue
        plan = make_plan(experiment(name, reports, epochs, num_seeds), [])
        workspace = Workspace.open(Path(tempfile.mkdtemp()))
        outcomes, wall, start_up = run_on_ray(plan, workspace)
        if any(outcome.reason for outcome in outcomes):
            raise SystemExit(f"runs failed: {[outcome.reason for outcome in outcomes if outcome.reason][:1]}")
        training = sum(sum(facts(workspace, plan.distinct, part)) for part in ("seconds", "inference_seconds"))
        answer[name] = {
            "runs": len(outcomes),
            "wall_seconds": round(wall, 1),
            "start_up_seconds": round(start_up, 1),
            "training_seconds": round(training, 1),
            "wall_over_training_per_lane": round(wall / (training / lanes), 3),
            "seconds_per_run_beyond_start_up_and_training": round(((wall - start_up) * lanes - training) / len(outcomes), 3),
        }
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
