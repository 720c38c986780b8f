"""What other ways to make one model cost: python -m experiments.benchmarks.arms

Tasks on shared texts, all-MiniLM-L6-v2. Per batch, the joint update and that of every other method take turns in one process.
Printed as JSON: medians of the ratios to the joint update, the bound (1 + 2T) / 3 of aggregated gradients (one forward pass of
a third, and two thirds for each of T backward passes), and what is above it. Then the seconds in which each method merges the
encoders of five task-specific models that are in memory, without the choice of a coefficient.
"""

import argparse
import json
import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import parameters_to_vector

from experiments.benchmarks.gradients import EXPERIMENT
from mtlens.config.arms import AGGREGATIONS
from mtlens.config.experiment import Experiment
from mtlens.execution.plan import Plan, make_plan
from mtlens.training.balancing.methods import METHODS
from mtlens.training.batches import epoch_batches
from mtlens.training.hardware import prepare
from mtlens.training.merging import METHODS as MERGING
from mtlens.training.trainer import Trainer

NUM_MERGED = 5


def trainer_of(plan: Plan, balancing: str, threads: int) -> Trainer:
    """A multi-task run that balances its tasks in this way."""
    run = next(planned.run for planned in plan.runs if planned.role == "multi")
    hardware = prepare("auto", threads=threads, gpu=torch.cuda.is_available())
    return Trainer(run.model_copy(update={"balancing": balancing}), plan.encoded, plan.pretrained.directory, hardware)


def seconds_of(trainer: Trainer, rows: NDArray[np.int64]) -> float:
    """One update."""
    _wait(trainer)
    started = time.perf_counter()
    trainer.update(rows, 0.1, measure=False)
    _wait(trainer)
    return time.perf_counter() - started


def _wait(trainer: Trainer) -> None:
    if trainer.hardware.device.type == "cuda":
        torch.cuda.synchronize()


def updates(num_tasks: int, num_batches: int, threads: int) -> dict[str, object]:
    """Ratios of each method's update to the joint one, batch by batch."""
    tasks = EXPERIMENT["tasks"][:num_tasks]
    plan = make_plan(Experiment.model_validate({**EXPERIMENT, "tasks": tasks}), [])
    trainers = {name: trainer_of(plan, name, threads) for name in METHODS}
    for trainer in trainers.values():
        trainer.model.train()
    joint = trainers["none"]
    batches = [rows for rows in epoch_batches(joint.encoded, joint.run.training, seed=0, epoch=0) if len(rows) == 32]
    ratios: dict[str, list[float]] = {name: [] for name in METHODS}
    for number, rows in enumerate(batches[: num_batches + 1]):
        seconds = {name: seconds_of(trainer, rows) for name, trainer in trainers.items()}
        if number:  # kernels are chosen in the first
            for name, taken in seconds.items():
                ratios[name].append(taken / seconds["none"])
    medians = {name: float(np.median(values)) for name, values in ratios.items() if name != "none"}
    bound = (1 + 2 * num_tasks) / 3
    return {
        "tasks": num_tasks,
        "bound": round(bound, 2),
        "update_over_joint": {name: round(value, 2) for name, value in medians.items()},
        "over_bound": {name: round(value / bound, 2) for name, value in medians.items() if name in AGGREGATIONS},
    }


def merging(threads: int) -> dict[str, object]:
    """Seconds of each method on five task vectors of one MiniLM."""
    torch.set_num_threads(threads)
    plan = make_plan(Experiment.model_validate(EXPERIMENT), [])
    weights = parameters_to_vector(trainer_of(plan, "none", threads).model.encoder.parameters()).detach()
    vectors = 1e-3 * torch.randn(NUM_MERGED, len(weights), generator=torch.Generator().manual_seed(0))
    seconds: dict[str, float] = {}
    for name, method in MERGING.items():
        started = time.perf_counter()
        method(vectors, torch.Generator().manual_seed(0))
        seconds[name] = round(time.perf_counter() - started, 2)
    return {"models": NUM_MERGED, "weights": len(weights), "seconds": seconds}


def main() -> None:
    """Take turns and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--tasks", type=int, nargs="+", default=[2, 5])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    measured = [updates(number, arguments.batches, arguments.threads) for number in arguments.tasks]
    print(json.dumps({"threads": arguments.threads, "updates": measured, "merging": merging(arguments.threads)}, indent=1))


if __name__ == "__main__":
    main()
