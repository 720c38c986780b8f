"""How similar two kinds of models are in one layer: from CKA values per pair of models to an effect between floor and ceiling.

For tasks a and b, with models A_s and B_t of seeds s != t and c the CKA of a layer:

    similarity  mean of c(A_s, B_t)
    ceiling     mean of c(A_s, A_t) and of c(B_s, B_t): the same task under another seed
    floor       mean of c(A_s, N_t) and of c(B_s, N_t) over models N that have learnt permuted labels; where there are none,
                untrained encoders
    effect      (similarity - floor) / (ceiling - floor), 1 at the ceiling and 0 at the floor

Seeds are the unit of resampling: leaving out one seed leaves out all pairs with it. `cka_statement` derives intervals and
statements from these values. They apply to the given held-out texts, which all seeds share.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

Model = tuple[str, str | None, int | None]
"""Role, task and seed, as in table `cka`."""

Lookup = Callable[[Model, Model], float | None]
"""CKA of two models in one layer, in any order; None where it is undefined or was not measured."""

Floor = Callable[[str, int, int], Sequence[Model]]
"""(task, seed, floor seed) -> models that give the floor of a task-specific model; those without a seed ignore the last."""

Kind = str
"""tasks: two task-specific models; pretrained; or the kind of run of a model of all tasks, such as multi."""

FloorKind = Literal["shuffled", "untrained", "permuted"]
MIN_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class Values:
    """The three means over pairs among some seeds; NaN where a pair is undefined."""

    similarity: float
    ceiling: float
    floor: float

    @property
    def gap(self) -> float:
        """How far the ceiling is above the floor."""
        return self.ceiling - self.floor

    @property
    def effect(self) -> float:
        """1 at the ceiling, 0 at the floor; NaN where the ceiling is not above the floor."""
        return (self.similarity - self.floor) / self.gap if self.gap > 0 else math.nan

    def surplus(self, margin: float) -> float:
        """Similarity less the lowest value that still counts as similar, ceiling - margin x gap."""
        return self.similarity - self.ceiling + margin * self.gap


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One pair in one layer, from all seeds (`whole`) and without each of the seeds in turn (`left_out`).

    left_out is empty below three seeds. pretrained, untrained and permuted are for comparison.
    """

    whole: Values
    left_out: tuple[Values, ...]
    num_seeds: int
    floor_kind: FloorKind
    pretrained: float
    untrained: float
    permuted: float


def measure(
    kind: Kind,
    task_a: str,
    task_b: str | None,
    seeds: Sequence[int],
    value: Lookup,
    *,
    floor: Floor,
    floor_kind: FloorKind,
) -> Measured:
    """Measure a pair in one layer: two tasks, or `task_a` against the multi-task model or the pretrained encoder."""

    def among(chosen: Sequence[int]) -> Values:
        return _means(kind, task_a, task_b, chosen, value, floor)

    left_out = [among([seed for seed in seeds if seed != left]) for left in seeds] if len(seeds) >= MIN_SEEDS else []
    tasks = [task_a] if task_b is None else [task_a, task_b]
    return Measured(
        whole=among(seeds),
        left_out=tuple(left_out),
        num_seeds=len(seeds),
        floor_kind=floor_kind,
        pretrained=_mean(value(("single", t, s), ("pretrained", None, None)) for t in tasks for s in seeds),
        untrained=_mean(value(("single", t, s), ("untrained", None, u)) for t in tasks for s, u in _pairs(seeds)),
        permuted=_mean(value(("single", t, s), ("permuted", t, s)) for t in tasks for s in seeds),
    )


def _means(kind: Kind, task_a: str, task_b: str | None, seeds: Sequence[int], value: Lookup, floor: Floor) -> Values:
    pairs = _pairs(seeds)
    tasks = [task_a] if task_b is None else [task_a, task_b]

    def other(seed: int) -> Model:
        if kind == "tasks":
            return "single", task_b, seed
        return kind, None, None if kind == "pretrained" else seed

    return Values(
        similarity=_mean(value(("single", task_a, s), other(t)) for s, t in pairs),
        ceiling=_mean(value(("single", task, s), ("single", task, t)) for task in tasks for s, t in pairs if s < t),
        floor=_mean(value(("single", task, s), model) for task in tasks for s, t in pairs for model in floor(task, s, t)),
    )


def _pairs(seeds: Sequence[int]) -> list[tuple[int, int]]:
    """Ordered pairs of different seeds; of one seed with itself where there is only one."""
    return list(permutations(seeds, 2)) if len(seeds) > 1 else [(seed, seed) for seed in seeds]


def _mean(values: Iterable[float | None]) -> float:
    """Mean, or NaN where there are no values or one of them is undefined."""
    known = [math.nan if value is None else value for value in values]
    return math.fsum(known) / len(known) if known else math.nan
