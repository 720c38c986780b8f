"""Stores as a dashboard meets them: empty, partial, full with evidence, hostile names and values, and thirty tasks.

These models were not trained: rows go straight into a store, shaped like those of a real experiment.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mtlens.store.database import snapshots, writer
from mtlens.store.workspace.workspace import Workspace
from tests.support.fake_claim import Trained, claim
from tests.support.fake_evidence import EXPERIMENT, NAN, Plan, evidence

START = datetime(2030, 1, 1, 12)
HOSTILE = (
    "<script>alert('x')</script>",
    "quote \" and ' and $x$ and %{y} & <b>bold</b>",
    "n" * 200,
    "spine \N{BONE} \N{SKULL AND CROSSBONES} קנה {0} {{x}}",
)
# Difference of macro-F1, half of its 95 % interval, verdict.
OUTCOMES = (
    (0.004, 0.014, "matches"),
    (-0.006, 0.012, "matches"),
    (0.031, 0.018, "better"),
    (0.002, 0.043, "inconclusive"),
    (-0.048, 0.021, "worse"),
)


class Stores(dict[str, Workspace]):
    """Stores by the names of the functions below, each built when it is first asked for; whoever changes one builds its own."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def __missing__(self, name: str) -> Workspace:
        self[name] = globals()[name](self._root / name)
        return self[name]


def empty(root: Path) -> Workspace:
    """A workspace without an experiment."""
    return _publish(root, {})


def partial(root: Path) -> Workspace:
    """An experiment in the middle: no multi-task run has ended, one run failed, no comparison, no evidence."""
    return build(root, Plan(compared=False, evidence=False, unfinished=6))


def full(root: Path) -> Workspace:
    return build(root, Plan())


def without_evidence(root: Path) -> Workspace:
    return build(root, Plan(evidence=False))


def hostile(root: Path) -> Workspace:
    return build(root, Plan(tasks=HOSTILE, classes=("<i>a</i>", "b" * 100), odd_values=True))


def with_arms(root: Path) -> Workspace:
    """Four ways to make one model, which share the runs of the joint one; the second is recommended."""
    workspace = full(root)
    others = "(VALUES ('upgrad', 0.004), ('aligned_mtl', -0.03), ('task_arithmetic', -0.01)) AS other(name, shift)"
    shifted = ", ".join(f"{column} + shift AS {column}" for column in ("difference", "low90", "high90", "low95", "high95"))
    worse = "if(shift = -0.03, 'worse', verdict) AS verdict"
    change(
        workspace,
        "INSERT INTO experiment_run SELECT er.* REPLACE (name AS role) FROM experiment_run AS er, "
        f"{others} WHERE role = 'multi'",
        f"INSERT INTO comparison SELECT comparison.* REPLACE (name AS kind, {shifted}, {worse}) FROM comparison, {others}",
        "INSERT INTO arm_choice "
        "SELECT experiment_id, 'upgrad', 0.1, true, 'UPGrad: within the margin on validation', 'as said' FROM experiment",
    )
    return workspace


def with_sweep(root: Path) -> Workspace:
    """Three more experiments on synthetic reports whose tasks are less or more related, one on other texts, and a claim."""
    plan = Plan()
    degrees = {"a" * 16: 0.0, "b" * 16: 0.5, "c" * 16: 1.0}
    trained = [Trained(tasks=plan.tasks)]
    trained += [Trained(experiment_id=one, data="cervical", relatedness=at, tasks=plan.tasks) for one, at in degrees.items()]
    others = [_experiment(plan) | {"experiment_id": one, "name": f"spine {at:g}"} for one, at in degrees.items()]
    tables = _tables(plan)
    judged = [row | {"experiment_id": one} for one in degrees for row in tables["summary.similarity"][:1]]  # for its margin
    tables["summary.similarity"] += judged
    return _publish(root, tables | {"experiment": [_experiment(plan), *others]} | claim(trained))


def many_tasks(root: Path) -> Workspace:
    return build(root, Plan(tasks=tuple(f"finding number {number}" for number in range(30)), seeds=(0, 1, 2)))


def build(root: Path, plan: Plan) -> Workspace:
    """A published store with one experiment."""
    return _publish(root, _tables(plan))


