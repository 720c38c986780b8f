"""Times updates of the plan's encoder on its own texts.

A rate of matrix products alone is too optimistic: small batches of short texts spend most of an update on the weights
(rounding, clipping, AdamW) and on element-wise functions.
"""

import functools
import time

import torch

from mtlens.config.run import Run
from mtlens.data.mapped import drop_read
from mtlens.execution.encoder_size import encoder_size
from mtlens.execution.flops import update_flops
from mtlens.execution.plan import Plan
from mtlens.training.batches import epoch_batches
from mtlens.training.hardware import prepare, trim_memory
from mtlens.training.trainer import Trainer

_UPDATES = 3  # the first of which is slow and not counted
_MOST_FLOPS = 5e10  # of an update on processors: a large batch is cut, so that it takes less than a second and little memory
_MOST_WEIGHTS = 500_000_000  # of an encoder that is loaded for this
_EFFICIENCY = 0.4  # share of the matrix rate that training of a large encoder is taken to reach


def measured_rate(plan: Plan, run: Run, *, threads: int, gpu: bool) -> float:
    """FLOP/s of one lane in updates of `run` on a batch of median size; for a large encoder, only of matrix products.

    gpu: train on a GPU, where this machine has one.
    """
    weights, layers, width = encoder_size(plan.pretrained)
    hardware = prepare(run.training.precision, threads=threads, gpu=gpu and torch.cuda.is_available())
    if weights > _MOST_WEIGHTS:
        return _EFFICIENCY * matrix_rate(hardware.dtype, hardware.device)
    sample = plan.tokens.sample
    drop_read()
    trim_memory()
    trainer = Trainer(run, sample, plan.pretrained.directory, hardware)
    count = functools.partial(update_flops, trainer.encoded, run=run, weights=weights, attention=4 * layers * width)
    schedule = sorted(epoch_batches(trainer.encoded, run.training, seed=run.seed, epoch=0), key=count)
    rows = schedule[len(schedule) // 2]
    if hardware.device.type == "cpu":
        rows = rows[: max(1, int(len(rows) * _MOST_FLOPS / count(rows)))]
    trainer.model.train()
    times: list[float] = []
    for _ in range(_UPDATES):
        started = time.perf_counter()
        float(trainer.update(rows, 0.0, measure=False)[0, 0])  # reading a value waits for the GPU
        times.append(time.perf_counter() - started)
    return count(rows) / min(times)


def matrix_rate(dtype: torch.dtype, device: torch.device) -> float:
    """FLOP/s of products of a transformer's size; the best of a few, as others use the machine too."""
    left, right = torch.randn(1024, 1024, dtype=dtype, device=device), torch.randn(1024, 4096, dtype=dtype, device=device)
    times: list[float] = []
    for _ in range(10):
        started = time.perf_counter()
        float((left @ right)[0, 0])
        times.append(time.perf_counter() - started)
    return 2 * 1024 * 1024 * 4096 / min(times)
