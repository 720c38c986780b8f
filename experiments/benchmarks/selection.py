"""How long exact selection takes on random scores of all groups: families within a budget, and partitions.

    python -m experiments.benchmarks.selection

Scores are drawn at random (seeded), which is harder than real ones: no group is clearly better.
"""

import time
from collections.abc import Callable

import numpy as np

from mtlens.grouping.optimal_family import Candidates, Selection, best_family, best_partition, best_within
from mtlens.grouping.partitions import all_groups, membership


def random_candidates(num_tasks: int, seed: int = 0) -> Candidates:
    """All groups of T tasks with independent normal scores."""
    groups = tuple(all_groups(num_tasks))
    scores = np.random.default_rng(seed).normal(size=(len(groups), num_tasks))
    return Candidates.from_scores(groups, np.where(membership(groups, num_tasks), scores, np.nan))


def report(what: str, num_tasks: int, solve: Callable[[Candidates], Selection]) -> None:
    """Solve once and print the time."""
    candidates = random_candidates(num_tasks)
    started = time.perf_counter()
    found = solve(candidates)
    seconds = time.perf_counter() - started
    proven = "proven" if found.is_proven else "not proven"
    print(f"{what:32} T = {num_tasks:2}  {len(candidates.groups):6,} groups  {seconds:7.2f} s  {proven}", flush=True)


if __name__ == "__main__":
    for num_tasks in (8, 10, 11):
        report("family, budget 3", num_tasks, lambda known: best_family(known, budget=3))
    for num_tasks in (10, 12, 13):
        report("partition", num_tasks, best_partition)
    for num_tasks in (8, 10, 12):
        report("partition of at most 3 groups", num_tasks, lambda known: best_within(known, budget=3, overlap=False))
