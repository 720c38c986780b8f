"""CKA and gradient alignment of given tensors, by the estimators that mtlens uses for its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mtlens.api.tables import Shown, Table, number
from mtlens.errors import EvidenceError
from mtlens.evidence.gradients.estimators import Alignment
from mtlens.evidence.gradients.gramian import Gramian
from mtlens.evidence.representations.cka import jackknife, similarity_matrix

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False)
class Similarity(Shown):
    """CKA of two feature sets.

    value: debiased CKA, about 0 for unrelated features; NaN where undefined, and `undefined` says why. low, high: its 95 %
    interval over examples. biased: Kornblith et al. 2019, high for features of more dimensions than examples.
    """

    value: float
    low: float
    high: float
    biased: float
    undefined: str | None

    def _table(self) -> Table:
        cells = (number(self.value), f"{number(self.low)} to {number(self.high)}", number(self.biased))
        notes = [f"undefined: {self.undefined}"] if self.undefined else []
        return Table(title="Linear CKA", headings=("debiased", "95 % interval", "biased"), rows=[cells], notes=notes)


@dataclass(frozen=True, kw_only=True, repr=False)
class GradientAlignment(Shown):
    """How far the gradients of T tasks agree. alignment: every estimate as a matrix [T, T]."""

    tasks: tuple[str, ...]
    alignment: Alignment

    def to_frame(self) -> "pd.DataFrame":
        """One row per pair of tasks. cosine: without the bias of noise; NaN where a gradient is not identifiable."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "task_a": self.tasks[a],
                    "task_b": self.tasks[b],
                    "cosine": self.alignment.debiased[a, b],
                    "naive": self.alignment.naive[a, b],
                    "split_half": self.alignment.split_half[a, b],
                    "ceiling": self.alignment.ceiling[a, b],
                    "conflict_rate": self.alignment.conflict_rate[a, b],
                }
                for a, b in combinations(range(len(self.tasks)), 2)
            ]
        )

    def _table(self) -> Table:
        rows = [
            (f"{row['task_a']}, {row['task_b']}", *(number(row[name]) for name in ("cosine", "naive", "conflict_rate")))
            for row in self.to_frame().to_dict("records")
        ]
        title = f"Cosines of gradients, {len(self.alignment.present)} microbatches"
        return Table(title=title, headings=("tasks", "cosine", "naive", "conflict rate"), rows=rows)


def cka(x: object, y: object) -> Similarity:
    """Linear CKA of two models' features of the same examples: x `[examples, p]`, y `[examples, q]`, arrays or tensors.

    >>> import numpy as np
    >>> import mtlens
    >>> x = np.random.default_rng(0).standard_normal((50, 8))
    >>> round(mtlens.cka(x, 3 * x[:, ::-1]).value, 6)  # scale and rotation do not count
    1.0

    Raises EvidenceError for features that are not floating-point matrices of the same examples, or not finite.
    """
    features = [_tensor(value, name, "[examples, features]") for name, value in (("x", x), ("y", y))]
    matrix = similarity_matrix(features, names=("x", "y"))
    (interval,) = jackknife(features, [(0, 1)], names=("x", "y"))
    reasons = [f"{name}: {reason}" for name, reason in zip(("x", "y"), matrix.undefined, strict=True) if reason]
    return Similarity(
        value=float(matrix.debiased[0, 1]),
        low=interval.low,
        high=interval.high,
        biased=float(matrix.biased[0, 1]),
        undefined="; ".join(reasons) or None,
    )


def gradient_alignment(gradients: Mapping[str, object]) -> GradientAlignment:
    """Do the gradients of several tasks point the same way? From gradients in shared parameters, microbatch by microbatch.

    gradients: from the task's name to `[microbatches, parameters]`. Row k of every task is taken at the same weights; the
    gradients of one microbatch in several parameters are put together by `torch.cat([g.flatten() for g in gradients])`.

    >>> import torch
    >>> import mtlens
    >>> _ = torch.manual_seed(0)
    >>> shared, noise = torch.randn(1000), torch.randn(2, 16, 1000)
    >>> found = mtlens.gradient_alignment({"disc": shared + noise[0], "canal": shared + noise[1]})
    >>> row = found.to_frame().iloc[0]
    >>> round(float(row["cosine"]), 2), round(float(row["naive"]), 2)  # noise shrinks the naive cosine
    (1.0, 0.95)

    Raises EvidenceError for fewer than two tasks or microbatches, and for gradients that do not fit together or are not finite.
    """
    if not isinstance(gradients, Mapping) or len(gradients) < 2:
        found = f"{len(gradients)} tasks" if isinstance(gradients, Mapping) else type(gradients).__name__
        raise EvidenceError(f"gradients should map two or more tasks to [microbatches, parameters]; found {found}")
    rows = {
        str(task): _tensor(value, f"gradients of {task!r}", "[microbatches, parameters]") for task, value in gradients.items()
    }
    shapes = {tuple(row.shape) for row in rows.values()}
    for task, row in rows.items():
        if row.ndim != 2 or not row.is_floating_point() or len(row) < 2 or len(shapes) > 1:
            kind = str(row.dtype).removeprefix("torch.")
            raise EvidenceError(
                f"gradients of {task!r} should be floating-point [microbatches, parameters] of two or more microbatches, alike "
                f"for all tasks; found {kind} {list(row.shape)} among {sorted(map(list, shapes))}"
            )
    gramian = Gramian(["the gradients"], len(rows))
    for microbatch in zip(*rows.values(), strict=True):
        gramian.add([[row] for row in microbatch])
    return GradientAlignment(tasks=tuple(rows), alignment=gramian.result()["the gradients"])


def _tensor(value: object, name: str, axes: str) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    try:
        array = np.array(value, order="C")  # a copy: PyTorch takes neither read-only arrays nor reversed ones
        return torch.from_numpy(array)
    except ValueError:
        found = "rows of different lengths"
    except TypeError:
        found = type(value).__name__
    raise EvidenceError(f"{name} should be an array or tensor of numbers {axes}; found {found}")
