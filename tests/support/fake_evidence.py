"""Evidence for the stores of `tests.support.fake_stores`: similarities, gradients and what follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

EXPERIMENT = "e" * 16
LAYERS = 7
NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a store should hold."""

    tasks: tuple[str, ...] = ("disc", "canal", "cord", "foramina")
    classes: tuple[str, ...] = ("none", "mild", "severe")
    seeds: tuple[int, ...] = (0, 1, 2)
    compared: bool = True
    evidence: bool = True
    odd_values: bool = False  # NaN and NULL where numbers should be
    unfinished: int = 0  # runs that have not ended, from the last


def evidence(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables of evidence: every pair is similar except the first task and the last."""
    odd = plan.odd_values
    pairs = list(combinations(sorted(plan.tasks), 2))
    similar = [_similarity("tasks", a, b, layer, _far(plan, a, b), odd) for a, b in pairs for layer in range(LAYERS)]
    for kind in ("multi", "pretrained"):
        for a in plan.tasks:
            similar += [_similarity(kind, a, None, layer, kind == "pretrained", odd) for layer in range(LAYERS)]
    stages = [("start", None), *(("epoch", epoch) for epoch in (1, 2, 3)), ("end", None), ("training", None)]
    aligned = [
        _alignment(a, b, stage, epoch, layer, _far(plan, a, b), odd)
        for stage, epoch in (stages if len(plan.tasks) < 10 else stages[-2:])
        for a, b in pairs
        for layer in (None, *range(LAYERS))
    ]
    few = len(plan.tasks) < 10
    return {
        "bookkeeping.experiment_evidence_job": [
            {"experiment_id": EXPERIMENT, "position": 0, "job_id": "p", "kind": "similarity", "subject": "all"},
            {"experiment_id": EXPERIMENT, "position": 1, "job_id": "q", "kind": "gradients", "subject": "all"},
        ],
        "bookkeeping.evidence_job_seen": [{"job_id": "p", "state": "done", "seconds": 3.0, "reason": None}],
        "cka": _cells(plan, pairs) if few else [],
        "summary.similarity": similar,
        "summary.alignment": aligned,
        "summary.explanation": _explanations(plan),
        **_search(plan),
    }  # fmt: skip


def _far(plan: Plan, a: str, b: str) -> bool:
    """The first task and the last are not similar; all other pairs are."""
    return {a, b} == {plan.tasks[0], plan.tasks[-1]}


def _similarity(kind: str, a: str, b: str | None, layer: int, far: bool, odd: bool) -> dict[str, Any]:
    depth = layer / (LAYERS - 1)
    ceiling, floor = 0.99 - 0.08 * depth, 0.95 - 0.65 * depth**1.2
    value = ceiling - (0.30 if far else 0.04) * depth - 0.005
    effect = (value - floor) / (ceiling - floor)
    undefined = odd and layer == 2
    statement = "uninformative" if layer == 0 else "different" if far and depth > 0.5 else "similar"
    return {
        "experiment_id": EXPERIMENT, "kind": kind, "task_a": a, "task_b": b, "layer": layer, "pooling": "mean",
        "features": "hidden", "estimator": "debiased", "similarity": None if undefined else value,
        "low": NAN if undefined else value - 0.02, "high": None if undefined else value + 0.02, "ceiling": ceiling,
        "floor": floor, "floor_kind": "shuffled", "pretrained": 0.7, "untrained": 0.2, "permuted": 0.0,
        "effect": None if undefined or layer == 0 else effect, "effect_low": effect - 0.1, "effect_high": effect + 0.1,
        "seeds": 3, "examples": 512, "margin": 0.25, "statement": "undefined" if undefined else statement,
        "reason": "constant layer" if undefined else None, "method": "jackknife over seeds",
    }  # fmt: skip


def _cells(plan: Plan, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Unequal layers between models of one seed, equal layers between models of all seeds; the first of a pair comes first."""
    models = [("single", a, "single", b, 0.9 if _far(plan, a, b) else 0.03) for a, b in pairs]
    models += [("single", task, "multi", None, 0.05) for task in plan.tasks]
    models += [("pretrained", None, "single", task, 0.5) for task in plan.tasks]
    rows: list[dict[str, Any]] = []
    for role_a, task_a, role_b, task_b, distance in models:
        first = (None,) if role_a == "pretrained" else plan.seeds
        for seed_a, seed_b, i, j in product(first, plan.seeds, range(LAYERS), range(LAYERS)):
            if seed_a in (None, seed_b) or i == j:
                depth = max(i, j) / LAYERS
                value = NAN if plan.odd_values and i == 2 else 0.98 - 0.07 * abs(i - j) - 0.5 * distance * depth
                rows.append({
                    "job_id": "p", "role_a": role_a, "task_a": task_a, "seed_a": seed_a, "layer_a": i,
                    "role_b": role_b, "task_b": task_b, "seed_b": seed_b, "layer_b": j, "pooling": "mean",
                    "features": "hidden", "estimator": "debiased", "value": value, "low": 0.1, "high": 0.99,
                    "examples": 512, "reason": None,
                })  # fmt: skip
    return rows


def _alignment(a: str, b: str, stage: str, epoch: int | None, layer: int | None, far: bool, odd: bool) -> dict[str, Any]:
    depth = 0.5 if layer is None else layer / (LAYERS - 1)
    cosine = (-0.25 if far else 0.55) * (1.1 - 0.5 * depth) + 0.02 * (epoch or 0)
    undefined = odd and layer == 3
    return {
        "experiment_id": EXPERIMENT, "setting": "multi", "stage": stage, "epoch": epoch, "layer": layer,
        "parameters": "all", "task_a": a, "task_b": b, "cosine": NAN if undefined else cosine,
        "low": None if undefined else cosine - 0.15, "high": None if undefined else cosine + 0.15,
        "naive": 0.6 * cosine, "split_half": 0.7 * cosine, "ceiling": 0.85 - 0.2 * depth, "floor": 0.01,
        "conflict_rate": 0.7 if far else 0.15, "conflict_low": 0.55 if far else 0.05, "conflict_high": 0.85 if far else 0.25,
        "magnitude_similarity": 0.8, "seeds": 3, "threshold": 0.2,
        "statement": "not identifiable" if undefined else "opposed" if far else "aligned",
        "reason": "gradient norm is not above 0" if undefined else None, "method": "U-statistic; t over seeds",
    }  # fmt: skip


def _explanations(plan: Plan) -> list[dict[str, Any]]:
    scopes = [("group", list(plan.tasks)), *(("task", [task]) for task in plan.tasks)]
    scopes += [("pair", list(pair)) for pair in combinations(sorted(plan.tasks), 2)]
    unlike = {plan.tasks[0], plan.tasks[-1]}
    far = [bool(unlike & set(tasks)) if scope == "task" else unlike <= set(tasks) for scope, tasks in scopes]
    return [
        {
            "experiment_id": EXPERIMENT, "scope": scope, "tasks": tasks, "measured": "matches", "difference": 0.003,
            "cka": "different" if apart else "similar", "cka_effect": 0.4, "cka_detail": "in 3 of 6 layers",
            "gradients": "opposed" if apart else "aligned", "gradient_cosine": 0.3,
            "gradients_detail": "whole encoder", "agreement": "contradicts" if apart else "agrees",
            "method": "all layers that can tell",
        }
        for (scope, tasks), apart in zip(scopes, far, strict=True)
    ]  # fmt: skip


METHODS = ("exhaustive oracle", "pairs (HOA)", "CKA", "task means")


def _search(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    """A search in which each method proposes the last task alone and, second, one model for all."""
    about = {"experiment_id": EXPERIMENT}
    families = ([list(plan.tasks[:-1]), [plan.tasks[-1]]], [list(plan.tasks)])
    tables: dict[str, list[dict[str, Any]]] = {"grouping": [], "grouping_member": [], "summary.group_score": []}
    for number, (method, (rank, groups)) in enumerate(product(METHODS, enumerate(families, start=1))):
        trained = method != "task means" or rank == 2
        tables["grouping"].append({
            **about, "grouping_id": number, "method": method, "rank": rank, "cost": float(len(groups)),
            "predicted": 0.88, "predicted_low": NAN if plan.odd_values else 0.86, "predicted_high": 0.90,
            "measured": 0.88 - 0.01 * rank if trained else None, "measured_low": 0.85, "measured_high": 0.89,
            "regret": 0.002 * number if trained else None, "discovery_seconds": 100.0 + 40 * number, "recommended": False,
        })  # fmt: skip
        tables["grouping_member"] += [
            {**about, "grouping_id": number, "position": position, "task": task, "serves": True}
            for position, group in enumerate(groups)
            for task in group
        ]
    for method, (place, task) in product(METHODS[1:], enumerate(plan.tasks)):
        gain = 0.01 * (place - 1)
        tables["summary.group_score"].append({
            **about, "method": method, "tasks": list(plan.tasks), "task": task, "predicted": 2 * gain,
            "predicted_low": 2 * gain - 0.02, "predicted_high": None if plan.odd_values else 2 * gain + 0.02,
            "measured": None if method == "task means" else gain, "measured_low": gain - 0.01, "measured_high": gain + 0.01,
        })  # fmt: skip
    judged = {"tasks": list(plan.tasks), "ceiling": [0.4] * len(plan.tasks), "budgets": [1.0, 2.0]}
    judged |= {"permuted_regret": [None if plan.odd_values else 0.02, 0.03]}
    tables["grouping_method"] = [
        {**about, "position": place, "method": method, "rank_correlation": [NAN, *[0.2 * place] * (len(plan.tasks) - 1)],
         "regret": [0.0, 0.004 * place], **judged}
        for place, method in enumerate(METHODS)
    ]  # fmt: skip
    tables["recommendation"] = [{
        **about, "verdict": "inconclusive", "groups": families[0], "models": 2, "tasks": len(plan.tasks), "cost": 2.0,
        "statement": f"2 models instead of {len(plan.tasks)}: undecided for {plan.tasks[0]} (needs 12 seeds)",
        "method": "chosen on validation",
    }]  # fmt: skip
    return tables
