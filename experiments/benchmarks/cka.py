"""CKA between all pairs of many feature sets: its time against the time of the bare arithmetic, and against other packages.

    python -m experiments.benchmarks.cka

prints JSON within five minutes on two quiet cores. There are 26 feature sets, as of 2 models with 13 layers, of n = 1024
examples and p = 768 features whose means are as large as their standard deviations: 351 pairs, a set with itself included.
`floor` is the time of S n² p + S² n² / 2 operations, halves of symmetric products left out, at the best rate of a float32
product measured in the same round on a strip's or a whole Gram matrix's shape; `of_default` by `@`, as the other packages
multiply, `of_onednn` by the library that ours uses and that is faster on some processors. `max_error` is against unbiased
HSIC in float64, implemented again here. mtlens and another package take turns; a speed-up is the median over rounds of its
time over the mean of ours before and after.

pytorch-cka 1.1.3, in two ways. `cka_from_features` is its function for features in memory: it takes two lists, so it is
given the sets twice, and makes 2 S Gram matrices. `compute_cka` of a model with itself makes S of them: its fastest way. Both
leave features as they are, not centred, and clamp to [0, 1].

torch-cka 0.21 accepts only models and a data loader, so it is given, twice, a model whose layers return the features, and
a loader with all examples in one batch. It does not use symmetry: for each of S² ordered pairs it makes a Gram matrix and two
products of n³ where a sum of n² would do, about S² (2 n² p + 4 n³) operations. One round.

`grid` has mtlens alone, each in a process of its own; `peak_mib` is the memory beyond that of the features.
"""

import json
import multiprocessing
import resource
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from cka import cka_from_features, compute_cka
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torch_cka import CKA

from mtlens.evidence.representations.cka import similarity_matrix
from mtlens.training.machine import usable_cores

NUM_SETS, NUM_EXAMPLES, NUM_FEATURES = 26, 1024, 768
ROUNDS = 5
GRID = [(sets, n, p) for sets in (13, 26, 104) for n in (256, 1024, 4096) for p in (128, 768)]
STRIP = 128  # rows of a product


class Layer(nn.Module):
    """Answers with the features it was given: running the model costs nothing."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features

    def forward(self, _: Tensor) -> Tensor:
        """All n rows, for the hooks of the other packages."""
        return self.features


class Model(nn.Module):
    """A layer for each feature set."""

    def __init__(self, sets: list[Tensor]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(one) for one in sets)

    def forward(self, batch: Tensor) -> None:
        """Call every layer."""
        for layer in self.layers:
            layer(batch)


def draw(num_sets: int, n: int, p: int) -> list[Tensor]:
    """Feature sets [n, p] that share less and less with a common one."""
    generator = torch.Generator().manual_seed(0)
    common, mean = torch.randn(n, p, generator=generator), torch.randn(p, generator=generator)
    shares = np.linspace(1, 0, num_sets)
    return [common * s**0.5 + torch.randn(n, p, generator=generator) * (1 - s) ** 0.5 + mean for s in shares.tolist()]


def reference(sets: list[Tensor]) -> NDArray[np.float64]:
    """Debiased CKA in float64 from hollow Gram matrices, Song et al. 2012."""
    n = len(sets[0])
    grams = torch.stack([one @ one.T for one in (one.double() - one.double().mean(dim=0) for one in sets)])
    grams.diagonal(dim1=1, dim2=2).zero_()
    rows, flat = grams.sum(dim=2), grams.flatten(1)
    sums = rows.sum(dim=1)
    hsic = flat @ flat.T + torch.outer(sums, sums) / ((n - 1) * (n - 2)) - rows @ rows.T * 2 / (n - 2)
    return (hsic / torch.outer(hsic.diagonal(), hsic.diagonal()).sqrt()).numpy()


def floors(num_sets: int, n: int, p: int) -> dict[str, float]:
    """Seconds that the operations must take at the best rate of the shapes that occur, by each library."""
    found: dict[str, float] = {}
    for rows in (min(STRIP, n), n):
        left, right = torch.randn(rows, p), torch.randn(n, p)
        packed = left.to_mkldnn()
        products = {"default": lambda x=left, y=right: x @ y.T, "onednn": lambda x=packed, y=right: functional.linear(x, y)}
        for name, product in products.items():
            seconds = min(timed(product)[0] for _ in range(10)) / (2 * rows * n * p) * operations(num_sets, n, p)
            found[name] = min(seconds, found.get(name, seconds))
    return found


def operations(num_sets: int, n: int, p: int) -> float:
    """What symmetric products need, a multiplication and an addition counted as two."""
    return num_sets * n**2 * p + num_sets**2 * n**2 / 2


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and answer."""
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


