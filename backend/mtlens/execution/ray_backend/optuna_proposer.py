"""Optuna proposes families of groups, by way of Ray Tune's `OptunaSearch`."""

import math
import warnings
from typing import Any

import optuna
from ray.tune.search.optuna import OptunaSearch

from mtlens.grouping.partitions import Family, ordered, partition_of
from mtlens.grouping.proposers import Allowed, Blend, Proposer

SCORE = "score"


MOST_DRAWS = 20  # of Optuna without a family that is new and allowed, after which one is drawn at random


class OptunaProposer(Proposer):
    """Optuna's tree-structured Parzen estimator over growth strings, by way of Tune's `OptunaSearch`.

    Where groups may overlap, it also chooses a second group for each task; the task's own group means none.
    """

    def __init__(self, num_tasks: int, seed: int, *, overlap: bool = False):
        super().__init__("optuna", num_tasks, seed, overlap=overlap)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = OptunaSearch(space=self._choose, metric=SCORE, mode="max", seed=seed)
        self._numbers: dict[Family, str] = {}
        self._scores: dict[Family, float] = {}

    def propose(self, predictor: Blend, allowed: Allowed, affordable: Allowed = lambda _: True) -> Family | None:
        """The next new family from Optuna; for a family that it repeats, Optuna is told the known score.

        After MOST_DRAWS families that are known or not allowed, for example after convergence, a random one follows.
        """
        for draw in range(MOST_DRAWS):
            number = f"{len(self.seen)}-{draw}"
            family = self._suggest(number)
            if family not in self.seen and allowed(family):
                self.seen.add(family)
                self._numbers[family] = number
                return family
            self._answer(number, self._scores.get(family, math.nan))
        if drawn := self._draw(allowed):
            self.seen.add(drawn)
        return drawn

    def learn(self, family: Family, score: float) -> None:
        """Tell Optuna."""
        if number := self._numbers.pop(family, None):
            self._scores[family] = score
            self._answer(number, score)

    def _answer(self, number: str, score: float) -> None:
        failed = math.isnan(score)
        self._optuna.on_trial_complete(number, None if failed else {SCORE: score}, error=failed)

    def _choose(self, trial: Any) -> None:
        """A growth string, digit by digit: each at most one above the largest before it; then the second group of each task."""
        top = 0
        for task in range(1, self.num_tasks):
            top = max(top, trial.suggest_int(str(task), 0, top + 1))
        for task in range(self.num_tasks if self.overlap else 0):
            trial.suggest_int(f"{task} along", 0, top)

    def _suggest(self, number: str) -> Family:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Ray takes a busy machine for a slow `_choose`
            chosen = self._optuna.suggest(number) or {}
        groups = list(partition_of([0, *(chosen[str(task)] for task in range(1, self.num_tasks))]))
        for task in range(self.num_tasks if self.overlap else 0):
            groups[chosen[f"{task} along"]] |= 1 << task
        return ordered(groups)
