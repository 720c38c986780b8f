"""What a search costs beyond the training itself: python -m experiments.benchmarks.search_overhead

Guided proposals for 15 tasks, from simulated scores of planted clusters, are timed one by one, fitting included: partitions,
partitions with affinities to start from, and covers of at most six models with these. Then all 31 groups of five tasks go
through Ray Tune and the workers of Ray Train; prints the wall time of the groups beyond their training per lane.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from mtlens.config.experiment import Experiment
from mtlens.config.run import Run
from mtlens.execution.experiment import run_experiment
from mtlens.execution.lanes import local_lanes
from mtlens.execution.plan import make_plan
from mtlens.grouping.estimators.base import mean_over_others
from mtlens.grouping.measurements import FeatureAffinities, GradientAffinities, Measured, Pairwise
from mtlens.grouping.partitions import Group, membership, tasks_of
from mtlens.grouping.proposers import Blend, Proposer
from mtlens.store.workspace.run_folder import RunFolder
from mtlens.store.workspace.workspace import Workspace

FAMILIES = 40
MODELS = 6  # of a cover


def proposals(num_tasks: int, *, informed: bool, overlap: bool) -> dict[str, object]:
    """Milliseconds per suggested family, as what is known grows. informed: by five matrices of affinities."""
    generator = np.random.default_rng(0)
    clusters = generator.integers(0, 4, num_tasks)
    affinity = np.where(clusters[:, None] == clusters, 0.05, -0.03)

    def scores(group: Group) -> dict[tuple[Group, int], np.ndarray]:
        gains = mean_over_others(membership([group], num_tasks), affinity)[0]
        return {(group, j): 0.7 + np.nan_to_num(gains[j]) + 0.01 * generator.normal(size=3) for j in tasks_of(group)}

    known: dict[tuple[Group, int], np.ndarray] = {}
    for group in (*(1 << task for task in range(num_tasks)), (1 << num_tasks) - 1):
        known |= scores(group)
    pairwise = Pairwise(values=affinity, errors=np.full(affinity.shape, 0.01)) if informed else None
    gradients = GradientAffinities(cosine=pairwise, lookahead=pairwise, first_order=pairwise, linearised=pairwise)
    proposer, times = Proposer("guided", num_tasks, 0, overlap=overlap), []
    for _ in range(FAMILIES):
        began = time.perf_counter()
        predictor = Blend(Measured(num_tasks=num_tasks, scores=known), gradients, FeatureAffinities(cka=pairwise))
        family = proposer.propose(predictor, lambda _: True, lambda family: not overlap or len(family) <= MODELS)
        times.append(1000 * (time.perf_counter() - began))
        for group in family or ():
            if (group, tasks_of(group)[0]) not in known:
                known |= scores(group)
    about = {"tasks": num_tasks, "informed": informed, "overlap": overlap}
    return {**about, "median_ms": round(float(np.median(times)), 1), "mean_ms": round(float(np.mean(times)), 1)}


def experiment(reports: int, epochs: int) -> Experiment:
    """Five tasks of synthetic reports, one seed."""
    grades = ["none", "mild", "moderate", "severe"]
    classes = {"canal": grades, "foraminal": grades, "disc": ["none", "bulge", "protrusion", "extrusion"]}
    classes |= {"cord": ["normal", "contact", "compression"], "canal_any": ["absent", "present"]}
    return Experiment.model_validate(
        {
            "name": "search",
            "data": {"spine": {"region": "cervical", "reports": reports}, "splits": {"validation": 0.1, "test": 0.2}},
            "tasks": [{"name": task, "column": task, "classes": names} for task, names in classes.items()],
            "training": {"epochs": epochs, "max_length": 64},
            "margin": 0.05,
            "seeds": [0],
            "search": {"method": "exhaustive"},
        }
    )


def search(reports: int, epochs: int) -> dict[str, object]:
    """Wall time of the searched groups, from the first one's start to the last one's end, beside their training per lane."""
    made, workspace = make_plan(experiment(reports, epochs), []), Workspace.open(Path(tempfile.mkdtemp()))
    lanes = local_lanes(made.experiment.resources).side_by_side
    ended = run_experiment(made, workspace, explain=False, local=False, address=None, show=lambda _: None)
    groups = [one.job for one in ended if isinstance(one.job, Run) and 1 < len(one.job.tasks) < len(made.experiment.tasks)]
    spans = [_span(RunFolder(workspace, run.run_id)) for run in groups]
    wall = max(end for _, end in spans) - min(start for start, _ in spans)
    training = sum(end - start for start, end in spans) / lanes
    return {
        "groups": len(groups),
        "failed": sum(bool(one.reason) for one in ended),
        "wall_seconds": round(wall, 1),
        "training_seconds_per_lane": round(training, 1),
        "share_beyond_training": round(1 - training / wall, 3),
    }


def _span(folder: RunFolder) -> tuple[float, float]:
    """When a run's journal begins and ends, in seconds since 1970."""
    lines = (folder.path / "journal-0.jsonl").read_text().splitlines()
    return json.loads(lines[0])["time"], json.loads(lines[-1])["time"]


def main() -> None:
    """Run both and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["proposals", "search"])
    parser.add_argument("--reports", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    answer: dict[str, object] = {}
    if arguments.only != "search":
        kinds = ((False, False), (True, False), (True, True))
        answer["proposals"] = [proposals(15, informed=informed, overlap=overlap) for informed, overlap in kinds]
    if arguments.only != "proposals":
        answer["search"] = search(arguments.reports, arguments.epochs)
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
