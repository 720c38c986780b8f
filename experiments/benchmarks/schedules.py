"""How long should models train? Learning curves under several upper bounds of epochs, and what patience would have kept.

Each run is trained to its upper bound once, and scored on test whenever it is the best so far on validation. A run with
patience is the first part of that run, so every patience can be evaluated on the same curves.

    python -m experiments.benchmarks.schedules [EXPERIMENT.yaml] [--epochs 6 12 20] [--seeds 0 1] [--tasks NAME ...]
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from mtlens.config.loading import load_experiments
from mtlens.config.run import Run
from mtlens.data.splits import TEST
from mtlens.execution.plan import Plan, make_plan
from mtlens.training import trainer
from mtlens.training.batches import learning_rate_factor
from mtlens.training.hardware import Hardware, prepare
from mtlens.training.progress import Epoch, Progress

PATIENCE = (0, 1, 2, 3, 5)
Curve = list[dict[str, Any]]


def train(plan: Plan, run: Run, hardware: Hardware) -> Curve:
    """A line per epoch: score and loss on validation, and the test score of the best epoch so far."""
    training = trainer.Trainer(run, plan.encoded, plan.pretrained.directory, hardware)
    curve: Curve = []

    def record(epoch: Epoch) -> None:
        better = [prediction.score() for prediction in training.predict(TEST)] if epoch.improved else curve[-1]["test"]
        curve.append({"validation": epoch.validation, "loss": epoch.loss, "test": better})

    training.fit(lambda _: None, record)
    return curve


def stopped(curve: Curve, patience: int) -> tuple[int, bool]:
    """Epochs trained with this patience, and whether the score was still rising in the last one."""
    progress = Progress(task_updates=[])
    for line in curve:
        if progress.exhausted(patience):
            break
        progress.finish_epoch(line["validation"], line["loss"])
    scores = [line["validation"] for line in curve[: progress.epoch]]
    return progress.epoch, len(scores) > 1 and scores[-1] > max(scores[:-1])


def summarise(runs: list[Run], curves: list[Curve], schedule: str, bound: int) -> Iterator[dict[str, Any]]:
    """A line per patience and kind of model: epochs, share still improving, test score x 100 by task."""
    for patience in (p for p in PATIENCE if p < bound):
        for kind in ("single", "multi"):
            chosen = [pair for pair in zip(runs, curves, strict=True) if (len(pair[0].tasks) > 1) == (kind == "multi")]
            ends = [stopped(curve, patience) for _, curve in chosen]
            scores: dict[str, list[float]] = {}
            for (run, curve), (end, _) in zip(chosen, ends, strict=True):
                for task, score in zip(run.tasks, curve[end - 1]["test"], strict=True):
                    scores.setdefault(task.name, []).append(100 * score)
            means = {task: round(fmean(of_seeds), 2) for task, of_seeds in scores.items()}
            yield {
                "schedule": schedule,
                "epochs": bound,
                "patience": patience,
                "kind": kind,
                "epochs_run": round(fmean(end for end, _ in ends), 1),
                "still_improving": round(fmean(rising for _, rising in ends), 2),
                "test": round(fmean(means.values()), 2),
                "by_task": means,
            }


def main() -> None:
    """Print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", type=Path, nargs="?", default=Path("experiments/cervical.yaml"))
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--epochs", type=int, nargs="+", default=[6, 12, 20])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--tasks", nargs="+", help="tasks whose own models are trained; else all")
    parser.add_argument("--constant", action="store_true", help="also a rate that stays at its peak, for the last bound")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    (experiment, *_) = load_experiments(arguments.experiment)
    hardware = prepare("auto", threads=arguments.threads, gpu=False)
    schedules = [("linear", bound) for bound in arguments.epochs] + [("constant", arguments.epochs[-1])] * arguments.constant
    for schedule, bound in schedules:
        trainer.learning_rate_factor = learning_rate_factor if schedule == "linear" else _constant
        training = experiment.training.model_copy(update={"epochs": bound, "patience": 0})
        plan = make_plan(experiment.model_copy(update={"training": training, "seeds": tuple(arguments.seeds)}), arguments.data)
        runs = [
            run for run in plan.distinct if run.method == "full" and (len(run.tasks) > 1 or _is_asked(run, arguments.tasks))
        ]
        curves = [train(plan, run, hardware) for run in runs]
        for line in summarise(runs, curves, schedule, bound):
            print(json.dumps(line), flush=True)
        if os.environ.get("CURVES"):
            for run, curve in zip(runs, curves, strict=True):
                print(json.dumps({"run": run.label, "schedule": schedule, "epochs": bound, "curve": curve}), flush=True)


def _is_asked(run: Run, tasks: list[str] | None) -> bool:
    return tasks is None or run.tasks[0].name in tasks


def _constant(step: int, total: int, warmup: float) -> float:
    """Linear warm-up, then the peak rate to the end."""
    return min(1.0, (step + 1) / max(1, round(warmup * total)))


if __name__ == "__main__":
    main()