def _tables(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    tables = {"experiment": [_experiment(plan)], "task": _tasks(plan), **_training(plan)}
    if plan.compared:
        tables["comparison"] = [_comparison(plan, position, task) for position, task in enumerate((*plan.tasks, None))]
    if plan.evidence:
        tables |= evidence(plan)
        tables |= claim([Trained(tasks=plan.tasks, odd_values=plan.odd_values)], stated=False)
    return tables


def change(workspace: Workspace, *statements: str) -> None:
    """Run SQL on the store and publish it again."""
    with writer.connect(workspace.master) as connection:
        for statement in statements:
            connection.execute(statement)
    snapshots.publish(workspace, snapshots.new_name())


def _publish(root: Path, tables: dict[str, list[dict[str, Any]]]) -> Workspace:
    workspace = Workspace.open(root)
    with writer.connect(workspace.master) as connection:
        writer.create(connection)
        with writer.transaction(connection):
            for name, rows in tables.items():
                if rows:
                    writer.insert(connection, name, pa.Table.from_pylist(rows))
    snapshots.publish(workspace, snapshots.new_name())
    return workspace


def _experiment(plan: Plan) -> dict[str, Any]:
    specification = {
        "name": "spine",
        "encoder": {"name": "tiny", "pooling": "mean"},
        "seeds": plan.seeds,
        "training": {"epochs": 4},
        "tasks": [{"name": task} for task in plan.tasks],
    }
    return {
        "experiment_id": EXPERIMENT, "name": "spine", "created": START, "last_started": START, "margin": 0.02,
        "seeds": list(plan.seeds), "encoder": "tiny", "specification": json.dumps(specification), "notes": ["<b>a note</b>"],
    }  # fmt: skip


def _tasks(plan: Plan) -> list[dict[str, Any]]:
    counts = json.dumps({split: dict.fromkeys(plan.classes, 10) for split in ("train", "validation", "test")})
    return [
        {"experiment_id": EXPERIMENT, "position": position, "task": task, "label_column": task, "task_kind": "classes",
         "metric": "macro_f1", "higher_is_better": True, "margin": 0.02, "unit": 1.0, "weight": 1.0,
         "classes": list(plan.classes), "class_counts": counts}
        for position, task in enumerate(plan.tasks)
    ]  # fmt: skip


def _training(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    models = [("single", (task,)) for task in plan.tasks] + [("multi", plan.tasks)]
    jobs = [(role, tasks, seed) for seed in plan.seeds for role, tasks in models]
    tables: dict[str, list[dict[str, Any]]] = {"experiment_run": [], "run": [], "metric": [], "prediction": [], "event": []}
    for number, (role, tasks, seed) in enumerate(sorted(jobs, key=lambda job: job[0] == "multi")):
        open_place = number - (len(jobs) - plan.unfinished)
        state = "done" if open_place < 0 else ("failed", "unfinished", "unfinished", "waiting")[min(open_place, 3)]
        run_id = f"{number:016x}"
        selected = None if plan.unfinished else True
        tables["experiment_run"].append(
            {"experiment_id": EXPERIMENT, "run_id": run_id, "role": role, "candidate": 0, "selected": selected}
        )
        if state == "waiting":
            continue
        tables["run"].append(_run(run_id, tasks, seed, state, number))
        tables["event"] += _events(run_id, state, number, plan)
        if state == "done":
            for task in tasks:
                tables["metric"] += _metrics(run_id, task, seed, plan)
                tables["prediction"] += _predictions(run_id, task, seed, plan)
    return tables


def _run(run_id: str, tasks: Sequence[str], seed: int, state: str, number: int) -> dict[str, Any]:
    started = START + timedelta(seconds=60 * (number // 2) + 3 * (number % 2))
    ended = started + timedelta(seconds=55) if state != "unfinished" else None
    settings = {"seed": seed, "training": {"epochs": 4}, "tasks": [{"name": task} for task in tasks]}
    return {
        "run_id": run_id, "tasks": list(tasks), "method": "full", "seed": seed, "state": state, "started": started,
        "finished": ended, "seconds": 40.0 + 10 * len(tasks) if ended else None, "epochs_run": 4, "best_epoch": 3,
        "parameters": 11_000_000 + 1000 * len(tasks), "trainable_parameters": 11_000_000, "peak_memory_bytes": 2**30,
        "device": "cpu", "learning_rate": 1e-4, "epochs": 4, "batch_size": 16, "configuration": json.dumps(settings),
        "facts": "{}", "reason": "the loss became NaN: <b>look</b>" if state == "failed" else None,
        "epoch": 4 if ended else 2, "fraction": 1.0 if state == "done" else 0.5,
        "last_event": ended or started + timedelta(seconds=25),
    }  # fmt: skip


def _events(run_id: str, state: str, number: int, plan: Plan) -> list[dict[str, Any]]:
    began = START + timedelta(seconds=60 * (number // 2))
    common = {"run_id": run_id, "journal": 0}
    events = [{**common, "position": 0, "time": began, "kind": "start", "epoch": None, "fraction": 0.0, "payload": "{}"}]
    for epoch in range(1, 5 if state == "done" else 3):
        payload = {"validation": 0.9 - 0.3 / epoch + 0.002 * (number % 5), "loss": 1.2 / epoch, "training_loss": 1.1 / epoch}
        if plan.odd_values and epoch == 2:
            payload = {"validation": "x", "loss": None}
        at = began + timedelta(seconds=10 * epoch)
        events.append({**common, "position": 100 * epoch, "time": at, "kind": "epoch", "epoch": epoch,
                       "fraction": epoch / 4, "payload": json.dumps(payload)})  # fmt: skip
    return events


def _metrics(run_id: str, task: str, seed: int, plan: Plan) -> list[dict[str, Any]]:
    score = 0.85 + 0.01 * seed
    macro_f1 = NAN if plan.odd_values and seed == 0 else score
    values = {"macro_f1": macro_f1, "accuracy": score + 0.02, "loss": 0.4, "ece": 0.05}
    return [
        {"run_id": run_id, "split": split, "task": task, "name": name, "class": None, "value": value}
        for split in ("validation", "test")
        for name, value in values.items()
    ]


def _predictions(run_id: str, task: str, seed: int, plan: Plan) -> list[dict[str, Any]]:
    labels = np.random.default_rng(len(task)).integers(len(plan.classes), size=24)
    random = np.random.default_rng([seed, len(task), int(run_id, 16)])
    predicted = np.where(random.random(24) < 0.85, labels, random.integers(len(plan.classes), size=24))
    return [
        {"run_id": run_id, "split": "test", "task": task, "example_id": f"x{i}", "label": label, "predicted": said}
        for i, (label, said) in enumerate(zip(labels.tolist(), predicted.tolist(), strict=True))
    ]


def _comparison(plan: Plan, position: int, task: str | None) -> dict[str, Any]:
    difference, half, verdict = OUTCOMES[position % len(OUTCOMES)] if task else (0.003, 0.011, "matches")
    few = plan.odd_values and position == 0
    single = [0.86 + 0.01 * seed for seed in range(len(plan.seeds))]
    bounds = {"low95": difference - half, "high95": difference + half, "low90": difference - 0.8 * half,
              "high90": difference + 0.8 * half}  # fmt: skip
    return {
        "experiment_id": EXPERIMENT, "kind": "multi", "task": task, "metric": "macro_f1", "single_mean": 0.87,
        "multi_mean": 0.87 + difference, "single_per_seed": single,
        "multi_per_seed": [score + difference + 0.006 * (i - 1) for i, score in enumerate(single)],
        "seeds": list(plan.seeds), "difference": NAN if few else difference,
        **(dict.fromkeys(bounds, None) if few else bounds),
        "adjusted_p_equivalence": 0.03, "adjusted_p_better": 0.4, "adjusted_p_worse": 0.6, "disagreement_rate": 0.08,
        "examples": 372, "clusters": 62, "margin": 0.02, "verdict": "inconclusive" if few else verdict,
        "still_improving": [],
        "needed": "about 12 seeds, or about 740 test examples" if verdict == "inconclusive" or few else "",
        "not_learnt": "no model ever predicts severe" if verdict == "not learnt" else "", "single_collapsed": [],
        "multi_collapsed": [],
        "method": "macro-F1 paired by example and seed; two one-sided tests, Holm across the tasks",
    }  # fmt: skip
