"""Do the intervals of CKA effects and gradient cosines contain the true values? They are known for simulated pairs of tasks.

The model of each task and seed adds a normal random effect to every value that it takes part in; pairs that share a
task share its models. `own`: each pair by its own variance between seeds; `moderated`: as mtlens does, over the pairs.
Prints a JSON line per setting: coverage of the 95 % interval, its median width, and how often a statement is false at the
edge of the margin.

    python -m experiments.benchmarks.evidence_coverage [--trials 400]
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtlens.statistics.cka_effect import Measured, Model, measure
from mtlens.statistics.cka_statement import LayerSimilarity, judge_layer
from mtlens.statistics.gradient_cosine import Direction, SeedCosine, judge_directions

MARGIN, THRESHOLD = 0.25, 0.2
EFFECT = 1 - MARGIN  # at the edge of the margin
Noise = NDArray[np.float64]


def cka_pairs(generator: np.random.Generator, noise: Noise, seeds: int) -> list[Measured]:
    """All pairs of tasks in one layer; ceiling 0.9, floor 0.4. noise: [T], standard deviation that a task's models add."""
    tasks = len(noise)
    models, nothing = noise[:, None] * generator.normal(size=(2, tasks, seeds))

    def moved(model: Model) -> float:
        role, task, seed = model
        return float((nothing if role == "shuffled" else models)[int(task or 0), seed])

    def value(one: Model, other: Model) -> float | None:
        if not {one[0], other[0]} <= {"single", "shuffled"}:
            return None
        mean = 0.4 if "shuffled" in (one[0], other[0]) else 0.9 if one[1] == other[1] else 0.4 + 0.5 * EFFECT
        return mean + moved(one) + moved(other)

    return [
        measure(
            "tasks", str(a), str(b), range(seeds), value, floor_kind="shuffled",
            floor=lambda _, __, t: [("shuffled", str(task), t) for task in range(tasks)],
        )
        for a, b in combinations(range(tasks), 2)
    ]  # fmt: skip


def cosine_pairs(generator: np.random.Generator, noise: Noise, seeds: int, within: float) -> list[list[SeedCosine]]:
    """All pairs, with a true cosine at the threshold. within: standard error of each seed, told with one degree of freedom."""
    models = noise[:, None] * generator.normal(size=(len(noise), seeds))
    return [
        [
            SeedCosine(cosine=THRESHOLD + moved + within * generator.normal(), error=abs(within * generator.normal()))
            for moved in models[a] + models[b]
        ]
        for a, b in combinations(range(len(noise)), 2)
    ]


def cka_line(found: Sequence[LayerSimilarity]) -> dict[str, Any]:
    """Coverage, width and false statements of effects."""
    known = [(one.effect_low, one.effect_high) for one in found if one.effect_low is not None and one.effect_high is not None]
    return {
        "coverage": _share(low <= EFFECT <= high for low, high in known),
        "width": round(float(np.median([high - low for low, high in known])), 3),
        "false_similar": _share(one.p_similar < 0.05 for one in found),
        "false_different": _share(one.p_different < 0.05 for one in found),
    }


def cosine_line(found: Sequence[Direction]) -> dict[str, Any]:
    """Coverage and width of cosines, and how often a cosine at the threshold is called unrelated."""
    known = [(one.low, one.high) for one in found if one.low is not None and one.high is not None]
    return {
        "coverage": _share(low <= THRESHOLD <= high for low, high in known),
        "width": round(float(np.median([high - low for low, high in known])), 3),
        "false_unrelated": _share(one.statement == "unrelated" for one in found),
    }


def lines(trials: int) -> Iterator[dict[str, Any]]:
    """Every setting: numbers of tasks and seeds, equal tasks or one far noisier, and noise within the seeds."""
    for tasks, seeds, noisy in product((2, 4, 8), (3, 5, 10), (False, True)):
        generator = np.random.default_rng([tasks, seeds, noisy])
        noise = np.where(np.arange(tasks) == 0, 8.0 if noisy else 1.0, 1.0)
        about = {"tasks": tasks, "seeds": seeds, "one_noisy_task": noisy}
        drawn = [cka_pairs(generator, 0.01 * noise, seeds) for _ in range(trials // tasks)]
        own = [judge_layer([pair], margin=MARGIN, num_tasks=2)[0] for pairs in drawn for pair in pairs]
        moderated = [one for pairs in drawn for one in judge_layer(pairs, margin=MARGIN, num_tasks=tasks)]
        yield {"of": "cka", **about, "own": cka_line(own), "moderated": cka_line(moderated)}
        for within in (0.0, 0.1):
            cosines = [cosine_pairs(generator, 0.03 * noise, seeds, within) for _ in range(trials)]
            plain = [
                judge_directions([[SeedCosine(cosine=one.cosine) for one in pair]], THRESHOLD, 2)[0]
                for pairs in cosines
                for pair in pairs
            ]
            found = [direction for pairs in cosines for direction in judge_directions(pairs, THRESHOLD, tasks)]
            yield {"of": "cosine", **about, "within": within, "own": cosine_line(plain), "moderated": cosine_line(found)}


def _share(true: Any) -> float:
    return round(float(np.mean(list(true))), 3)


def main() -> None:
    """Print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    for line in lines(parser.parse_args().trials):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
