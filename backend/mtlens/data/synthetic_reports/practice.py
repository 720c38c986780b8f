"""Radiology practices: each writes its reports in its own manner, and some are kept for the test split."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mtlens.data.synthetic_reports.anatomy import PATHOLOGIES, REGIONS, Region

NUM_SEEN: Final = 20
NUM_UNSEEN: Final = 4
UNSEEN_VOLUME: Final = 0.4
"""Reports of an unseen practice for each report of a seen one: 4 x 0.4 / (20 + 4 x 0.4) = 7 % of all are unseen."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Templates of one kind: `common` ones, and `held_out` ones that only the unseen practices use."""

    common: tuple[str, ...]
    held_out: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Practice:
    """Manners of one practice; the fields from `thoroughness` to `grouping` are probabilities.

    habit: which template of a pool comes first. level_form: how levels are written, 0 to 3.
    thoroughness: a normal finding is written down. combining: the findings of a level share a sentence.
    clausal: a finding is told as a clause rather than as a noun. grouping: levels that share a finding are told together.
    """

    number: int
    unseen: bool
    habit: int
    level_form: int
    task_order: tuple[str, ...]
    caudal_first: bool
    articles: bool
    american: bool
    thoroughness: float
    combining: float
    clausal: float
    grouping: float

    def templates(self, pool: Pool) -> tuple[str, ...]:
        """The part of a pool that this practice draws from."""
        return pool.held_out if self.unseen else pool.common


def practices(region: Region, seed: int) -> tuple[Practice, ...]:
    """All practices of a corpus, seen ones first; their manners depend on region and seed alone."""
    rng = np.random.default_rng([seed, REGIONS.index(region)])
    return tuple(_practice(region, number, rng) for number in range(NUM_SEEN + NUM_UNSEEN))


def _practice(region: Region, number: int, rng: np.random.Generator) -> Practice:
    tasks = tuple(PATHOLOGIES[region])
    return Practice(
        number=number,
        unseen=number >= NUM_SEEN,
        habit=int(rng.integers(60)),
        level_form=int(rng.integers(4)),
        task_order=tuple(tasks[i] for i in rng.permutation(len(tasks))),
        caudal_first=rng.random() < 0.2,
        articles=rng.random() < 0.6,
        american=rng.random() < 0.4,
        thoroughness=float(rng.uniform(0.3, 0.6)),
        combining=float(rng.uniform(0.2, 0.9)),
        clausal=float(rng.uniform(0.1, 0.5)),
        grouping=float(rng.uniform(0.35, 0.75)),
    )


def volumes() -> NDArray[np.float64]:
    """[P] share of the reports that each practice writes."""
    weights = np.array([1.0] * NUM_SEEN + [UNSEEN_VOLUME] * NUM_UNSEEN)
    return weights / weights.sum()
