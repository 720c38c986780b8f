"""What a plan will cost: floating-point operations counted, time estimated at a rate measured on the spot."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mtlens.config.arms import AGGREGATIONS
from mtlens.config.run import Run
from mtlens.config.sections import Training
from mtlens.data.splits import SCORED
from mtlens.data.tokenize import Encoded
from mtlens.execution.plan import Plan
from mtlens.training.batches import epoch_batches
from mtlens.training.hardware import prepare
from mtlens.training.model import count_multiplied

MOST_COEFFICIENTS = 10  # that a merged encoder is tried with on validation
EFFICIENCY = 0.55  # share of the matrix rate that training reaches (experiments/benchmarks/throughput.py)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What some runs need at most, if each trains to its last epoch, and at least, if patience ends each as early as it can.

    flops: multiply-adds counted twice. seconds: with all lanes busy. rate: FLOP/s of a lane.
    """

    flops: float
    seconds: float
    least_seconds: float
    rate: float

    def of(self, flops: float, runs: int, lanes: int) -> float:
        """Seconds that other runs take at the same rate."""
        return flops / (self.rate * EFFICIENCY * max(1, min(lanes, runs)))


def estimate(plan: Plan, runs: Sequence[Run], *, lanes: int, threads: int, gpu: bool) -> Cost:
    """FLOPs of some of a plan's runs by counting padded tokens, and the time they take at a matrix rate measured here and now.

    A token costs 2N in a forward pass through N multiplied weights, three times that with the backward pass (Kaplan et
    al. 2020, arXiv 2001.08361, section 2.1), and 4 L d per layer for attention over L tokens of d units.
    gpu: multiply on a GPU, where this machine has one.
    """
    rate = _matrix_rate(plan.experiment.training, threads, gpu)
    most, least = count_flops(plan, runs)
    speed = rate * EFFICIENCY * max(1, min(lanes, len(runs)))
    return Cost(flops=most, seconds=most / speed, least_seconds=least / speed, rate=rate)


def count_flops(plan: Plan, runs: Sequence[Run]) -> tuple[float, float]:
    """FLOPs of some of a plan's runs, at most and at least: each may end before its last epoch."""
    weights, layers, width = count_multiplied(plan.pretrained.directory)
    most, least = 0.0, 0.0
    for run in runs:
        epoch, end = run_flops(plan, run, weights, 4 * layers * width)
        most += run.training.epochs * epoch + end
        least += run.training.least_epochs * epoch + end
    return most, least


def epoch_flops(encoded: Encoded, run: Run, weights: int, attention: int) -> float:
    """One training epoch of a run.

    A backward pass costs two forward passes, one where adapters leave out the gradients of the frozen weights; aggregated
    gradients take a backward pass per task.
    """
    schedule = epoch_batches(encoded, run.training, seed=run.seed, epoch=0)
    lengths = [(len(batch), int(encoded.lengths[batch].max())) for batch in schedule]
    forward = sum(size * length * (2.0 * weights + attention * length) for size, length in lengths)
    backward = (2 if run.method == "full" else 1) * (len(run.tasks) if run.balancing in AGGREGATIONS else 1)
    return forward * (1 + backward)


def run_flops(plan: Plan, run: Run, weights: int, attention: int) -> tuple[float, float]:
    """An epoch with its validation, and a last look at validation and test.

    A model that is made of others has no epochs, and looks at validation with several coefficients.
    """
    encoded = plan.encoded.select(run.tasks, run.fold)
    columns = list(range(len(run.tasks)))
    validation, test = (float((encoded.lengths[encoded.rows(split, columns)] * 2.0 * weights).sum()) for split in SCORED)
    if run.derivation is not None:
        return 0.0, MOST_COEFFICIENTS * validation + test
    return epoch_flops(encoded, run, weights, attention) + validation, validation + test


def _matrix_rate(training: Training, threads: int, gpu: bool) -> float:
    """FLOP/s of one lane on products of a small transformer's size; the best of a few, as others use the machine too."""
    hardware = prepare(training.precision, threads=threads, gpu=gpu and torch.cuda.is_available())
    left = torch.randn(1024, 384, dtype=hardware.dtype, device=hardware.device)
    right = torch.randn(384, 1536, dtype=hardware.dtype, device=hardware.device)
    times: list[float] = []
    for _ in range(20):
        started = time.perf_counter()
        float((left @ right)[0, 0])  # reading a value waits for the GPU
        times.append(time.perf_counter() - started)
    return 2 * 1024 * 384 * 1536 / float(np.min(times))
