"""With which settings are rare classes predicted? python -m experiments.benchmarks.collapse [--data DIR] [--seeds 0 1 2]

Small training sets with a rare class, all-MiniLM-L6-v2. Task-specific and multi-task models are trained with and without
balanced class weights, warm-up and gradient clipping; all other settings are the defaults of an experiment file. Per data
set and setting, as JSON: the share of models that predict one class only for the task with the rare class on the test
split, the share that never predicts its rarest class, and its macro-F1 x 100.

--data: folder with lumbar_notes/report_tasks.csv and nlupp/nlupp.csv, to add public texts to the synthetic reports.
"""

import argparse
import json
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from mtlens.config.experiment import Experiment
from mtlens.data.splits import TEST, TRAIN
from mtlens.execution.plan import Plan, make_plan
from mtlens.training.hardware import prepare
from mtlens.training.trainer import Trainer

BINARY = ["absent", "present"]


def _synthetic(reports: int) -> dict[str, Any]:
    """`data` of so many synthetic reports, of which two fifths train."""
    return {
        "spine": {"region": "cervical", "reports": reports, "relatedness": 0.5},
        "splits": {"validation": 0.15, "test": 0.45, "seed": 0},
    }


DATA_SETS: dict[str, dict[str, Any]] = {  # the first task has the rare class
    "haemangioma": {
        "data": _synthetic(24),
        "tasks": {"haemangioma": {"classes": BINARY}, "disc": {"column": "disc_any", "classes": BINARY}},
    },
    "cord": {
        "data": _synthetic(60),
        "tasks": {
            "cord": {"classes": ["normal", "contact", "compression"]},
            "canal": {"column": "canal_any", "classes": BINARY},
        },
    },
}
PUBLIC: dict[str, dict[str, Any]] = {
    "lumbar notes": {
        "data": {
            "tables": [{"path": "lumbar_notes/report_tasks.csv", "text": "note", "group": "patient_id"}],
            "splits": {"validation": 0.15, "test": 0.45, "seed": 0},
        },
        "tasks": {
            "canal": {"column": "weak_canal", "classes": ["0", "1", "2"]},
            "disc": {"column": "weak_disc", "classes": ["0", "1", "2"]},
        },
    },
    "intents": {
        "data": {
            "tables": [{"path": "nlupp/nlupp.csv", "text": "text"}],
            "splits": {"validation": 0.1, "test": 0.75, "seed": 0},
        },
        "tasks": {
            "fees": {"column": "i_fees_interests", "classes": ["0", "1"]},
            "card": {"column": "i_card", "classes": ["0", "1"]},
        },
    },
}
SETTINGS: dict[str, dict[str, Any]] = {
    "no weights": {"class_weights": "none"},
    "no weights, no warm-up": {"class_weights": "none", "warmup": 0.0},
    "no weights, clip 1000": {"class_weights": "none", "gradient_clip": 1000.0},
    "balanced": {"class_weights": "balanced"},
    "balanced, no warm-up": {"class_weights": "balanced", "warmup": 0.0},
    "balanced, clip 1000": {"class_weights": "balanced", "gradient_clip": 1000.0},
}


def plan_of(data_set: dict[str, Any], settings: dict[str, Any], seeds: list[int], epochs: int, folders: list[Path]) -> Plan:
    """All runs of a data set with some training settings."""
    tasks = [{"name": name, "column": name, **task} for name, task in data_set["tasks"].items()]
    training = {"epochs": epochs, "max_length": 64, **settings}
    content = {
        "name": "collapse",
        "data": data_set["data"],
        "tasks": tasks,
        "training": training,
        "margin": 0.05,
        "seeds": seeds,
    }
    return make_plan(Experiment.model_validate(content), folders)


def measure(plan: Plan, threads: int) -> dict[str, Any]:
    """Shares of collapsed models by kind, on the task with the rare class."""
    rare = plan.experiment.tasks[0]
    found: dict[str, list[tuple[bool, bool, float]]] = {"single": [], "multi": []}
    for planned in plan.runs:
        if any(task.name == rare.name for task in planned.run.tasks):
            hardware = prepare("auto", threads=threads, gpu=False)
            trainer = Trainer(planned.run, plan.encoded, plan.pretrained.directory, hardware)
            trainer.fit(lambda _: None, lambda _: None)
            (prediction,) = [predicted for predicted in trainer.predict(TEST) if predicted.task.name == rare.name]
            rarest = int(np.argmin(list(plan.examples.class_counts(0)[TRAIN].values())))
            never = rarest not in prediction.columns["predicted"]
            found[planned.role].append((prediction.collapsed, never, 100 * prediction.score()))
    return {
        kind: {
            "collapsed": round(fmean(run[0] for run in runs), 2),
            "rarest_never_predicted": round(fmean(run[1] for run in runs), 2),
            "macro_f1": round(fmean(run[2] for run in runs), 1),
        }
        for kind, runs in found.items()
    }


def main() -> None:
    """Train and print a line of JSON per data set and setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", help="data sets; else all")
    arguments = parser.parse_args()
    data_sets = {**DATA_SETS, **(PUBLIC if arguments.data else {})}
    for name in arguments.only or data_sets:
        for setting, changes in SETTINGS.items():
            folders = [arguments.data] if arguments.data else []
            plan = plan_of(data_sets[name], changes, arguments.seeds, arguments.epochs, folders)
            counts = plan.examples.class_counts(0)[TRAIN]
            line = {"data": name, "setting": setting, "training_texts": counts, **measure(plan, arguments.threads)}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
