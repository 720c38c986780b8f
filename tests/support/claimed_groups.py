"""An experiment of four tasks of which every group was trained, with fabricated scores and evidence and two claims."""

import json
from itertools import combinations

import numpy as np

from mtlens.config.claim import Claim
from mtlens.config.sections import Search
from mtlens.store.workspace.evidence_folder import CKA, GRADIENTS, LOOKAHEAD, EvidenceFolder
from mtlens.store.workspace.evidence_tables import CkaRow, GradientRow, LookaheadRow, cka_table, gradient_table, lookahead_table
from mtlens.store.workspace.run_tables import to_parquet
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs

TASKS = ("canal", "cord", "disc", "facet")
SEEDS = (0, 1, 2)
CLAIMS = (Claim(evidence="tag", supported=0.2), Claim(evidence="cosine_training", statistic="auc", supported=0.6))
PAIRS = list(combinations(TASKS, 2))
EFFECT = {pair: 0.2 + 0.1 * place for place, pair in enumerate(PAIRS)}  # of one layer; half of it of the other
JOBS = {"similarity": "c" * 16, "gradients": "a" * 16, "lookahead": "b" * 16}


def experiment() -> fake_runs.FakeExperiment:
    """Every pair of four tasks, three of them, and all, under three seeds."""
    fake = fake_runs.fake_experiment(tasks=TASKS, num_examples=120, margin=0.05)
    groups = [
        fake_runs.Planned(
            role="group", candidate=0, run=one.run.model_copy(update={"tasks": kept, "labels": ("0" * 16,) * len(kept)})
        )
        for one in fake.planned
        if one.role == "multi"
        for kept in (*combinations(one.run.tasks, 2), one.run.tasks[:3])
    ]
    spec = fake.experiment.model_copy(update={"search": Search(), "claim": CLAIMS})
    return fake_runs.FakeExperiment(experiment=spec, planned=(*fake.planned, *groups), num_examples=120)


def right(tasks: tuple[str, ...], task: str) -> float:
    """Tasks gain by partners that come late, and lose by early ones."""
    others = [TASKS.index(other) for other in tasks if other != task]
    return 0.7 + (0.15 * (np.mean(others) - 1.5) if others else 0.0)


def similarities() -> bytes:
    """Ceiling 0.9, floor 0.4 in both hidden layers."""
    models = [("single", task, seed) for task in TASKS for seed in SEEDS] + [("untrained", None, seed) for seed in SEEDS]
    rows = []
    for layer, (a, b) in ((layer, pair) for layer in (1, 2) for pair in combinations(models, 2)):
        if "untrained" in (a[0], b[0]):
            value = 0.4
        elif a[1] == b[1]:
            value = 0.9
        else:
            value = 0.4 + 0.5 * EFFECT[a[1], b[1]] / layer
        rows.append(CkaRow(
            role_a=a[0], task_a=a[1], seed_a=a[2], layer_a=layer, role_b=b[0], task_b=b[1], seed_b=b[2], layer_b=layer,
            pooling="mean", features="hidden", estimator="debiased", value=value, low=None, high=None, examples=50, reason=None,
        ))  # fmt: skip
    return to_parquet(cka_table(rows))


def gradients() -> bytes:
    rows = [
        GradientRow(
            setting="multi", seed=seed, stage=stage, epoch=None, layer=None, parameters="all", task_a=a, task_b=b, inner=1.0,
            norm_a=1.0, norm_b=1.0, naive=0.2, debiased=EFFECT[a, b] + 0.02 * seed, split_half=0.3, ceiling=0.6, permuted=0.0,
            conflict_rate=0.1, magnitude_similarity=1.0, microbatches=8, reason=None,
        )
        for stage in ("start", "training", "end")
        for seed in SEEDS
        for a, b in PAIRS
    ]  # fmt: skip
    return to_parquet(gradient_table(rows))


def lookaheads() -> bytes:
    """What a partner does for a task: its place among the tasks."""
    rows = [
        LookaheadRow(
            seed=seed, epoch=1, task_from=a, task_for=b, lookahead=TASKS.index(a) + 0.01 * seed, first_order=1.0, microbatches=4
        )
        for seed in SEEDS
        for a in TASKS
        for b in TASKS
        if a != b
    ]
    return to_parquet(lookahead_table(rows))


def fabricate(workspace: Workspace) -> fake_runs.FakeExperiment:
    fake = experiment()
    fake_runs.save(workspace, fake)
    for run in fake.runs:
        tasks = tuple(task.name for task in run.tasks)
        fake_runs.finish(workspace, run, right={task: right(tasks, task) for task in tasks}, num_examples=120)
    path = workspace.experiments / f"{fake.experiment.experiment_id}.json"
    jobs = [{"job_id": job_id, "kind": kind, "subject": "all"} for kind, job_id in JOBS.items()]
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"evidence": jobs}))
    files = {"similarity": {CKA: similarities()}, "gradients": {GRADIENTS: gradients()}, "lookahead": {LOOKAHEAD: lookaheads()}}
    for kind, job_id in JOBS.items():
        folder = EvidenceFolder(workspace, job_id)
        folder.start({"kind": "test"}, {}, {}).close()
        folder.finish(files[kind], {"seconds": 1.0})
    return fake
