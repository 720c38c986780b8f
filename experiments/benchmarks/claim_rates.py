"""The claim on trial: how often are its intervals and verdicts right, in simulated worlds in which the truth is planted?

    python -m experiments.benchmarks.claim_rates [TRIALS] [ROW ...]

prints a line of JSON per row and world. Every pair of T tasks in E experiments is trained, and the group of all. Two kinds of
evidence, `cka` and `cosine`, are measured with noise, and so are gains, whose noise is in part that of the task's own model,
which all groups of the task share. Worlds: `false`: gains depend on neither kind; `one`: on `cka` alone; `true`: on both alike.
Tasks differ in gains and in evidence whatever the world; in the rows across experiments, so do the experiments.

For each kind of evidence, over the trials:

- `truth`: rank correlation of evidence and gain as measured, in worlds of so many tasks that chance has no part
- `covered`, `auc_covered`: share of 95 % intervals that hold it, and the area likewise; `slope_covered`: the planted slope
- `false_supported`: share of claims at the threshold `truth`, that are called supported; 2.5 % at most
- `false_unsupported`: share of claims a little below the truth that are called not supported
- `above_0`, `supported`, `unsupported`: verdicts on the claims that the rank correlation is above 0 and above 0.3
- `corrected`: median of the corrected rank correlation; `noiseless`: that of the true evidence and gain
"""

import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.claim.points import Points
from mtlens.statistics.claim.predictor import Predictor, Scope, judge
from mtlens.statistics.claim.ranks import roc_auc, spearman
from mtlens.statistics.claim.verdict import judge_claim

TRIALS = 400
MANY_TASKS, MANY_EXPERIMENTS = 32, 100
KINDS = ("cka", "cosine")
SLOPES = {"false": (0.0, 0.0), "one": (0.09, 0.0), "true": (0.065, 0.065)}  # gain per unit of evidence
OF_TASK, OF_PAIR = 0.08, 0.10  # standard deviations of the evidence
EVIDENCE_NOISE = 0.05
TASK_EFFECT, RESIDUAL = 0.01, 0.008  # of gains in score
OWN_NOISE, GROUP_NOISE = 0.005, 0.005  # standard errors of the task's own model and of the group's
EXPERIMENT_EVIDENCE, EXPERIMENT_GAIN = 0.15, 0.012
MARGIN = 0.02


@dataclass(frozen=True, kw_only=True)
class Row:
    """A campaign. shared: the experiments train the same tasks, such as with other encoders; else each has its own."""

    name: str
    tasks: int
    experiments: int
    scope: Scope = "within"
    shared: bool = False


ROWS = (
    Row(name="4 tasks", tasks=4, experiments=1),
    Row(name="8 tasks", tasks=8, experiments=1),
    Row(name="14 tasks", tasks=14, experiments=1),
    Row(name="4 tasks, 5 experiments", tasks=4, experiments=5, shared=True),
    Row(name="5 data sets of 4 tasks", tasks=4, experiments=5),
    Row(name="across 5 experiments with 4 tasks", tasks=4, experiments=5, scope="across", shared=True),
    Row(name="across 8 data sets of 5 tasks", tasks=5, experiments=8, scope="across"),
)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Points of each kind of evidence, and the rank correlation without noise."""

    points: tuple[Points, ...]
    noiseless: tuple[float, ...]


def draw(row: Row, world: str, generator: np.random.Generator, *, with_all: bool = True) -> Trial:
    """One campaign. with_all: the group of all tasks is trained too."""
    num_tasks, rows = row.tasks, row.experiments
    groups = [*combinations(range(num_tasks), 2), *([tuple(range(num_tasks))] if with_all and num_tasks > 2 else [])]
    own = np.array([task for group in groups for task in group])
    partners = np.zeros((len(own), num_tasks))
    for place, (members, task) in enumerate((group, task) for group in groups for task in group):
        partners[place, [other for other in members if other != task]] = 1 / (len(members) - 1)

    def of_tasks(deviation: float) -> NDArray[np.float64]:
        """Effects of tasks `[E, T]`; half of their variance is common to experiments with the same tasks."""
        common = generator.normal(size=num_tasks) if row.shared else generator.normal(size=(rows, num_tasks))
        return deviation * (common + generator.normal(size=(rows, num_tasks))) / np.sqrt(2)

    def of_pairs(deviation: float) -> NDArray[np.float64]:
        """Symmetric effects of pairs `[E, T, T]`."""
        values = np.triu(generator.normal(size=(rows, num_tasks, num_tasks)), 1)
        return deviation * (values + values.transpose(0, 2, 1))

    def of_points(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the partners of each point `[E * n]`."""
        return np.einsum("ent,nt->en", pairs[:, own], partners).ravel()

    slopes = SLOPES[world]
    gains = (of_tasks(TASK_EFFECT)[:, own] + RESIDUAL * generator.normal(size=(rows, len(own)))).ravel()
    is_across = row.scope == "across"
    gains += np.repeat(is_across * EXPERIMENT_GAIN * generator.normal(size=rows), len(own))
    measured, truth = list[Any](), list[Any]()
    for slope in slopes:
        effects = of_tasks(OF_TASK)
        shift = is_across * EXPERIMENT_EVIDENCE * generator.normal(size=(rows, 1, 1))
        pairs = effects[:, :, None] + effects[:, None, :] + of_pairs(OF_PAIR) + shift
        truth.append(of_points(pairs))
        measured.append(of_points(pairs + of_pairs(EVIDENCE_NOISE)))
        gains += slope * truth[-1]
    noise = OWN_NOISE * generator.normal(size=(rows, num_tasks))[:, own] + GROUP_NOISE * generator.normal(size=(rows, len(own)))
    error = np.full(gains.size, np.hypot(OWN_NOISE, GROUP_NOISE))
    found = gains - noise.ravel()
    shares: NDArray[np.float64] = np.tile(partners, (rows, 1)) if row.shared else np.kron(np.eye(rows), partners).astype(float)
    offsets = np.zeros(rows, dtype=int) if row.shared else np.arange(rows) * num_tasks
    points = tuple(
        Points(
            gains=found, gain_errors=error, values=values, errors=EVIDENCE_NOISE * np.sqrt((shares**2).sum(axis=1)),
            kept=_kept(found, error), experiments=np.repeat(np.arange(rows), len(own)),
            own=(own + offsets[:, None]).ravel(), partners=shares, groups=rows * len(groups),
        )
        for values in measured
    )  # fmt: skip
    return Trial(
        points=points, noiseless=tuple(_noiseless(one, values, gains, row) for one, values in zip(points, truth, strict=True))
    )


