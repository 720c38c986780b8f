"""Temperature scaling, so that probabilities match frequencies. Guo et al. 2017, section 4.2.

One number T per task divides all logits: q = softmax(z / T), fitted to the validation split by likelihood. It changes no
predicted class. As z is log p up to a constant per example, stored probabilities are enough.

With few texts, or without errors on them, the likelihood alone is largest for extreme probabilities. So targets are those of
Platt (1999): (n_k + 1) / (n_k + C) for the true class k of n_k texts, the rest divided among the others; and log T has a normal
prior around 0. T stays 1 unless it is better in cross-validation by more than the standard error of the difference.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

BOUNDS = (0.05, 20.0)
PRIOR = 0.5  # standard deviation of log T
FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A task's temperature, and the mean negative log-likelihoods on validation from which it was chosen.

    fitted: the temperature that was tried. before: at 1. after: at the temperatures fitted to the other folds.
    """

    temperature: float
    fitted: float
    before: float
    after: float


def calibrate(labels: NDArray[Any], probabilities: NDArray[Any]) -> Calibration:
    """The temperature of a task, 1 unless another one is better. labels [n], probabilities [n, C], n > 0."""
    fitted = fit_temperature(labels, probabilities)
    before = _losses(labels, probabilities.astype(np.float64))
    after = before.copy()
    folds = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    for fold in np.unique(folds) if len(labels) > FOLDS else ():
        inside = folds == fold
        temperature = fit_temperature(labels[~inside], probabilities[~inside])
        after[inside] = _losses(labels[inside], rescaled(probabilities[inside], temperature))
    gain = before - after
    is_better = len(labels) > FOLDS and gain.mean() > gain.std(ddof=1) / math.sqrt(len(labels))
    return Calibration(
        temperature=fitted if is_better else 1.0, fitted=fitted, before=float(before.mean()), after=float(after.mean())
    )


def fit_temperature(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """T of the largest posterior density, within BOUNDS. labels [n], probabilities [n, C], n > 0."""
    targets = _targets(labels, probabilities.shape[1])

    def loss(log: float) -> float:
        logs = np.log(np.clip(rescaled(probabilities, math.exp(log)), 1e-12, 1))
        return float(-(targets * logs).sum() + log**2 / (2 * PRIOR**2))

    low, high = np.log(BOUNDS)
    found = minimize_scalar(loss, bounds=(low, high))
    return float(np.exp(found.x))


def rescaled(probabilities: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Probabilities [n, C] at another temperature: p^(1/T), normalised."""
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def log_loss(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Mean negative log-likelihood. labels [n], probabilities [n, C]."""
    return float(_losses(labels, probabilities.astype(np.float64)).mean())


def _targets(labels: NDArray[Any], num_classes: int) -> NDArray[np.float64]:
    """Platt's targets [n, C]."""
    room = np.bincount(labels, minlength=num_classes)[labels] + num_classes
    targets = np.repeat(1 / room[:, None], num_classes, axis=1)
    targets[np.arange(len(labels)), labels] = 1 - (num_classes - 1) / room
    return targets


def _losses(labels: NDArray[Any], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Negative log-likelihood of each text, [n]."""
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-12, 1))
