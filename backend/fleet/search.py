"""Ray Tune: trials that look at families of groups of tasks, several at a time. The only file that knows Ray Tune.

A trial is a waiting line of one: it asks the broker for the groups of its family and reports how they ended, while the
lanes of the fleet train. A group is trained once, however many families hold it. What a search has found is read from the
run folders; Tune's own files are thrown away, as they are pickles and can be torn.
"""

import math
import secrets
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.tune.search import ConcurrencyLimiter, Searcher
from ray.tune.search.optuna import OptunaSearch

from backend.fleet.cluster import Lanes
from backend.fleet.groups import GroupSearch
from backend.grouping.proposals import Allowed, Blend, Proposer
from backend.groupings import Family, ordered, partition_of
from backend.pieces import Job
from backend.spec import Outcome
from backend.store.workspace import Workspace

SCORE = "score"
MOST_DRAWS = 20  # of Optuna without a family that is new and allowed, after which one is drawn at random
TRIAL: dict[str, float] = {"memory": 128 * 2**20}  # of a waiting process; all CPUs belong to the lanes


class PartitionSearcher(Searcher):
    """Tune's side of a search: suggests its families, and tells it and Optuna, where that chooses, how they came out.

    watch: is told of the runs that a trial will ask for. outcomes: how those ended that were over so far.
    """

    def __init__(self, search: GroupSearch, broker: Any, watch: Callable[[Sequence[Job]], None]):
        super().__init__()
        self._search, self._broker, self._watch = search, broker, watch
        self._looked_at: dict[str, Family] = {}
        self.outcomes: dict[str, Outcome] = {}

    def suggest(  # pyright: ignore[reportIncompatibleMethodOverride]  # FINISHED is a str, which Tune's annotation forgot
        self, trial_id: str
    ) -> dict[str, Any] | str:
        """A name of the family for a trial, under which the broker knows its runs; FINISHED when there is none."""
        family = self._search.propose()
        if family is None:
            return Searcher.FINISHED
        self._looked_at[trial_id] = family
        runs, name = self._search.missing(family), "-".join(map(str, family))
        self._watch(runs)
        ray.get(self._broker.offer.remote(name, runs))
        return {"family": name}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """All groups of a trial's family have ended."""
        for outcome in (result or {}).get("outcomes", []):
            self.outcomes[outcome["job_id"]] = Outcome.model_validate(outcome)
        self._search.tell(self._looked_at.pop(trial_id))

    def save(self, checkpoint_path: str) -> None:
        """Write what was looked at as JSON."""
        self._search.save_to(Path(checkpoint_path))

    def restore(self, checkpoint_path: str) -> None:
        """Take up what `save` wrote; a damaged file changes nothing but time."""
        self._search.restore_from(Path(checkpoint_path))

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its settings, and they are never the truth."""
        return {}


class OptunaProposer(Proposer):
    """Optuna's tree-structured Parzen estimator over growth strings, by way of Tune's `OptunaSearch`.

    Where groups may overlap, it also chooses for each task a group in which that is trained along; its own one means none.
    """

    def __init__(self, num_tasks: int, seed: int, *, overlap: bool = False):
        super().__init__("optuna", num_tasks, seed, overlap=overlap)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = OptunaSearch(space=self._choose, metric=SCORE, mode="max", seed=seed)
        self._numbers: dict[Family, str] = {}
        self._scores: dict[Family, float] = {}

    def propose(self, predictor: Blend, allowed: Allowed, affordable: Allowed = lambda _: True) -> Family | None:
        """The next family of Optuna's that is new; one that it repeats is answered at once with the score it had.

        Once it has settled it repeats itself for ever, and random families follow.
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
        """A growth string, digit by digit: each at most one above those before it; and whom each group takes along."""
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


def search_with_tune(
    search: GroupSearch, broker: Any, workspace: Workspace, lanes: Lanes, watch: Callable[[Sequence[Job]], None]
) -> list[Outcome]:
    """Run the trials of a search while a fleet's lanes take jobs from the broker; how the runs ended that were asked for."""
    searcher = PartitionSearcher(search, broker, watch)
    storage = workspace.root / "ray" / secrets.token_hex(8)

    def look(config: dict[str, Any]) -> None:
        outcomes = ray.get(broker.ask_for.remote(config["family"]))
        tune.report({"outcomes": [outcome.model_dump() for outcome in outcomes]})

    tuner = tune.Tuner(
        tune.with_resources(look, TRIAL),
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(searcher, max_concurrent=lanes.side_by_side + 1),  # one waits while one ends
            num_samples=-1,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name="search", storage_path=str(storage), verbose=0),
    )
    try:
        tuner.fit()
        return list(searcher.outcomes.values())
    finally:
        shutil.rmtree(storage, ignore_errors=True)
