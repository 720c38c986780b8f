"""Ray Tune: trials that evaluate families of groups of tasks, several at a time. The only file that uses Ray Tune.

A trial only waits: it asks the job queue for the runs of its family and reports how they ended, while the lanes train. A group
is trained once, however many families contain it. The results of a search are read from the run folders; Tune's own files are
deleted, as they are pickles and can be truncated.
"""

import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search import ConcurrencyLimiter, Searcher

from mtlens.config.run import Outcome
from mtlens.evidence.jobs import Job
from mtlens.execution.group_search import GroupSearch
from mtlens.execution.lanes import Lanes
from mtlens.grouping.partitions import Family
from mtlens.store.workspace.workspace import Workspace

TRIAL: dict[str, float] = {"memory": 128 * 2**20}  # of a waiting process; all CPUs belong to the lanes


class FamilySearcher(Searcher):
    """Search algorithm of Tune: suggests the families of a `GroupSearch` and reports their results to it.

    watch: is called with the runs that a trial will ask for. outcomes: of the runs that have ended, by job id.
    """

    def __init__(self, search: GroupSearch, job_queue: Any, watch: Callable[[Sequence[Job]], None]):
        super().__init__()
        self._search, self._job_queue, self._watch = search, job_queue, watch
        self._looked_at: dict[str, Family] = {}
        self.outcomes: dict[str, Outcome] = {}

    def suggest(  # pyrefly: ignore[bad-override] - FINISHED is a str, which Tune's annotation forgot
        self, trial_id: str
    ) -> dict[str, Any] | str:
        """The name under which the job queue knows the runs of a trial's family; FINISHED when there is no next family."""
        family = self._search.propose()
        if family is None:
            return Searcher.FINISHED
        self._looked_at[trial_id] = family
        runs, name = self._search.missing(family), "-".join(map(str, family))
        self._watch(runs)
        ray.get(self._job_queue.add_group.remote(name, runs))
        return {"family": name}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """All groups of a trial's family have ended."""
        for outcome in (result or {}).get("outcomes", []):
            self.outcomes[outcome["job_id"]] = Outcome.model_validate(outcome)
        self._search.tell(self._looked_at.pop(trial_id))

    def save(self, checkpoint_path: str) -> None:
        """Write the evaluated families as JSON."""
        self._search.save_to(Path(checkpoint_path))

    def restore(self, checkpoint_path: str) -> None:
        """Read what `save` wrote; a damaged file is ignored and only costs time."""
        self._search.restore_from(Path(checkpoint_path))

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its settings, but nothing is ever read from them."""
        return {}


def search_with_tune(
    search: GroupSearch, job_queue: Any, workspace: Workspace, lanes: Lanes, watch: Callable[[Sequence[Job]], None]
) -> list[Outcome]:
    """Run the trials of a search while lanes take jobs from the queue; returns the outcomes of the runs."""
    searcher = FamilySearcher(search, job_queue, watch)
    storage = workspace.root / "ray" / secrets.token_hex(8)

    def look(config: dict[str, Any]) -> None:
        outcomes = ray.get(job_queue.submit_group.remote(config["family"]))
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
