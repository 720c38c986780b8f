"""Are two kinds of models similar, layer by layer? From measured effects to intervals and statements.

The jackknife over seeds (Efron and Stein 1981) gives the variance of each value, moderated over the pairs of a layer
(`pair_variance`). A layer is *similar* if it falls short of the ceiling by less than `margin` times (ceiling - floor),
*different* if by more, each tested one-sided at 5 %; a layer whose ceiling is not above its floor is uninformative. That *all*
layers are similar is an intersection-union test and needs no correction (Berger 1982); that *some* layer is different is
corrected over the hidden layers of the pair by Holm's method. The statement on a layer is the corrected one, so that a pair is
different if and only if one of its layers is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mtlens.statistics.cka_effect import MIN_SEEDS, Measured
from mtlens.statistics.multiple_testing import holm
from mtlens.statistics.pair_variance import MeanError, jackknife_variance, mean_errors

Statement = Literal["similar", "different", "inconclusive", "uninformative", "undefined"]
MIN_GAP = 0.01
"""A ceiling less than this above the floor is uninformative, however significant the difference is."""

_SILENT = ("undefined", "uninformative")


@dataclass(frozen=True, kw_only=True)
class LayerSimilarity:
    """One pair in one layer. Numbers are None where undefined; p values are one-sided. The module defines them."""

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
class _Errors:
    """Standard errors of one pair; None where a value is undefined."""

    similarity: MeanError | None
    effect: MeanError | None
    gap: MeanError | None
    surplus: MeanError | None


def judge_layer(pairs: Sequence[Measured], *, margin: float, num_tasks: int) -> list[LayerSimilarity]:
    """Judge all pairs of one kind in one layer; `correct` then puts the layers of each pair together."""
    columns = (
        [[values.similarity for values in pair.left_out] for pair in pairs],
        [[values.effect for values in pair.left_out] for pair in pairs],
        [[values.gap for values in pair.left_out] for pair in pairs],
        [[values.surplus(margin) for values in pair.left_out] for pair in pairs],
    )
    errors = [mean_errors([jackknife_variance(values) for values in column], num_tasks) for column in columns]
    return [
        _judge(pair, _Errors(similarity=similarity, effect=effect, gap=gap, surplus=surplus), margin)
        for pair, similarity, effect, gap, surplus in zip(pairs, *errors, strict=True)
    ]


def correct(layers: Sequence[LayerSimilarity]) -> list[LayerSimilarity]:
    """The hidden layers of one pair with *different* corrected for their number."""
    telling = [place for place, layer in enumerate(layers) if layer.statement not in _SILENT]
    adjusted = dict(zip(telling, holm([layers[place].p_different for place in telling]), strict=True))
    return [
        replace(layer, statement="inconclusive", reason="not after correction for the number of layers")
        if layer.statement == "different" and adjusted[place] >= 0.05
        else layer
        for place, layer in enumerate(layers)
    ]


def judge_pair(layers: Sequence[LayerSimilarity]) -> tuple[str, float | None, str]:
    """Corrected statement on all hidden layers, the smallest effect among informative layers, and the reason in words."""
    telling = [(number, layer) for number, layer in enumerate(layers, start=1) if layer.statement not in _SILENT]
    if not telling:
        return (
            "inconclusive",
            None,
            f"none of {len(layers)} layers is informative: the same task is no more alike than the floor",
        )
    silent = f"; {len(layers) - len(telling)} uninformative" if len(telling) < len(layers) else ""
    effects = [layer.effect for _, layer in telling if layer.effect is not None]
    smallest = min(effects, default=None)
    worst = min(telling, key=lambda pair: math.inf if pair[1].effect is None else pair[1].effect)[0]
    where = "" if smallest is None else f", least in layer {worst} ({smallest:.2f} of the way from floor to ceiling)"
    similar = [number for number, layer in telling if layer.statement == "similar"]
    if len(similar) == len(telling):
        return "similar", smallest, f"similar in all {len(telling)} informative layers{silent}{where}"
    if different := [number for number, layer in telling if layer.statement == "different"]:
        return "different", smallest, f"different in layer {', '.join(map(str, different))}{silent}{where}"
    return "inconclusive", smallest, f"similar in {len(similar)} of {len(telling)} informative layers{silent}{where}"


def _judge(pair: Measured, errors: _Errors, margin: float) -> LayerSimilarity:
    whole = pair.whole
    low, high = _interval(whole.similarity, errors.similarity)
    effect_low, effect_high = _interval(whole.effect, errors.effect)
    surplus = whole.surplus(margin)
    p_similar = errors.surplus.p_above(surplus) if errors.surplus else math.nan
    p_different = errors.surplus.p_above(-surplus) if errors.surplus else math.nan
    statement, reason = _state(pair, errors.gap, p_similar, p_different)
    tells = statement not in _SILENT and pair.num_seeds >= MIN_SEEDS
    return LayerSimilarity(
        similarity=_known(whole.similarity),
        low=low,
        high=high,
        ceiling=_known(whole.ceiling),
        floor=_known(whole.floor),
        floor_kind=pair.floor_kind,
        pretrained=_known(pair.pretrained),
        untrained=_known(pair.untrained),
        permuted=_known(pair.permuted),
        effect=_known(whole.effect) if tells else None,
        effect_low=effect_low if tells else None,
        effect_high=effect_high if tells else None,
        p_similar=p_similar,
        p_different=p_different,
        statement=statement,
        reason=reason,
    )


def _state(pair: Measured, gap: MeanError | None, p_similar: float, p_different: float) -> tuple[Statement, str | None]:
    whole = pair.whole
    if not math.isfinite(whole.similarity):
        return "undefined", "similarity is undefined in this layer"
    if pair.num_seeds < MIN_SEEDS:
        return "inconclusive", f"{MIN_SEEDS} seeds at least; found {pair.num_seeds}"
    if not math.isfinite(whole.gap):
        return "inconclusive", "no ceiling or no floor was measured in this way"
    if whole.gap < MIN_GAP or gap is None or gap.p_above(whole.gap) >= 0.05:
        return "uninformative", f"the ceiling {whole.ceiling:.3f} is not clearly above the floor {whole.floor:.3f}"
    if p_similar < 0.05:
        return "similar", None
    return ("different" if p_different < 0.05 else "inconclusive"), None


def _interval(value: float, error: MeanError | None) -> tuple[float | None, float | None]:
    """95 %."""
    if error is None or not math.isfinite(value):
        return None, None
    half = error.half_width(0.95)
    return value - half, value + half


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
