"""Temperature scaling: probabilities that are as right as they are sure. Guo et al. 2017, section 4.2.

One number T per task divides all logits: q = softmax(z / T), fitted to the validation split by likelihood. It changes no
predicted class. As z is log p up to a constant per example, stored probabilities are enough.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

BOUNDS = (0.05, 20.0)


def fit_temperature(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """T of the least mean negative log-likelihood, within BOUNDS. labels [n], probabilities [n, C], n > 0."""

    def loss(log: float) -> float:
        return _loss(labels, rescaled(probabilities, math.exp(log)))

    low, high = np.log(BOUNDS)
    found = minimize_scalar(loss, bounds=(low, high))
    return float(np.exp(found.x))


def rescaled(probabilities: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Probabilities [n, C] at another temperature: p^(1/T), normalised."""
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _loss(labels: NDArray[Any], probabilities: NDArray[np.float64]) -> float:
    return float(-np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-12, 1)).mean())
