"""Do verdicts on out-of-fold predictions keep their error rates? Coverage, settled tasks and false matches.

    python -m experiments.benchmarks.fold_coverage [TRIALS]

prints JSON. Rows and rates are those of `experiments.benchmarks.interval_coverage`; the examples are cut into folds by cluster,
and seed s predicts fold s mod K alone. `training`: standard deviation of what the choice of the training texts does to the
skill of a model; training sets of two folds of K share (K - 2) / (K - 1) of it.
"""

import json
import math
import sys
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.interval_coverage import OFTEN_WRONG, RARELY_WRONG, Row, draw, true_difference, worse_by_the_margin
from mtlens.statistics.equivalence import compare
from mtlens.statistics.out_of_fold import OutOfFoldPredictions, estimate_out_of_fold

TRIALS = 200


@dataclass(frozen=True, kw_only=True)
class FoldRow:
    """A row whose examples test in folds."""

    row: Row
    folds: int = 5
    training: float = 0.0


def rows() -> dict[str, FoldRow]:
    """The simulated settings."""
    base = Row(clusters_of=1, skill=RARELY_WRONG, seed_effect=0.05, margin=0.05, seeds=5, examples=460)
    often = Row(clusters_of=6, skill=OFTEN_WRONG, seed_effect=0.12, margin=0.10, seeds=5, examples=480)
    return {
        "five folds": FoldRow(row=base),
        "five folds, twice": FoldRow(row=replace(base, seeds=10)),
        "five folds, thrice": FoldRow(row=replace(base, seeds=15)),
        "seven seeds": FoldRow(row=replace(base, seeds=7)),
        "ten folds": FoldRow(row=replace(base, seeds=10), folds=10),
        "two folds, six seeds": FoldRow(row=replace(base, seeds=6), folds=2),
        "no seed effect": FoldRow(row=replace(base, seed_effect=0.0)),
        "large seed effect": FoldRow(row=replace(base, seed_effect=0.3)),
        "large seed effect, twice": FoldRow(row=replace(base, seed_effect=0.3, seeds=10)),
        "training sets matter": FoldRow(row=replace(base, seed_effect=0.05), training=0.1),
        "training sets matter, twice": FoldRow(row=replace(base, seed_effect=0.05, seeds=10), training=0.1),
        "training sets matter more": FoldRow(row=replace(base, seed_effect=0.05), training=0.2),
        "clusters of 6": FoldRow(row=often),
        "clusters of 6, twice": FoldRow(row=replace(often, seeds=10)),
        "clusters of 6, training sets": FoldRow(row=often, training=0.1),
        "rare classes": FoldRow(row=replace(base, clusters_of=2, classes=(0.83, 0.13, 0.04), margin=0.1)),
        "one task": FoldRow(row=replace(often, tasks=1)),
        "one task far noisier": FoldRow(row=replace(base, seed_effect=(0.05, 0.05, 0.05, 0.05, 0.5))),
    }


def draw_folds(setting: FoldRow, generator: np.random.Generator) -> list[OutOfFoldPredictions]:
    """The out-of-fold predictions of one experiment."""
    row, count = setting.row, setting.folds
    fold_of_seed = np.arange(row.seeds) % count
    num_clusters = row.examples // row.clusters_of
    fold_of_cluster = generator.permutation(num_clusters) % count
    found: list[OutOfFoldPredictions] = []
    for task in range(row.tasks):
        skill: Any = tuple(one + _of_training(setting, generator)[fold_of_seed, None] for one in row.skill)  # [S, 1] each
        (drawn,) = draw(replace(row, tasks=1, seed_effect=row.effect(task), skill=skill), generator)
        fold = fold_of_cluster[drawn.cluster]
        tested = fold_of_seed[:, None] == fold
        found.append(
            OutOfFoldPredictions(
                task=f"task {task}",
                num_classes=drawn.num_classes,
                example=drawn.example,
                cluster=drawn.cluster,
                fold=fold,
                labels=drawn.labels,
                fold_of_seed=fold_of_seed,
                tested=tested,
                baseline=np.where(tested, drawn.baseline, 0),
                candidate=np.where(tested, drawn.candidate, 0),
            )
        )
    return found


def _of_training(setting: FoldRow, generator: np.random.Generator) -> NDArray[np.float64]:
    """What the choice of training texts does to a model without each fold, `[K]`: the mean over what the other folds do."""
    count = setting.folds
    of_fold = generator.normal(size=count)
    return setting.training * (of_fold.sum() - of_fold) / math.sqrt(count - 1)


def _crossed(setting: FoldRow) -> Row:
    """The row with seed effects that hold those of training sets, for the true difference."""
    row = setting.row
    effects = tuple(math.hypot(row.effect(task), setting.training) for task in range(row.tasks))
    return replace(row, seed_effect=effects)


def simulate(setting: FoldRow, trials: int, seed: int = 0) -> dict[str, float]:
    """Rates over `trials` simulated experiments; see the top of the file."""
    row, generator = _crossed(setting), np.random.default_rng(seed)
    truth = [true_difference(row, task) for task in range(row.tasks)]
    covered: list[list[bool]] = []
    widths: list[float] = []
    for _ in range(trials):
        of_tasks, mean = estimate_out_of_fold(draw_folds(setting, generator))
        intervals = [estimate.interval(0.90) for estimate in (*of_tasks, mean)]
        covered.append(
            [bool(low <= true <= high) for (low, high), true in zip(intervals, (*truth, np.mean(truth)), strict=True)]
        )
        widths += [(high - low) / 2 for low, high in intervals[:-1]]
    equal = replace(setting, row=replace(setting.row, skill=(setting.row.skill[0],) * 2))
    worse = replace(setting, row=replace(setting.row, skill=worse_by_the_margin(row).skill))
    return {
        "coverage": round(float(np.mean([of_tasks[:-1] for of_tasks in covered])), 3),
        "coverage_of_noisiest": round(float(np.mean([of_tasks[-2] for of_tasks in covered])), 3),
        "coverage_of_mean": round(float(np.mean([of_tasks[-1] for of_tasks in covered])), 3),
        "half_width": round(float(np.mean(widths)), 4),
        "settled": round(float(np.mean(_matches(equal, trials, seed + 1))), 3),
        "false_matches": round(float(np.mean(_matches(worse, trials, seed + 2).any(axis=1))), 3),
    }


def _matches(setting: FoldRow, trials: int, seed: int) -> NDArray[np.bool_]:
    """Which tasks match in each simulated experiment, `[trials, T]`."""
    generator = np.random.default_rng(seed)
    found = (compare(draw_folds(setting, generator), margin=setting.row.margin) for _ in range(trials))
    return np.array([[comparison.verdict == "matches" for comparison in comparisons[:-1]] for comparisons in found])


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    found = {name: {**asdict(setting), **simulate(setting, number)} for name, setting in rows().items()}
    print(json.dumps({"trials": number, "rows": found}, indent=2))
