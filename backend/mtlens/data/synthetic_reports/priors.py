"""How often each class occurs at each level, how the tasks are correlated, and where the figures come from.

Lumbar canal, foraminal and root figures lean on the counts of the RSNA 2024 Lumbar Spine Degenerative Classification
challenge, which grades L1-L2 to L5-S1 as normal or mild, moderate, severe. All other figures are ours: plausible round
numbers, and no measurement.
"""

from functools import cache
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from mtlens.data.synthetic_reports.anatomy import LEVELS, PATHOLOGIES, Region

Floats = NDArray[np.float64]

# RSNA 2024, L1-L2 to L5-S1, per cent of (moderate, severe).
_RSNA_CANAL = ((3.4, 1.1), (7.6, 2.7), (11.7, 6.2), (12.0, 12.9), (2.6, 1.0))
_RSNA_FORAMINAL = ((3.2, 0.1), (8.7, 0.6), (20.8, 2.0), (31.9, 7.1), (26.4, 10.4))
_RSNA_SUBARTICULAR = ((5.1, 1.5), (13.5, 4.4), (23.0, 9.8), (31.6, 23.4), (20.8, 7.5))

OVERALL: Final[dict[Region, dict[str, tuple[float, ...]]]] = {
    "cervical": {
        "canal": (0.68, 0.19, 0.09, 0.04),
        "disc": (0.38, 0.44, 0.16, 0.02),
        "foraminal": (0.58, 0.22, 0.13, 0.07),
    },
    "lumbar": {"disc": (0.40, 0.40, 0.17, 0.03), "root": (0.78, 0.12, 0.06, 0.04)},
}
"""Class probabilities over all six levels, where a task is not given level by level."""

CORD_GIVEN_CANAL: Final = np.array(
    [[0.975, 0.02375, 0.00125], [0.89, 0.099, 0.011], [0.59, 0.3075, 0.1025], [0.14, 0.43, 0.43]]
)
"""P(cord = column | canal = row) at relatedness 1: 2.5, 11, 41 and 86 % of cords are touched, about 11 % of all."""

CORRELATIONS: Final[dict[frozenset[str], float]] = {
    frozenset({"canal", "disc"}): 0.5,
    frozenset({"canal", "foraminal"}): 0.4,
    frozenset({"disc", "foraminal"}): 0.35,
    frozenset({"canal", "root"}): 0.5,
    frozenset({"disc", "root"}): 0.5,
    frozenset({"foraminal", "root"}): 0.35,
}
"""Correlation of two tasks' latents in one segment at relatedness 1; pairs that are not named have none."""

PATIENT_SHARE: Final = 0.25
ADJACENT_LEVELS: Final = 0.4
"""Correlation of one task's latents at adjacent levels, of which PATIENT_SHARE holds at any distance."""

HAEMANGIOMA: Final = 0.12
CONTRAST: Final = 0.3
LABEL_NOISE: Final = 0.03
"""Share of the graded labels that are wrong."""

_CERVICAL_OFFSETS = (-1.0, -0.1, 0.3, 0.8, 0.55, -0.9)  # C2-C3 to C7-T1: worst at C5-C6, then C6-C7 and C4-C5
_LUMBAR_DISC_OFFSETS = (-1.0, -0.7, -0.2, 0.2, 0.8, 0.65)


def _from_rsna(rows: tuple[tuple[float, float], ...]) -> Floats:
    """[6, 4] class probabilities; normal or mild is split 3 : 1, and T12-L1, not graded there, gets half of L1-L2."""
    worse = np.array([(rows[0][0] / 2, rows[0][1] / 2), *rows]) / 100
    rest = 1 - worse.sum(axis=1)
    return np.column_stack([0.75 * rest, 0.25 * rest, worse])


def _from_overall(overall: tuple[float, ...], offsets: Floats) -> Floats:
    """[6, K] class probabilities of an ordered probit whose latent is shifted by offsets[level].

    P(class >= k | level) = Φ(offset − t_k); each t_k is solved for, so that the mean over levels is the overall one.
    """
    at_least = np.cumsum(overall[::-1])[::-1][1:]
    cuts = np.array([_cut(float(share), offsets) for share in at_least])
    exceeding = ndtr(offsets[:, None] - cuts)
    edges = np.column_stack([np.ones(len(offsets)), exceeding, np.zeros(len(offsets))])
    return -np.diff(edges, axis=1)


def _cut(share: float, offsets: Floats) -> float:
    """The t at which the mean of Φ(offsets − t) is the share."""

    def excess(t: float) -> float:
        return float(np.mean(ndtr(offsets - t))) - share

    return cast(float, brentq(excess, -10, 10))


def _level_offsets(region: Region, task: str) -> Floats:
    """[6] shift of the latent; that of a lumbar root follows the share of narrowed lateral recesses."""
    if region == "cervical":
        return np.array(_CERVICAL_OFFSETS)
    if task == "disc":
        return np.array(_LUMBAR_DISC_OFFSETS)
    return ndtri(_from_rsna(_RSNA_SUBARTICULAR)[:, 2:].sum(axis=1))


@cache
def prior(region: Region, task: str) -> Floats:
    """[6, K] probability of each class of a graded task at each level; it holds at every relatedness."""
    if task == "cord":
        return prior(region, "canal") @ CORD_GIVEN_CANAL
    if task in OVERALL[region]:
        return _from_overall(OVERALL[region][task], _level_offsets(region, task))
    return _from_rsna(_RSNA_CANAL if task == "canal" else _RSNA_FORAMINAL)


def task_correlation(region: Region, relatedness: float) -> Floats:
    """[T, T] correlation of the graded tasks' latents: the identity at 0, `CORRELATIONS` at 1, linear between."""
    tasks = tuple(PATHOLOGIES[region])
    full = np.array([[1.0 if a == b else CORRELATIONS.get(frozenset({a, b}), 0.0) for b in tasks] for a in tasks])
    return np.eye(len(tasks)) * (1 - relatedness) + full * relatedness


def level_correlation(region: Region) -> Floats:
    """[6, 6] correlation of one task's latents across levels: s + (1 − s) ρ^distance, s = PATIENT_SHARE."""
    levels = np.arange(len(LEVELS[region]))
    decay = (ADJACENT_LEVELS - PATIENT_SHARE) / (1 - PATIENT_SHARE)
    return PATIENT_SHARE + (1 - PATIENT_SHARE) * decay ** np.abs(levels[:, None] - levels)
