"""Latent Gaussians, cut into severity classes, and the noise of the person who labels them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mtlens.data.synthetic_reports.anatomy import LEVELS, PATHOLOGIES, Region
from mtlens.data.synthetic_reports.priors import (
    CORD_GIVEN_CANAL,
    LABEL_NOISE,
    Floats,
    level_correlation,
    prior,
    task_correlation,
)

FOLLOW_UP_CORRELATION = 0.9
NUM_CLASSES = 4
"""Most classes that a graded task has; the tables of a task with fewer are padded."""

Classes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Severities:
    """One spine, [6, T] for 6 levels and T graded tasks: Gaussian latents, their classes, and the classes as labelled."""

    latent: Floats
    clean: Classes
    labelled: Classes


class SeverityModel:
    """Ordinal model of one region: Z = A E Bᵀ, where A Aᵀ correlates levels, B Bᵀ correlates tasks and E ~ N(0, 1).

    A class is the number of cuts that its latent exceeds. Cuts depend on task and level alone, so the priors hold at
    every relatedness r. The cord has a latent of its own and cuts that depend on the canal's class c, through
    P(k | c) = (1 − r) P(k) + r CORD_GIVEN_CANAL[c, k], which leaves P(k) as it is.
    """

    def __init__(self, region: Region, relatedness: float) -> None:
        self.tasks = tuple(PATHOLOGIES[region])
        self._level_root = _cholesky(level_correlation(region))
        self._task_root = _cholesky(task_correlation(region, relatedness))
        priors = np.stack([_padded(prior(region, task)) for task in self.tasks], axis=1)
        self._cuts = _cuts(priors)
        self._cord_cuts = _cuts(_padded(_cord_given_canal(region, relatedness))) if "cord" in self.tasks else None
        # Neighbours of class k stand at k and k + 2: a class off either end has probability 0.
        self._neighbours = np.pad(priors, ((0, 0), (0, 0), (1, 1)))
        flow = np.minimum(priors[..., 1:], priors[..., :-1]).sum(axis=-1)
        self._proposal_rate = LABEL_NOISE / float(flow.mean())

    def draw(self, patient: np.random.Generator, report: np.random.Generator) -> Severities:
        """A spine; the latents of two reports on one patient correlate by FOLLOW_UP_CORRELATION."""
        latent = np.sqrt(FOLLOW_UP_CORRELATION) * self._gaussian(patient)
        latent += np.sqrt(1 - FOLLOW_UP_CORRELATION) * self._gaussian(report)
        clean = self._classify(latent)
        return Severities(latent=latent, clean=clean, labelled=self._mislabel(clean, report))

    def _gaussian(self, rng: np.random.Generator) -> Floats:
        shape = (len(self._level_root), len(self._task_root))
        return self._level_root @ rng.standard_normal(shape) @ self._task_root.T

    def _classify(self, latent: Floats) -> Classes:
        classes: Classes = (latent[..., None] > self._cuts).sum(axis=-1)
        if self._cord_cuts is not None:
            cord, canal = self.tasks.index("cord"), self.tasks.index("canal")
            cuts = self._cord_cuts[classes[:, canal], np.arange(len(classes))]
            classes[:, cord] = (latent[:, cord, None] > cuts).sum(axis=-1)
        return classes

    def _mislabel(self, clean: Classes, rng: np.random.Generator) -> Classes:
        """One Metropolis step to a neighbouring class with the level's prior as target, so noise keeps the priors."""
        step = np.where(rng.random(clean.shape) < 0.5, -1, 1)
        here = np.take_along_axis(self._neighbours, clean[..., None] + 1, axis=-1)[..., 0]
        there = np.take_along_axis(self._neighbours, (clean + step)[..., None] + 1, axis=-1)[..., 0]
        accepted = rng.random(clean.shape) * here < self._proposal_rate * np.minimum(here, there)
        return np.where(accepted, clean + step, clean)


def _cholesky(matrix: Floats) -> Floats:
    """Lower triangular root of a correlation matrix."""
    return np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)


def _padded(probabilities: Floats) -> Floats:
    """[..., K] to [..., NUM_CLASSES], with classes of probability 0 after the last."""
    return np.pad(probabilities, [(0, 0)] * (probabilities.ndim - 1) + [(0, NUM_CLASSES - probabilities.shape[-1])])


def _cuts(probabilities: Floats) -> Floats:
    """[..., K] class probabilities to [..., K − 1] cuts of a standard Gaussian: t_k = Φ⁻¹(P(< k))."""
    return ndtri(np.minimum(np.cumsum(probabilities, axis=-1)[..., :-1], 1.0))


def _cord_given_canal(region: Region, relatedness: float) -> Floats:
    """[canal classes, 6, cord classes] probabilities."""
    rows = np.broadcast_to(
        CORD_GIVEN_CANAL[:, None, :], (len(CORD_GIVEN_CANAL), len(LEVELS[region]), CORD_GIVEN_CANAL.shape[1])
    )
    return (1 - relatedness) * prior(region, "cord") + relatedness * rows
