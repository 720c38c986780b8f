"""Do the models hold similar representations? View `evidence_cka` by depth, and table `cka` layer by layer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from mtlens.config.run_kinds import MULTI, SINGLE
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard.queries.rows import read_infos, read_rows

PairKind = Literal["tasks", "multi", "pretrained"]


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """How hidden states are pooled, taken and compared; the columns of the same names in view `evidence_cka`."""

    pooling: str = "mean"
    features: str = "hidden"
    estimator: str = "debiased"


DEFAULT = Comparing()


@dataclass(frozen=True, kw_only=True)
class SimilarityInfo:
    """One pair of models at one layer; columns of `evidence_cka`. Layer 0 is the output of the embeddings."""

    kind: PairKind
    task_a: str
    task_b: str | None
    layer: int
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
    seeds: int | None
    examples: int | None
    margin: float | None
    statement: str
    reason: str | None
    method: str | None


@dataclass(frozen=True, kw_only=True)
class ProfileInfo:
    """One pair of models by depth. task_b is None where the second model is multi-task or pretrained."""

    kind: PairKind
    task_a: str
    task_b: str | None
    layers: tuple[SimilarityInfo, ...]

    @property
    def telling(self) -> tuple[SimilarityInfo, ...]:
        """The layers that can tell."""
        return tuple(layer for layer in self.layers if layer.statement not in ("uninformative", "undefined", "not measured"))

    @property
    def weakest_effect(self) -> float | None:
        """Smallest effect among the layers that can tell: 1 at the ceiling, 0 at the floor."""
        return min((layer.effect for layer in self.telling if layer.effect is not None), default=None)

    def involves(self, tasks: Collection[str]) -> bool:
        """Whether all tasks of the pair are among `tasks`."""
        return self.task_a in tasks and (self.task_b is None or self.task_b in tasks)


@dataclass(frozen=True, kw_only=True)
class LayerMatrixInfo:
    """Similarity of every layer of one model with every layer of another under the same seed, mean over seeds.

    values[i][j]: `layers[i]` of the first model against `layers[j]` of the second; reference: similarity to the pretrained
    encoder instead of the other model, mean of both tasks, or None where that was not measured. Cells are None where undefined.
    """

    kind: PairKind
    task_a: str
    task_b: str | None
    layers: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    reference: tuple[tuple[float | None, ...], ...] | None


@dataclass(frozen=True, kw_only=True)
class CellInfo:
    """One pair of seeds in one cell of a matrix, with its interval over examples."""

    seed_a: int | None
    seed_b: int | None
    value: float | None
    low: float | None
    high: float | None
    examples: int | None
    reason: str | None


_PROFILES = """
    SELECT
        kind, task_a, task_b, layer, similarity, low, high, ceiling, floor, floor_kind, pretrained, untrained, permuted,
        effect, effect_low, effect_high, seeds, examples, margin, statement, reason, method
    FROM evidence_cka
    WHERE experiment_id = $experiment_id AND kind = $kind
        AND pooling = $pooling AND features = $features AND estimator = $estimator
    ORDER BY task_a, task_b, layer
"""

_CHOICES = """
    SELECT pooling, features, estimator
    FROM (SELECT DISTINCT pooling, features, estimator FROM evidence_cka WHERE experiment_id = $experiment_id)
    ORDER BY pooling <> (
            SELECT specification ->> '$.encoder.pooling' FROM experiment WHERE experiment_id = $experiment_id
        ), features DESC, list_position(['debiased', 'standardised', 'procrustes', 'biased'], estimator)
"""

# A pair may be stored either way round: both queries turn it, so that the task-specific model comes first.
_MEASURED = """
    SELECT * FROM cka
    WHERE job_id IN (SELECT job_id FROM evidence_job WHERE experiment_id = $experiment_id)
        AND pooling = $pooling AND features = $features AND estimator = $estimator
"""

_MATRICES = f"""
    WITH one_way AS (
        SELECT role_a, task_a, layer_a, role_b, task_b, layer_b, sum(value) FILTER (isfinite(value)) AS total,
            count(*) FILTER (isfinite(value)) AS number
        FROM ({_MEASURED})
        WHERE (seed_a = seed_b OR role_a = 'pretrained' OR role_b = 'pretrained')
            AND list_contains([$single, 'pretrained', $role], role_a)
            AND list_contains([$single, 'pretrained', $role], role_b)
        GROUP BY ALL
    ),
    both_ways AS (
        FROM one_way
        UNION ALL
        SELECT role_b, task_b, layer_b, role_a, task_a, layer_a, total, number FROM one_way
    )
    SELECT role_b, task_a, task_b, layer_a, layer_b, sum(total) / nullif(sum(number), 0) AS value
    FROM both_ways
    WHERE role_a = $single AND (role_b <> $single OR task_a < task_b)
    GROUP BY role_b, task_a, task_b, layer_a, layer_b
    ORDER BY role_b, task_a, task_b, layer_a, layer_b