def _kept(gains: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for what is better or matches by its interval, 0 for worse, NaN for the rest."""
    low, high = gains - 1.96 * errors, gains + 1.96 * errors
    kept = (low > 0) | ((gains - 1.645 * errors > -MARGIN) & (gains + 1.645 * errors < MARGIN))
    return np.where(kept, 1.0, np.where(high < 0, 0.0, np.nan))


def _noiseless(points: Points, values: NDArray[np.float64], gains: NDArray[np.float64], row: Row) -> float:
    return _estimates(replace(points, values=values, gains=gains), row)[0]


def _estimates(points: Points, row: Row) -> tuple[float, float]:
    """Rank correlation and area, without intervals."""
    ones = np.ones((1, len(points.gains)))
    x, y = (points.centred(one, ones) if row.scope == "within" else one[None] for one in (points.values, points.gains))
    return float(spearman(x, y, ones)[0]), float(roc_auc(x, points.kept, ones)[0])


def large(row: Row) -> Row:
    """The same campaign with so many units that chance has little part."""
    tasks = MANY_TASKS if row.scope == "within" else row.tasks
    experiments = 1 if row.scope == "within" else MANY_EXPERIMENTS
    return Row(name=row.name, tasks=tasks, experiments=experiments, scope=row.scope)


def truths(row: Row, world: str, generator: np.random.Generator, worlds: int) -> list[dict[str, float]]:
    """For each kind of evidence: rank correlation and area as measured, and rank correlation without noise.

    Of evidence that gains do not depend on they are known.
    """
    trials = [draw(large(row), world, generator, with_all=row.scope == "across") for _ in range(worlds)]
    found = np.array([[_estimates(points, row) for points in trial.points] for trial in trials]).mean(axis=0)
    noiseless = np.array([trial.noiseless for trial in trials]).mean(axis=0)
    return [
        {"rank": float(rank), "auc": float(auc), "noiseless": float(noiseless[kind])}
        if SLOPES[world][kind]
        else {"rank": 0.0, "auc": 0.5, "noiseless": 0.0}
        for kind, (rank, auc) in enumerate(found)
    ]


def rates(row: Row, world: str, trials: int, worlds: int = 40) -> dict[str, Any]:
    """What a row of output holds."""
    generator = np.random.default_rng([zlib.crc32(row.name.encode()), zlib.crc32(world.encode())])
    known = truths(row, world, generator, worlds)
    found = [[judge(points, row.scope) for points in draw(row, world, generator).points] for _ in range(trials)]
    of_kinds = {
        kind: _summary([one[place] for one in found], known[place], SLOPES[world][place]) for place, kind in enumerate(KINDS)
    }
    return {"row": row.name, "world": world, "trials": trials, **of_kinds}


def _summary(found: Sequence[Predictor], known: dict[str, float], slope: float) -> dict[str, float | None]:
    def verdicts(threshold: float, verdict: str) -> float:
        return float(np.mean([judge_claim(one, "tag", "rank_correlation", threshold).verdict == verdict for one in found]))

    corrected = [one.corrected for one in found if one.corrected is not None]
    return {
        "truth": round(known["rank"], 3),
        "covered": _covered([(one.low, one.high) for one in found], known["rank"]),
        "slope_covered": _covered([(one.slope_low, one.slope_high) for one in found], slope),
        "auc_covered": _covered([(one.auc_low, one.auc_high) for one in found], known["auc"]),
        "false_supported": verdicts(known["rank"], "supported"),
        "false_unsupported": verdicts(known["rank"] - 0.001, "not supported"),
        "above_0": verdicts(0.0, "supported"),
        "supported": verdicts(0.3, "supported"),
        "unsupported": verdicts(0.3, "not supported"),
        "corrected": round(float(np.median(corrected)), 3) if corrected else None,
        "noiseless": round(known["noiseless"], 3),
    }


def _covered(intervals: Sequence[tuple[float | None, float | None]], truth: float) -> float | None:
    """Share of the intervals there are that hold the truth."""
    held = [low <= truth <= high for low, high in intervals if low is not None and high is not None]
    return round(float(np.mean(held)), 3) if held else None


def main(arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every row that is named, or all."""
    trials = int(arguments[0]) if arguments else TRIALS
    for row in ROWS:
        if not arguments[1:] or row.name in arguments[1:]:
            for world in SLOPES:
                yield rates(row, world, trials)


if __name__ == "__main__":
    for line in main(sys.argv[1:]):
        print(json.dumps(line), flush=True)
