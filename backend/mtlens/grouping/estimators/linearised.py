"""Linearised estimate of affinities: subsets of tasks are "trained" by regression around one model of all tasks.

To first order in its parameters w a model's logits are offset + Phi w, so training on a subset S of the tasks is a
multinomial logistic regression whose offset has coefficient 1:

    w_S = argmin_w  mean_{j in S} mean_{x in training_j} CE(y_x, offset_x + Phi_x w)  +  rho/2 |w|^2

Li et al. 2024, "Scalable multitask learning using gradient-based estimation of task affinity" (Grad-TAE). The affinity of i for
j is the decrease of the held-out loss of j relative to a regression on j alone, averaged over sampled subsets that contain
both: larger is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from mtlens.errors import EvidenceError
from mtlens.grouping.measurements import Floats, Pairwise, mean_and_error
from mtlens.grouping.partitions import all_groups, group_of, tasks_of

_SHRINKAGE = 0.01  # rho, relative to the mean squared gradient of a logit
_NUM_SUBSETS = 64  # all are taken where there are no more, otherwise so many are drawn


@dataclass(frozen=True, kw_only=True, eq=False)
class Linearised:
    """One task's n labelled examples to first order in the parameters w around a trained model: logits = offset + Phi w.

    Phi is the gradient of each of the C logits, projected to d dimensions.
    """

    offsets: Floats  # [n, C]
    gradients: Floats  # [n, C, d]
    labels: NDArray[np.int64]  # [n]
    is_training: NDArray[np.bool_]  # [n]; the others are held out

    def __post_init__(self) -> None:
        """Raise `EvidenceError` where the arrays do not fit together, or no examples are left to fit or to test."""
        n, num_classes = len(self.labels), self.offsets.shape[-1]
        shapes = (self.offsets.shape, self.gradients.shape[:2], self.is_training.shape)
        if shapes != ((n, num_classes), (n, num_classes), (n,)) or self.gradients.ndim != 3:
            raise EvidenceError(
                f"linearised examples should have offsets [{n}, C], gradients [{n}, C, d] and is_training [{n}]; "
                f"found {self.offsets.shape}, {self.gradients.shape} and {self.is_training.shape}"
            )
        if not 0 < self.is_training.sum() < n:
            raise EvidenceError(f"some examples should be training and some held out; found {self.is_training.sum()} of {n}")
        if self.labels.min() < 0 or self.labels.max() >= num_classes:
            raise EvidenceError(f"labels should lie in 0..{num_classes - 1}; found {self.labels.min()}..{self.labels.max()}")


def linearised_affinity(tasks: Sequence[Linearised], *, seed: int = 0) -> Pairwise:
    """Affinities of T tasks whose gradients are by the same d projected parameters; the error is that over subsets."""
    dimensions = {task.gradients.shape[2] for task in tasks}
    if len(dimensions) != 1:
        raise EvidenceError(f"gradients of all tasks should have one number of dimensions; found {sorted(dimensions)}")
    penalty = _SHRINKAGE * float(np.mean([(task.gradients**2).sum(axis=2).mean() for task in tasks]))
    alone = [held_out_losses(tasks, [task], penalty)[0] for task in range(len(tasks))]
    decreases: dict[tuple[int, int], list[float]] = {}
    for subset in _subsets(len(tasks), np.random.default_rng(seed)):
        for j, loss in zip(subset, held_out_losses(tasks, subset, penalty), strict=True):
            for i in subset:
                decreases.setdefault((i, j), []).append(alone[j] - loss)
    values, errors = np.full((2, len(tasks), len(tasks)), np.nan)
    for pair, of_pair in decreases.items():
        values[pair], errors[pair] = mean_and_error(np.array(of_pair))
    return Pairwise(values=values, errors=errors)


def held_out_losses(tasks: Sequence[Linearised], subset: Sequence[int], penalty: float) -> list[float]:
    """Mean cross-entropy of each task of the subset on its held-out examples, after the regression on all of the subset."""
    weights = np.zeros(tasks[0].gradients.shape[2])

    def objective(weights: Floats) -> tuple[float, Floats]:
        losses, slopes = zip(*(_cross_entropy(tasks[task], tasks[task].is_training, weights) for task in subset), strict=True)
        return float(np.mean(losses)) + penalty / 2 * float(weights @ weights), np.mean(slopes, axis=0) + penalty * weights

    weights = optimize.minimize(objective, weights, jac=True, method="L-BFGS-B").x
    return [_cross_entropy(tasks[task], ~tasks[task].is_training, weights)[0] for task in subset]


def _cross_entropy(task: Linearised, chosen: NDArray[np.bool_], weights: Floats) -> tuple[float, Floats]:
    """Mean cross-entropy over the chosen examples, and its gradient by the weights `[d]`."""
    gradients, labels = task.gradients[chosen], task.labels[chosen]
    log_probabilities = special.log_softmax(task.offsets[chosen] + gradients @ weights, axis=1)
    examples = np.arange(len(labels))
    slopes = np.exp(log_probabilities)
    slopes[examples, labels] -= 1.0
    return -float(log_probabilities[examples, labels].mean()), np.tensordot(slopes, gradients, axes=2) / len(labels)


def _subsets(num_tasks: int, generator: np.random.Generator) -> list[tuple[int, ...]]:
    """Subsets of two or more tasks: all of them where they are few, otherwise drawn with each task in or out by a coin."""
    if 2**num_tasks <= _NUM_SUBSETS:
        return [tasks_of(group) for group in all_groups(num_tasks) if group.bit_count() > 1]
    coins = generator.random((4 * _NUM_SUBSETS, num_tasks)) < 0.5
    drawn = [group_of(np.flatnonzero(row).tolist()) for row in coins[coins.sum(axis=1) > 1]]
    return [tasks_of(group) for group in drawn[:_NUM_SUBSETS]]