"""

_CELL = f"""
    WITH measured AS ({_MEASURED} AND least(layer_a, layer_b) = least($layer_a, $layer_b)),
    both_ways AS (
        SELECT role_a, task_a, seed_a, layer_a, role_b, task_b, seed_b, layer_b, value, low, high, examples, reason
        FROM measured
        UNION ALL
        SELECT role_b, task_b, seed_b, layer_b, role_a, task_a, seed_a, layer_a, value, low, high, examples, reason
        FROM measured
    )
    SELECT seed_a, seed_b, value, low, high, examples, reason
    FROM both_ways
    WHERE role_a = $single AND role_b = $role AND task_a = $task_a AND task_b IS NOT DISTINCT FROM $task_b
        AND layer_a = $layer_a AND layer_b = $layer_b
    ORDER BY seed_a, seed_b
"""

_ROLES: dict[PairKind, str] = {"tasks": SINGLE.name, "multi": MULTI.name, "pretrained": "pretrained"}
Matrix = tuple[tuple[float | None, ...], ...]
_Cells = dict[tuple[int, int], float | None]


def profiles(
    workspace: Workspace, experiment_id: str, kind: PairKind = "tasks", comparing: Comparing = DEFAULT
) -> tuple[ProfileInfo, ...]:
    """Same-layer similarity by depth, one profile per pair; nothing where no evidence is stored."""
    params = {"experiment_id": experiment_id, "kind": kind, **vars(comparing)}
    found = read_infos(workspace, SimilarityInfo, _PROFILES, params)
    pairs = groupby(found, key=lambda layer: (layer.task_a, layer.task_b))
    return tuple(ProfileInfo(kind=kind, task_a=a, task_b=b, layers=tuple(layers)) for (a, b), layers in pairs)


def choices(workspace: Workspace, experiment_id: str) -> tuple[Comparing, ...]:
    """Ways of comparing that are stored; the first pools as the heads of the models do, and is the one that verdicts use."""
    return read_infos(workspace, Comparing, _CHOICES, {"experiment_id": experiment_id})


def matrices(
    workspace: Workspace, experiment_id: str, kind: PairKind = "tasks", comparing: Comparing = DEFAULT
) -> tuple[LayerMatrixInfo, ...]:
    """Layer x layer similarity, one matrix per pair; nothing where no layers but equal ones were compared."""
    params = {"experiment_id": experiment_id, "single": SINGLE.name, "role": _ROLES[kind], **vars(comparing)}
    cells: dict[tuple[str, str, str | None], _Cells] = {}
    for role, task_a, task_b, layer_a, layer_b, value in read_rows(workspace, _MATRICES, params).rows:
        cells.setdefault((role, task_a, task_b), {})[layer_a, layer_b] = value
    found = [_matrix(kind, pair, of_pair, cells) for pair, of_pair in cells.items() if pair[0] == _ROLES[kind]]
    return tuple(matrix for matrix in found if any(a != b for a, b in cells[_ROLES[kind], matrix.task_a, matrix.task_b]))


def cell(
    workspace: Workspace,
    experiment_id: str,
    pair: LayerMatrixInfo,
    layer_a: int,
    layer_b: int,
    comparing: Comparing = DEFAULT,
) -> tuple[CellInfo, ...]:
    """The pairs of models behind one cell: those of one seed, of which the matrix is the mean, and others where measured."""
    chosen = {"task_a": pair.task_a, "task_b": pair.task_b, "layer_a": layer_a, "layer_b": layer_b}
    params = {"experiment_id": experiment_id, "single": SINGLE.name, "role": _ROLES[pair.kind], **chosen, **vars(comparing)}
    return read_infos(workspace, CellInfo, _CELL, params)


def _matrix(
    kind: PairKind,
    pair: tuple[str, str, str | None],
    of_pair: _Cells,
    cells: Mapping[tuple[str, str, str | None], _Cells],
) -> LayerMatrixInfo:
    _, task_a, task_b = pair
    layers = tuple(sorted({layer for place in of_pair for layer in place}))
    first = cells.get(("pretrained", task_a, None)) if kind != "pretrained" else None
    second = cells.get(("pretrained", task_b, None)) if task_b is not None else first
    both = None
    if first and second:
        turned = second if task_b is None else {(j, i): value for (i, j), value in second.items()}
        both = {place: _mean(first.get(place), turned.get(place)) for place in first}
    return LayerMatrixInfo(
        kind=kind,
        task_a=task_a,
        task_b=task_b,
        layers=layers,
        values=_square(layers, of_pair),
        reference=_square(layers, both) if both else None,
    )


def _square(layers: tuple[int, ...], cells: _Cells) -> Matrix:
    return tuple(tuple(cells.get((a, b)) for b in layers) for a in layers)


def _mean(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else (one + other) / 2
