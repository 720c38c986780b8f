"""What gradients of T tasks cost: python -m experiments.benchmarks.gradients

Eight tasks on shared texts, all-MiniLM-L6-v2, evaluation mode. Three things take turns on every microbatch: one forward
pass; ours, that is one forward pass, T backward passes and the Gramian; and the usual way, T forward and T backward passes
and the same Gramian. Prints medians of the ratios as JSON, and apart what backward passes and Gramian cost in forward
passes: if a backward pass costs b of them, ours comes to (1 + bT + Gramian) / (1 + 2T).
"""

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mtlens.config.experiment import Experiment
from mtlens.data.tokenize import Encoded, batches, collate
from mtlens.evidence.gradients.gramian import Gramian, task_gradients
from mtlens.evidence.gradients.parameter_blocks import block_names
from mtlens.execution.plan import make_plan
from mtlens.training.hardware import Hardware, prepare
from mtlens.training.machine import usable_cores
from mtlens.training.model import MultiTaskModel, build_model

BINARY, SEVERITY = ["absent", "present"], ["none", "mild", "moderate", "severe"]
CLASSES = {
    "canal": SEVERITY,
    "foraminal": SEVERITY,
    "disc": ["none", "bulge", "protrusion", "extrusion"],
    "cord": ["normal", "contact", "compression"],
    **{f"{pathology}_any": BINARY for pathology in ("canal", "foraminal", "disc", "cord")},
}
EXPERIMENT = {
    "name": "gradients",
    "data": {"spine": {"region": "cervical", "reports": 200, "relatedness": 0.8}, "splits": {"validation": 0.05, "test": 0.4}},
    "tasks": [{"name": name, "column": name, "classes": classes} for name, classes in CLASSES.items()],
    "training": {"batch_size": 32, "max_length": 128},
    "margin": 0.05,
    "runs": ["single", "multi"],
}
PARTS = ("forward", "backward", "gramian")


class Pass:
    """One microbatch of all tasks: its losses, and what is done with them."""

    def __init__(self, model: MultiTaskModel, encoded: Encoded, hardware: Hardware) -> None:
        names, parameters = zip(*model.encoder.named_parameters(), strict=True)
        self._model, self._encoded, self._hardware = model, encoded, hardware
        self._parameters: tuple[Tensor, ...] = parameters
        self._gramian = Gramian(block_names(names), len(encoded.tasks))

    def losses(self, rows: NDArray[np.int64]) -> list[Tensor]:
        """One forward pass with its graph: mean loss of each task."""
        tokens, mask = (torch.from_numpy(array).to(self._hardware.device) for array in collate(self._encoded, rows))
        labels = torch.from_numpy(self._encoded.labels[rows].astype(np.int64)).to(self._hardware.device)
        with self._hardware.autocast():
            logits = self._model(tokens, mask)
        return [functional.cross_entropy(logits[j], labels[:, j]) for j in range(labels.shape[1])]

    def ours(self, rows: NDArray[np.int64]) -> dict[str, float]:
        """Seconds of one forward pass, of T backward passes through its graph, and of the Gramian."""
        times = [self._now()]
        losses = self.losses(rows)
        times.append(self._now())
        gradients = task_gradients(losses, self._parameters)
        times.append(self._now())
        self._gramian.add(gradients)
        times.append(self._now())
        return dict(zip(PARTS, np.diff(times).tolist(), strict=True))

    def separately(self, rows: NDArray[np.int64]) -> float:
        """Seconds of T forward and T backward passes, and of the Gramian."""
        started = self._now()
        gradients = [task_gradients([self.losses(rows)[j]], self._parameters)[0] for j in range(len(self._encoded.tasks))]
        self._gramian.add(gradients)
        return self._now() - started

    def forward(self, rows: NDArray[np.int64]) -> float:
        """Seconds of one forward pass."""
        started = self._now()
        self.losses(rows)
        return self._now() - started

    def _now(self) -> float:
        if self._hardware.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def measure(one: Pass, microbatches: list[NDArray[np.int64]]) -> Iterator[dict[str, float]]:
    """Ratios on each microbatch, after an untimed pass: kernels are chosen when a shape is first met."""
    for number, rows in enumerate(microbatches):
        one.ours(rows)
        forward: list[float] = []
        ways = {}
        for way in ("ours", "separately") if number % 2 else ("separately", "ours"):
            forward.append(one.forward(rows))
            ways[way] = getattr(one, way)(rows)
        forward.append(one.forward(rows))
        yield _ratios(float(np.median(forward)), ways["ours"], ways["separately"])


def _ratios(forward: float, ours: dict[str, float], separately: float) -> dict[str, float]:
    num_tasks, whole = len(CLASSES), sum(ours.values())
    return {
        "forward_ms": 1e3 * forward,
        "ours_over_1_plus_2T_forwards": whole / ((1 + 2 * num_tasks) * forward),
        "speed_up_over_T_full_passes": separately / whole,
        "backward_in_forwards": ours["backward"] / num_tasks / forward,
        "gramian_in_forwards": ours["gramian"] / forward,
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--microbatches", type=int, default=12)
    num_microbatches = parser.parse_args().microbatches
    plan = make_plan(Experiment.model_validate(EXPERIMENT), [])
    run = next(run for run in plan.distinct if len(run.tasks) == len(CLASSES))
    hardware = prepare("auto", threads=usable_cores(), gpu=torch.cuda.is_available())
    model = build_model(run, plan.pretrained.directory, plan.encoded.vocabulary).to(hardware.device).eval()
    encoded = plan.encoded.select(run.tasks, run.fold)
    rows = encoded.rows("train", list(range(len(run.tasks))))
    microbatches = batches(encoded.lengths, rows, run.training.batch_size, np.random.default_rng(0))[:num_microbatches]
    found = list(measure(Pass(model, encoded, hardware), microbatches))
    print(
        json.dumps(
            {
                "tasks": len(CLASSES),
                "parameters": sum(parameter.numel() for parameter in model.encoder.parameters()),
                "precision": str(hardware.dtype).removeprefix("torch."),
                "threads": hardware.threads,
                "microbatches": len(found),
                **{name: round(float(np.median([ratios[name] for ratios in found])), 3) for name in found[0]},
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
