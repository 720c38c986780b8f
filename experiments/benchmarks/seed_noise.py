"""Verdicts on real noise between seeds, where the truth is known: two sets of repetitions of the same fine-tuning.

    python -m experiments.benchmarks.seed_noise finetuning_accuracy.csv [DRAWS]

The file has columns encoder, dataset, repetition and accuracy: repeated fine-tuning of public text tasks, such as those of
IBM/model-recycling (Apache-2.0). Each draw takes two disjoint sets of S repetitions of every task as the two kinds of models,
so that the true difference is 0. Scores alone have no variance by examples. Prints JSON per encoder, S and margin:

- `match`, `match_by_t`: mean number of tasks that match, one test a task, with the moderated variance and by plain t-intervals
- `match_in_most`, `match_in_most_by_t`: tasks that match in 80 % of the draws
- `false_better_or_worse`: family-wise rate of either verdict, Holm over the tasks; each side has 5 %
- `false_match`: rate of a match, one test a task, where the margin is added to the candidate; `false_match_in_family` with Holm
"""

import csv
import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.estimate import Estimate
from mtlens.statistics.example_variance import ExampleVariance
from mtlens.statistics.multiple_testing import holm
from mtlens.statistics.power import ALPHA
from mtlens.statistics.seed_variance import SeedVariance, moderate

DRAWS = 300
NO_EXAMPLES = ExampleVariance(shared=0.0, private=0.0, unseen=0.0, freedom=math.inf)


def read(path: Path) -> dict[str, NDArray[np.float64]]:
    """Encoder -> scores `[tasks, repetitions]`."""
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            scores[row["encoder"]][row["dataset"]].append(float(row["accuracy"]))
    return {encoder: np.array(list(tasks.values())) for encoder, tasks in scores.items()}


def estimates(differences: NDArray[np.float64], variances: list[SeedVariance]) -> list[Estimate]:
    """The estimates of differences `[tasks, S]`."""
    num_seeds = differences.shape[1]
    return [
        Estimate(difference=float(mean), num_seeds=num_seeds, num_clusters=2, examples=NO_EXAMPLES, seeds=variance)
        for mean, variance in zip(differences.mean(axis=1), variances, strict=True)
    ]


def p_of_match(known: list[Estimate], margin: float) -> NDArray[np.float64]:
    """p values of the equivalence tests."""
    return np.array([max(e.p_above(-margin), e.p_below(margin)) for e in known])


def measure(scores: NDArray[np.float64], num_seeds: int, margin: float, draws: int) -> dict[str, Any]:
    """The rates of one encoder."""
    generator = np.random.default_rng(num_seeds)
    repetitions = scores.shape[1]
    moderated, plain, shifted, families, wrong = [], [], [], [], []
    for _ in range(draws):
        order = np.array([generator.permutation(repetitions)[: 2 * num_seeds] for _ in scores])
        drawn = np.take_along_axis(scores, order, axis=1)
        differences = drawn[:, num_seeds:] - drawn[:, :num_seeds]
        own = np.maximum(differences.var(axis=1, ddof=1), 1e-12).tolist()  # on a small test set seeds may agree
        known = estimates(differences, moderate(own, num_seeds))
        moderated.append(p_of_match(known, margin) < ALPHA)
        plain.append(p_of_match(estimates(differences, [SeedVariance(value=value) for value in own]), margin) < ALPHA)
        p = p_of_match(estimates(differences + margin, moderate(own, num_seeds)), margin)
        shifted.append(p < ALPHA)
        families.append(min(holm(p.tolist())) < ALPHA)
        sides = [holm([e.p_above(0.0) for e in known]), holm([e.p_below(0.0) for e in known])]
        wrong.append([min(side) < ALPHA for side in sides])
    return {
        "seeds": num_seeds,
        "margin": margin,
        "tasks": len(scores),
        "match": round(float(np.mean(moderated)) * len(scores), 1),
        "match_by_t": round(float(np.mean(plain)) * len(scores), 1),
        "match_in_most": int((np.mean(moderated, axis=0) >= 0.8).sum()),
        "match_in_most_by_t": int((np.mean(plain, axis=0) >= 0.8).sum()),
        "false_better_or_worse": round(float(np.any(wrong, axis=1).mean()), 3),
        "false_match": round(float(np.mean(shifted)), 3),
        "false_match_in_family": round(float(np.mean(families)), 3),
    }


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print(
            json.dumps(
                {"skipped": "python -m experiments.benchmarks.seed_noise FILE: no file of repeated fine-tuning was named"}
            )
        )
        sys.exit()
    known = read(Path(sys.argv[1]))
    number = int(sys.argv[2]) if len(sys.argv) > 2 else DRAWS
    result = {
        encoder: [measure(scores, seeds, margin, number) for margin in (0.01, 0.02) for seeds in (3, 5, 10)]
        for encoder, scores in known.items()
    }
    print(json.dumps({"draws": number, "encoders": result}, indent=2))
