"""CKA between all models of an experiment: the sets of features that are compared, and the rows for the store.

Every way of comparing sees the same examples in the same order:

    hidden states    debiased and biased CKA between all models at equal layers, with jackknife intervals; layer by layer
                     between task-specific models of one seed, and of each with its multi-task and the pretrained model
    second opinions  CKA of standardised features; Procrustes similarity between task-specific and multi-task models
    changes          debiased CKA of hidden states less those of the pretrained encoder: models that share their beginning
                     are similar trivially, their changes are not
    other pooling    debiased CKA
    permuted         a task-specific model with itself, its examples in another order: what no similarity looks like
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mtlens.config.run_kinds import RUN_KINDS, SINGLE
from mtlens.evidence.jobs import PRETRAINED, Member
from mtlens.evidence.representations.cka import jackknife, procrustes_similarity, similarity_matrix, standardised
from mtlens.evidence.representations.hidden_states import HiddenStates
from mtlens.store.workspace.evidence_tables import CkaRow

Pooling = Literal["mean", "cls"]


@dataclass(frozen=True, kw_only=True)
class _Way:
    """One way of comparing, at equal layers, and the part of a row that says so."""

    pooling: Pooling
    features: Literal["hidden", "changes"]


def similarity_rows(
    members: Sequence[Member], states: Sequence[HiddenStates], pooling: Pooling, report: Callable[[float], None]
) -> list[CkaRow]:
    """All rows of table `cka` for M models with states [L + 1, n, d]; `report` is called with the share that is done."""
    other: Pooling = "cls" if pooling == "mean" else "mean"
    main, beside = ([_pooled(state, name) for state in states] for name in (pooling, other))
    hidden, second = _Way(pooling=pooling, features="hidden"), _Way(pooling=other, features="hidden")
    rows: list[CkaRow] = []
    num_layers = len(main[0])
    rows += _layer_by_layer(members, main, hidden)
    report(0.3)
    for layer in range(num_layers):
        rows += _with_intervals(members, main, hidden, layer)
        rows += _standardised(members, main, hidden, layer)
        rows += _procrustes(members, main, hidden, layer)
        rows += _matrix_rows(members, [state[layer] for state in beside], second, layer, "debiased")
        rows += _permuted(members, [state[layer] for state in main], hidden, layer)
        rows += _changes(members, main, pooling, layer)
        report(0.3 + 0.7 * (layer + 1) / num_layers)
    return rows


def arm_rows(
    members: Sequence[Member], states: Sequence[HiddenStates], pooling: Pooling, report: Callable[[float], None]
) -> list[CkaRow]:
    """Debiased CKA at equal layers between arms and task-specific models, but not within either."""
    way = _Way(pooling=pooling, features="hidden")
    main = [_pooled(state, pooling) for state in states]
    rows: list[CkaRow] = []
    for layer in range(len(main[0])):
        of_layer = _matrix_rows(members, [state[layer] for state in main], way, layer, "debiased")
        rows += [row for row in of_layer if (row.role_a == SINGLE.name) != (row.role_b == SINGLE.name)]
        report((layer + 1) / len(main[0]))
    return rows


def _pooled(states: HiddenStates, pooling: Pooling) -> Tensor:
    return states.mean if pooling == "mean" else states.cls


def _layer_by_layer(members: Sequence[Member], states: Sequence[Tensor], way: _Way) -> list[CkaRow]:
    """CKA between unequal layers, for the pairs that are shown as a heat map: one pass over all M (L + 1) sets."""
    num_layers = len(states[0])
    found = similarity_matrix([layer for state in states for layer in state], names=_names(members, num_layers))
    rows: list[CkaRow] = []
    for a, b in itertools.combinations(range(len(members)), 2):
        if _is_mapped(members[a], members[b]):
            for layer_a, layer_b in itertools.permutations(range(num_layers), 2):
                i, j = a * num_layers + layer_a, b * num_layers + layer_b
                value, reason = found.debiased[i, j], found.undefined[i] or found.undefined[j]
                rows.append(_row(members[a], members[b], way, "debiased", layer_a, float(value), len(states[0][0]), reason,
                                 layer_b=layer_b))  # fmt: skip
    return rows


def _is_mapped(a: Member, b: Member) -> bool:
    """Task-specific models of one seed with each other, with the multi-task model, and with the pretrained one."""
    others = [other for member, other in ((a, b), (b, a)) if member.role == SINGLE.name]
    return any(other.role == PRETRAINED or (_has_learnt(other) and a.seed == b.seed) for other in others)


def _has_learnt(member: Member) -> bool:
    """Whether it was trained on the labels as they are."""
    return member.role in RUN_KINDS and not RUN_KINDS[member.role].control


def _with_intervals(members: Sequence[Member], states: Sequence[Tensor], way: _Way, layer: int) -> list[CkaRow]:
    """Debiased CKA of every pair with its interval over examples, and the biased one beside."""
    sets = [state[layer] for state in states]
    found = similarity_matrix(sets, names=_names(members, 1))
    pairs = list(itertools.combinations(range(len(members)), 2))
    rows: list[CkaRow] = []
    for (a, b), interval in zip(pairs, jackknife(sets, pairs), strict=True):
        reason = found.undefined[a] or found.undefined[b]
        both = (members[a], members[b], way)
        rows.append(_row(*both, "debiased", layer, interval.value, len(sets[0]), reason, low=interval.low, high=interval.high))
        rows.append(_row(*both, "biased", layer, float(found.biased[a, b]), len(sets[0]), reason))
    return rows


def _matrix_rows(members: Sequence[Member], sets: Sequence[Tensor], way: _Way, layer: int, estimator: str) -> list[CkaRow]:
    found = similarity_matrix(sets, names=_names(members, 1))
    return [
        _row(members[a], members[b], way, estimator, layer, float(found.debiased[a, b]), len(sets[0]),
             found.undefined[a] or found.undefined[b])
        for a, b in itertools.combinations(range(len(members)), 2)
    ]  # fmt: skip


def _standardised(members: Sequence[Member], states: Sequence[Tensor], way: _Way, layer: int) -> list[CkaRow]:
    """With every unit on one scale; a layer that is constant in one model has no units left."""
    scaled = [standardised(state[layer]) for state in states]
    whole = [index for index, features in enumerate(scaled) if features.shape[1] > 0]
    if len(whole) < 2:
        return []
    return _matrix_rows([members[i] for i in whole], [scaled[i] for i in whole], way, layer, "standardised")


def _procrustes(members: Sequence[Member], states: Sequence[Tensor], way: _Way, layer: int) -> list[CkaRow]:
    rows: list[CkaRow] = []
    for a, b in itertools.combinations(range(len(members)), 2):
        if _has_learnt(members[a]) and _has_learnt(members[b]):
            value = procrustes_similarity(states[a][layer], states[b][layer])
            reason = "constant features" if math.isnan(value) else None
            rows.append(_row(members[a], members[b], way, "procrustes", layer, value, len(states[a][layer]), reason))
    return rows


def _changes(members: Sequence[Member], states: Sequence[Tensor], pooling: Pooling, layer: int) -> list[CkaRow]:
    start = next((state[layer] for member, state in zip(members, states, strict=True) if member.role == PRETRAINED), None)
    moved = [index for index, member in enumerate(members) if member.role in RUN_KINDS]
    if start is None or len(moved) < 2:
        return []
    sets, way = [states[index][layer] - start for index in moved], _Way(pooling=pooling, features="changes")
    those = [members[index] for index in moved]
    return _matrix_rows(those, sets, way, layer, "debiased") + _permuted(those, sets, way, layer)


def _permuted(members: Sequence[Member], sets: Sequence[Tensor], way: _Way, layer: int) -> list[CkaRow]:
    n = len(sets[0])
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    rows: list[CkaRow] = []
    for member, features in zip(members, sets, strict=True):
        if member.role == SINGLE.name:
            found = similarity_matrix([features, features[order]])
            other = member.model_copy(update={"role": "permuted"})
            rows.append(_row(member, other, way, "debiased", layer, float(found.debiased[0, 1]), n, found.undefined[0]))
    return rows


def _names(members: Sequence[Member], num_layers: int) -> list[str]:
    return [f"{member.label}, layer {layer}" for member in members for layer in range(num_layers)]


def _row(
    a: Member, b: Member, way: _Way, estimator: str, layer: int, value: float, examples: int, reason: str | None,
    *, layer_b: int | None = None, low: float | None = None, high: float | None = None,
) -> CkaRow:  # fmt: skip
    defined = math.isfinite(value)
    return CkaRow(
        role_a=a.role, task_a=a.task, seed_a=a.seed, layer_a=layer,
        role_b=b.role, task_b=b.task, seed_b=b.seed, layer_b=layer if layer_b is None else layer_b,
        pooling=way.pooling, features=way.features, estimator=estimator, value=value if defined else None,
        low=low if defined else None, high=high if defined else None, examples=examples,
        reason=None if defined else reason or "estimated self-similarity not positive",
    )  # fmt: skip