def torch_cka(model: Model, names: list[str], loader: DataLoader[Any]) -> NDArray[np.float64]:
    """The matrix of torch-cka."""
    comparison = CKA(model, model, "first", "second", names, names)
    with torch.inference_mode():
        comparison.compare(loader, loader)
    return comparison.export()["CKA"].numpy()


def others(sets: list[Tensor]) -> dict[str, tuple[int, Callable[[], NDArray[np.float64]]]]:
    """Rounds and call of each other package."""
    stacked, model = torch.stack(sets), Model(sets)
    loader = DataLoader(TensorDataset(torch.empty(len(sets[0]), 1)), batch_size=len(sets[0]))
    names = [f"layers.{index}" for index in range(len(sets))]
    with_itself = partial(compute_cka, model, model, loader, layers=names, device="cpu", progress=False)
    return {
        "pytorch_cka_from_features": (ROUNDS, lambda: cka_from_features(stacked, stacked).numpy()),
        "pytorch_cka_compute_cka": (ROUNDS, lambda: with_itself()[0].numpy()),
        "torch_cka": (1, lambda: torch_cka(model, names, loader)),
    }


def compare(sets: list[Tensor]) -> dict[str, Any]:
    """mtlens and the other packages in turns."""
    ours, truth = partial(similarity_matrix, sets), reference(sets)
    ours()
    report: dict[str, Any] = {"ours": {}}
    turns: list[tuple[float, float, float]] = []  # the floors, and the better of ours before and after
    for name, (rounds, way) in others(sets).items():
        times, ratios, found = [], [], truth
        for _ in range(rounds):
            floor = floors(len(sets), *sets[0].shape)
            (before, _), (seconds, found), (after, _) = timed(ours), timed(way), timed(ours)
            turns.append((floor["default"], floor["onednn"], min(before, after)))
            times.append(seconds)
            ratios.append(2 * seconds / (before + after))
        report[name] = {"speed_up": round(float(np.median(ratios)), 2), **summary(times, found, truth)}
    default, onednn, best = np.array(turns).T
    report["ours"] = {
        **summary(best, ours().debiased, truth),
        "floor_ms": {"of_default": milliseconds(default), "of_onednn": milliseconds(onednn)},
        "ratio_to_floor": {
            "of_default": round(float(np.median(best / default)), 2), "of_onednn": round(float(np.median(best / onednn)), 2),
        },
    }  # fmt: skip
    return report


def milliseconds(seconds: Any) -> float:
    """Their median."""
    return round(1000 * float(np.median(seconds)), 1)


def summary(times: Any, found: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, float]:
    """Median time, and the largest error among all pairs."""
    return {"ms": milliseconds(times), "max_error": float(f"{np.abs(found - truth).max():.1e}")}


def measure(num_sets: int, n: int, p: int) -> dict[str, Any]:
    """One cell of the grid; the best of some calls, one where a call takes seconds."""
    torch.set_num_threads(usable_cores())
    similarity_matrix(draw(2, 256, p))
    sets = draw(num_sets, n, p)
    needed = operations(num_sets, n, p)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    floor = floors(num_sets, n, p)
    seconds = min(timed(lambda: similarity_matrix(sets))[0] for _ in range(1 if needed > 5e11 else 3))
    return {
        "sets": num_sets,
        "examples": n,
        "features": p,
        "ms": round(1000 * seconds, 1),
        "ratio_to_floor": {f"of_{name}": round(seconds / needed, 2) for name, needed in floor.items()},
        "peak_mib": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024),
        "features_mib": round(num_sets * n * p * 4 / 2**20),
    }


def main() -> None:
    """Take turns, walk the grid, print."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(usable_cores())
    sets = draw(NUM_SETS, NUM_EXAMPLES, NUM_FEATURES)
    report = {"threads": usable_cores(), "pairs": NUM_SETS * (NUM_SETS + 1) // 2, **compare(sets)}
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        report["grid"] = list(pool.map(measure, *zip(*GRID, strict=True)))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
