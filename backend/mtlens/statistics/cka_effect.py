"""Are two kinds of models similar, layer by layer? From CKA values per pair of models to an effect and a statement.

For tasks a and b, with models A_s and B_t of seeds s != t and c the CKA of a layer:

    similarity  mean of c(A_s, B_t)
    ceiling     mean of c(A_s, A_t) and of c(B_s, B_t): the same task under another seed
    floor       mean of c(A_s, N_t) and of c(B_s, N_t) over models N that have learnt permuted labels; where there are none,
                untrained encoders
    effect      (similarity - floor) / (ceiling - floor), 1 at the ceiling and 0 at the floor

Seeds are the unit of resampling: leaving out one seed leaves out all pairs with it, and the jackknife over seeds (Efron
and Stein 1981) gives standard errors with S - 1 degrees of freedom. A layer is *similar* if it falls short of the ceiling
by less than `margin` times (ceiling - floor), *different* if by more, each tested one-sided at 5 %; a layer whose ceiling
is not above its floor tells nothing. That *all* layers are similar is an intersection-union test and needs no correction
(Berger 1982); that *some* layer is different is corrected by Holm's method.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np
from scipy import stats

from mtlens.statistics.multiple_testing import holm

Model = tuple[str, str | None, int | None]
"""Role, task and seed, as in table `cka`."""

Lookup = Callable[[Model, Model], float | None]
"""CKA of two models in one layer, in any order; None where it is undefined or was not measured."""

Floor = Callable[[str, int, int], Sequence[Model]]
"""Models that a task-specific model of a task and seed cannot be like; the second seed is theirs, if they have one."""

Kind = Literal["tasks", "multi", "pretrained"]
FloorKind = Literal["shuffled", "untrained", "permuted"]
Statement = Literal["similar", "different", "inconclusive", "uninformative", "undefined"]
MIN_SEEDS = 3
MIN_GAP = 0.01
"""A ceiling less than this above the floor is uninformative, however significant the difference is."""


@dataclass(frozen=True, kw_only=True)
class LayerSimilarity:
    """One pair in one layer. Numbers are None where undefined; p values are one-sided. See the top of the file."""

    similarity: float | None
    low: float | None
    high: float | None
    ceiling: float | None
    floor: float | None
    floor_kind: str | None
    pretrained: float | None
    untrained: float | None
    permuted: float | None
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    p_similar: float
    p_different: float
    statement: Statement
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class _Values:
    """The three means over pairs among some seeds; NaN where a pair is undefined."""

    similarity: float
    ceiling: float
    floor: float

    @property
    def gap(self) -> float:
        return self.ceiling - self.floor

    def surplus(self, margin: float) -> float:
        """How far the similarity is above the largest shortfall that is allowed."""
        return self.similarity - self.ceiling + margin * self.gap

    @property
    def effect(self) -> float:
        return (self.similarity - self.floor) / self.gap if self.gap > 0 else math.nan


def judge_layer(
    kind: Kind,
    task_a: str,
    task_b: str | None,
    seeds: Sequence[int],
    value: Lookup,
    *,
    margin: float,
    floor: Floor,
    floor_kind: FloorKind,
) -> LayerSimilarity:
    """Judge a pair in one layer: two tasks, or `task_a` against the multi-task model or the pretrained encoder."""

    def among(chosen: Sequence[int]) -> _Values:
        return _means(kind, task_a, task_b, chosen, value, floor)

    whole = among(seeds)
    left_out = [among([seed for seed in seeds if seed != left]) for left in seeds] if len(seeds) >= MIN_SEEDS else []
    low, high = _interval(whole.similarity, [estimate.similarity for estimate in left_out])
    effect_low, effect_high = _interval(whole.effect, [estimate.effect for estimate in left_out])
    p_similar, p_different = _tests(whole.surplus(margin), [estimate.surplus(margin) for estimate in left_out])
    statement, reason = _state(whole, left_out, p_similar, p_different, len(seeds))
    tells = statement not in ("undefined", "uninformative")
    tasks = [task_a] if task_b is None else [task_a, task_b]
    return LayerSimilarity(
        similarity=_known(whole.similarity),
        low=low,
        high=high,
        ceiling=_known(whole.ceiling),
        floor=_known(whole.floor),
        floor_kind=floor_kind,
        pretrained=_known(_mean(value(("single", t, s), ("pretrained", None, None)) for t in tasks for s in seeds)),
        untrained=_known(_mean(value(("single", t, s), ("untrained", None, u)) for t in tasks for s, u in _pairs(seeds))),
        permuted=_known(_mean(value(("single", t, s), ("permuted", t, s)) for t in tasks for s in seeds)),
        effect=_known(whole.effect) if tells else None,
        effect_low=effect_low if tells else None,
        effect_high=effect_high if tells else None,
        p_similar=p_similar,
        p_different=p_different,
        statement=statement,
        reason=reason,
    )


def judge_pair(layers: Sequence[LayerSimilarity]) -> tuple[str, float | None, str]:
    """Statement on all hidden layers, the smallest effect among those that tell, and the reason in words."""
    telling = [
        (number, layer) for number, layer in enumerate(layers, start=1) if layer.statement not in ("undefined", "uninformative")
    ]
    if not telling:
        return "inconclusive", None, f"none of {len(layers)} layers tells: the same task is no more alike than the floor"
    silent = f"; {len(layers) - len(telling)} tell nothing" if len(telling) < len(layers) else ""
    effects = [layer.effect for _, layer in telling if layer.effect is not None]
    smallest = min(effects, default=None)
    worst = min(telling, key=lambda pair: math.inf if pair[1].effect is None else pair[1].effect)[0]
    where = "" if smallest is None else f", least in layer {worst} ({smallest:.2f} of the way from floor to ceiling)"
    if all(layer.p_similar < 0.05 for _, layer in telling):
        return "similar", smallest, f"similar in all {len(telling)} layers that tell{silent}{where}"
    adjusted = holm([layer.p_different for _, layer in telling])
    different = [number for (number, _), p in zip(telling, adjusted, strict=True) if p < 0.05]
    if different:
        return "different", smallest, f"different in layer {', '.join(map(str, different))}{silent}{where}"
    settled = sum(layer.p_similar < 0.05 for _, layer in telling)
    return "inconclusive", smallest, f"similar in {settled} of {len(telling)} layers that tell{silent}{where}"


def _means(kind: Kind, task_a: str, task_b: str | None, seeds: Sequence[int], value: Lookup, floor: Floor) -> _Values:
    pairs = _pairs(seeds)
    tasks = [task_a] if task_b is None else [task_a, task_b]
    others: dict[Kind, Callable[[int], Model]] = {
        "tasks": lambda seed: ("single", task_b, seed),
        "multi": lambda seed: ("multi", None, seed),
        "pretrained": lambda _: ("pretrained", None, None),
    }
    other = others[kind]
    return _Values(
        similarity=_mean(value(("single", task_a, s), other(t)) for s, t in pairs),
        ceiling=_mean(value(("single", task, s), ("single", task, t)) for task in tasks for s, t in pairs if s < t),
        floor=_mean(value(("single", task, s), one) for task in tasks for s, t in pairs for one in floor(task, s, t)),
    )


def _pairs(seeds: Sequence[int]) -> list[tuple[int, int]]:
    """Ordered pairs of different seeds; of one seed with itself where there is only one."""
    return list(permutations(seeds, 2)) if len(seeds) > 1 else [(seed, seed) for seed in seeds]


def _mean(values: Iterable[float | None]) -> float:
    """Mean, or NaN where there are no values or one of them is undefined."""
    known = [math.nan if value is None else value for value in values]
    return math.fsum(known) / len(known) if known else math.nan


def _state(
    whole: _Values, left_out: Sequence[_Values], p_similar: float, p_different: float, num_seeds: int
) -> tuple[Statement, str | None]:
    if not math.isfinite(whole.similarity):
        return "undefined", "similarity is undefined in this layer"
    if not left_out:
        return "inconclusive", f"{MIN_SEEDS} seeds at least; found {num_seeds}"
    if not math.isfinite(whole.gap):
        return "inconclusive", "no ceiling or no floor was measured in this way"
    above, _ = _tests(whole.gap, [estimate.gap for estimate in left_out])
    if whole.gap < MIN_GAP or above >= 0.05:
        return "uninformative", f"the ceiling {whole.ceiling:.3f} is not clearly above the floor {whole.floor:.3f}"
    if p_similar < 0.05:
        return "similar", None
    return ("different" if p_different < 0.05 else "inconclusive"), None


def _standard_error(left_out: Sequence[float]) -> float:
    """sqrt((S-1)/S sum (theta_i - mean)²) over leave-one-out values."""
    values = np.asarray(left_out)
    return math.sqrt((len(values) - 1) / len(values) * float(((values - values.mean()) ** 2).sum()))


def _interval(value: float, left_out: Sequence[float]) -> tuple[float | None, float | None]:
    if not left_out or not math.isfinite(value) or not np.isfinite(left_out).all():
        return None, None
    half = float(stats.t.ppf(0.975, len(left_out) - 1)) * _standard_error(left_out)
    return value - half, value + half


def _tests(value: float, left_out: Sequence[float]) -> tuple[float, float]:
    """One-sided p values against value <= 0 and against value >= 0."""
    if not left_out or not math.isfinite(value) or not np.isfinite(left_out).all():
        return math.nan, math.nan
    error = _standard_error(left_out)
    t = value / error if error > 0 else math.copysign(math.inf, value)
    return float(stats.t.sf(t, len(left_out) - 1)), float(stats.t.cdf(t, len(left_out) - 1))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
