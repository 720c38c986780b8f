"""Seeds until settled: do its verdicts keep their error rates over the whole sequence of looks, and what does it save?

    python -m experiments.benchmarks.seeds_until_settled [TRIALS] [ROW ...]

prints a line of JSON per row; 200 trials of a row take one to three minutes. Test sets and models are those of
`interval_coverage.py`. Each trial trains up to 20 seeds, with looks after 3, 5, 8, 12 and 20, as `mtlens run` does.

- `false_matches`: share of experiments in which any task matches at any look, where the candidate is worse by exactly the
  margin on every task; `false_matches_of_mean`: share in which the mean does; `false_matches_naive`: share in which any task
  would if each look tested at 5 %
- `false_differences`: share of experiments in which any task is better or worse at any look, where both kinds are equally good
- `settled`, `settled_mean`: share of tasks, and of means, that match in the end where both kinds are equally good; beside them
  `settled_3`, `settled_20`: the share with 3, and with 20, seeds set beforehand
- `looks`: seeds at which experiments ended, with their number, where both kinds are equally good
- `runs`: trainings of an experiment, of those that 20 seeds take, where both kinds are equally good
- `covered`: share of the tasks' 90 % intervals, at the look that was a task's last, that hold the true difference, which is
  here minus the margin
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from experiments.benchmarks.interval_coverage import ROWS, Row, draw, true_difference, worse_by_the_margin
from mtlens.statistics.comparison import Comparison, Scope, Verdict
from mtlens.statistics.equivalence import compare
from mtlens.statistics.looks import asked_next, hold_look
from mtlens.statistics.multiple_testing import holm
from mtlens.statistics.power import ALPHA
from mtlens.statistics.sequential import Look
from mtlens.statistics.task_predictions import TaskPredictions

TRIALS = 200
LOOKS = (3, 5, 8, 12, 20)
NAMES = ("1", "2", "3", "4", "5", "one task", "one task far noisier", "tasks share seeds", "errors that seeds share")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of one experiment. comparisons: at the last look of each task and of the mean. runs: trainings of both kinds.

    naive_match: whether a task would match at any of the looks held if each of them tested at 5 %.
    """

    comparisons: dict[Scope, Comparison]
    seeds: int
    runs: int
    naive_match: bool

    @property
    def share_matching(self) -> float:
        """Share of the tasks that match."""
        return float(np.mean([one.verdict == "matches" for scope, one in self.comparisons.items() if scope is not None]))

    def has(self, *verdicts: Verdict) -> bool:
        """Whether a task has one of these verdicts."""
        return any(one.verdict in verdicts for scope, one in self.comparisons.items() if scope is not None)


def with_seeds(tasks: Sequence[TaskPredictions], num_seeds: int) -> list[TaskPredictions]:
    """The first seeds of all tasks."""
    return [replace(task, baseline=task.baseline[:num_seeds], candidate=task.candidate[:num_seeds]) for task in tasks]


def until_settled(tasks: Sequence[TaskPredictions], margin: float, looks: tuple[int, ...] = LOOKS) -> Outcome:
    """Look after look, as far as anything may still be settled."""
    names = tuple(task.task for task in tasks)
    comparisons: dict[Scope, Comparison] = {}
    asked, runs, before, seeds, naive_match = names, 0, 0, 0, False
    for number, seeds in enumerate(looks):
        runs += (seeds - before) * (len(asked) + 1)
        seen = with_seeds([task for task in tasks if task.task in asked], seeds)
        found = hold_look(seen, Look(looks, number), comparisons, margin=margin)
        p_values = [one.p_equivalence for one in found if one.task is not None]
        naive_match |= any(p < ALPHA for p in holm([*p_values, *[1.0] * (len(names) - len(p_values))]))
        comparisons |= {comparison.task: comparison for comparison in found}
        asked, before = asked_next(names, {one.task: one.chances for one in found}, len(looks)), seeds
        if not asked:
            break
    return Outcome(comparisons=comparisons, seeds=seeds, runs=runs, naive_match=naive_match)


def simulate(row: Row, trials: int, seed: int = 0) -> dict[str, object]:
    """Rates over `trials` simulated experiments of two truths; see the top of the file."""
    row = replace(row, seeds=LOOKS[-1])
    generator = np.random.default_rng(seed)
    at_margin, equal = worse_by_the_margin(row), replace(row, skill=(row.skill[0], row.skill[0]))
    truth = [true_difference(at_margin, task) for task in range(row.tasks)]
    worse = [until_settled(draw(at_margin, generator), row.margin) for _ in range(trials)]
    alike, fixed = zip(*[_equal(equal, generator) for _ in range(trials)], strict=True)
    of_tasks = [[outcome.comparisons[f"task {task}"] for task in range(row.tasks)] for outcome in worse]
    return {
        "false_matches": _share([outcome.has("matches") for outcome in worse]),
        "false_matches_of_mean": _share([outcome.comparisons[None].verdict == "matches" for outcome in worse]),
        "false_matches_naive": _share([outcome.naive_match for outcome in worse]),
        "false_differences": _share([outcome.has("better", "worse") for outcome in alike]),
        "settled": _share([outcome.share_matching for outcome in alike]),
        "settled_mean": _share([outcome.comparisons[None].verdict == "matches" for outcome in alike]),
        "settled_3": _share([share for share, _ in fixed]),
        "settled_20": _share([share for _, share in fixed]),
        "looks": dict(sorted(Counter(outcome.seeds for outcome in alike).items())),
        "runs": _share([outcome.runs / (LOOKS[-1] * (row.tasks + 1)) for outcome in alike]),
        "covered": _share([
            one.low90 <= true <= one.high90 for found in of_tasks for one, true in zip(found, truth, strict=True)
        ]),
    }  # fmt: skip


def _equal(row: Row, generator: np.random.Generator) -> tuple[Outcome, tuple[float, float]]:
    tasks = draw(row, generator)
    first, last = (_matching(compare(with_seeds(tasks, seeds), margin=row.margin)[:-1]) for seeds in (LOOKS[0], LOOKS[-1]))
    return until_settled(tasks, row.margin), (first, last)


def _matching(comparisons: Sequence[Comparison]) -> float:
    return float(np.mean([comparison.verdict == "matches" for comparison in comparisons]))


def _share(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 3)


if __name__ == "__main__":
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    for name in sys.argv[2:] or NAMES:
        print(json.dumps({"row": name, "trials": trials, **asdict(ROWS[name]), **simulate(ROWS[name], trials)}), flush=True)
