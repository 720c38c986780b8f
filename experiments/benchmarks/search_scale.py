"""How regret, time and trainings of the estimators grow from 6 to 20 tasks, in worlds whose best family is known.

    python -m experiments.benchmarks.search_scale

Nothing is trained: scores are simulated (seeded). Tasks come in planted clusters of three. Task j gains the same a_j > 0 from
each task of its cluster and loses by every other; in a group, its gain is the mean over the other tasks of the group;
every group of three or more, except the planted ones, loses a random amount beyond that, and each seed adds noise. So the
planted clusters are best for every task, and the best family of as many models as there are clusters is known at any T.
Affinities that would come from gradients are simulated too, as the true ones plus noise, and their names say that
they are simulated.

Up to 10 tasks selection is among all 2^T - 1 groups, and the optimum is checked by exhaustive selection on the true scores.
Above that it is among those that an estimator proposes: from each task it grows a group by the task with the largest
predicted gain, one at a time until all are in, and every group on the way is a candidate, with all pairs and singletons.
Prints a line of JSON for each T and method; regret is in points of the score, mean over worlds with its standard error. Last
it prints how many proposals a guided search makes until it has asked for all planted groups, with and without affinities to
start from.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtlens.grouping.estimators import COSINE, TAG, Estimator, HigherOrder, Ridge, TaskMeans
from mtlens.grouping.estimators.base import Predictor, mean_over_others
from mtlens.grouping.measurements import FeatureAffinities, Floats, GradientAffinities, Measured, Pairwise, mean_and_error
from mtlens.grouping.optimal_family import Candidates, Selection, best_family
from mtlens.grouping.partitions import Group, all_groups, group_of, membership, tasks_of
from mtlens.grouping.proposers import Blend, Proposer

SIZES = (6, 8, 10, 12, 14, 16, 18, 20)
GUIDED_SIZES = (6, 9, 12, 15)
MOST_PROPOSALS = 60
ALL_GROUPS_UP_TO = 10  # tasks
NUM_WORLDS, NUM_SEEDS = 5, 3
CLUSTER_SIZE = 3
SEED_NOISE = 0.01  # standard deviation of a score over seeds
AFFINITY_NOISE = 0.02  # of a simulated affinity, which lie between -0.04 and 0.06
BEYOND_PAIRS = 0.01  # scale of the half-normal loss of a group that its pairs do not tell
MAX_NODES = 1000  # of branch and bound, above which the best family so far is taken

METHODS: tuple[tuple[str, Estimator], ...] = (
    ("pairs (HOA)", HigherOrder()),
    ("ridge regression", Ridge()),
    ("task means", TaskMeans()),
    ("TAG (simulated affinity)", TAG),
    ("gradient cosine (simulated affinity)", COSINE),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """T tasks with planted clusters. affinity: `[T, T]`, row i, column j is what task i does for task j."""

    seed: int
    planted: tuple[Group, ...]
    alone: Floats
    affinity: Floats

    @property
    def num_tasks(self) -> int:
        """T."""
        return len(self.alone)

    @classmethod
    def drawn(cls, num_tasks: int, seed: int) -> "World":
        """Gains of 0.02 to 0.06 from one's own cluster, losses of 0 to 0.04 by each other task."""
        generator = np.random.default_rng([seed, num_tasks])
        order = generator.permutation(num_tasks).tolist()
        planted = tuple(group_of(order[first : first + CLUSTER_SIZE]) for first in range(0, num_tasks, CLUSTER_SIZE))
        member = membership(planted, num_tasks)
        together = member.T @ member
        gains, losses = generator.uniform(0.02, 0.06, num_tasks), generator.uniform(-0.04, 0.0, (num_tasks, num_tasks))
        alone = generator.uniform(0.5, 0.8, num_tasks)
        return cls(seed=seed, planted=planted, alone=alone, affinity=np.where(together, gains, losses))

    def scores(self, group: Group) -> Floats:
        """True scores of all tasks in a group, `[T]`, NaN for tasks outside it."""
        member = membership([group], self.num_tasks)
        gains = np.where(member, np.nan_to_num(mean_over_others(member, self.affinity)), np.nan)[0]
        is_planted = group.bit_count() < CLUSTER_SIZE or group in self.planted
        beyond = 0.0 if is_planted else np.abs(self._generator(1, group).normal(scale=BEYOND_PAIRS, size=self.num_tasks))
        return self.alone + gains - beyond

    def measured(self, groups: Sequence[Group]) -> Measured:
        """What training these groups would give, under all seeds."""
        found: dict[tuple[Group, int], Floats] = {}
        for group in groups:
            noise = self._generator(2, group).normal(scale=SEED_NOISE, size=(NUM_SEEDS, self.num_tasks))
            scores = self.scores(group) + noise
            found |= {(group, task): scores[:, task] for task in tasks_of(group)}
        return Measured(num_tasks=self.num_tasks, scores=found)

    def gradients(self) -> GradientAffinities:
        """Simulated affinities: directed for TAG, the mean of both directions for the cosine, each plus noise."""
        generator, shape = self._generator(3, 0), self.affinity.shape
        directed = self.affinity + generator.normal(scale=AFFINITY_NOISE, size=shape)
        noise = np.triu(generator.normal(scale=AFFINITY_NOISE, size=shape), 1)
        symmetric = (self.affinity + self.affinity.T) / 2 + noise + noise.T
        errors = np.full(shape, AFFINITY_NOISE)
        return GradientAffinities(
            lookahead=Pairwise(values=directed, errors=errors), cosine=Pairwise(values=symmetric, errors=errors)
        )

    def _generator(self, purpose: int, group: Group) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.num_tasks, purpose, group])


def proposed(predictor: Predictor, num_tasks: int) -> list[Group]:
    """All groups where they are few; else singletons, pairs, and groups grown from each task by the best mean gain."""
    if num_tasks <= ALL_GROUPS_UP_TO:
        return list(all_groups(num_tasks))
    singles = predictor.measured.singles
    found = {1 << i | 1 << j for i in range(num_tasks) for j in range(num_tasks)}
    for task in range(num_tasks):
        group = 1 << task
        while group.bit_count() < num_tasks:
            larger = [group | 1 << other for other in range(num_tasks) if not group >> other & 1]
            group = larger[int(np.nanmean(predictor.predict(larger).scores - singles, axis=1).argmax())]
            found.add(group)
    return sorted(found)


def choose(world: World, estimator: Estimator) -> Selection:
    """The family that an estimator would have trained, as many models as there are clusters."""
    known = world.measured(estimator.discovery(world.num_tasks).groups)
    predictor = estimator.fit(known, world.gradients(), FeatureAffinities())
    groups = proposed(predictor, world.num_tasks)
    candidates = Candidates.from_scores(groups, predictor.predict(groups).scores)
    return best_family(candidates, budget=len(world.planted), max_nodes=MAX_NODES)


def regret(world: World, chosen: Selection) -> float:
    """Mean true score of the tasks in the planted family minus that in the chosen one, in points."""
    servers = [chosen.groups[chosen.rows.index(row)] for row in chosen.served_by]
    return _points_below(world, np.array([world.scores(group)[task] for task, group in enumerate(servers)]))


def _points_below(world: World, scores: Floats) -> float:
    best = np.nanmax([world.scores(group) for group in world.planted], axis=0)
    return 100 * float((best - scores).mean())


def checked_optimum(world: World) -> None:
    """Exhaustive selection on the true scores finds no family better than the planted one."""
    groups = list(all_groups(world.num_tasks))
    truth = Candidates.from_scores(groups, np.stack([world.scores(group) for group in groups]))
    found = best_family(truth, budget=len(world.planted))
    if not found.is_proven or abs(regret(world, found)) > 1e-9:
        raise AssertionError(f"the planted family should be best; found {found.groups} for {world.planted}")


def rows(num_tasks: int) -> Iterator[dict[str, object]]:
    """What each method does with T tasks, mean over worlds."""
    worlds = [World.drawn(num_tasks, seed) for seed in range(NUM_WORLDS)]
    if num_tasks <= ALL_GROUPS_UP_TO:
        for world in worlds:
            checked_optimum(world)
    for name, estimator in METHODS:
        seconds, regrets, proven = list[float](), list[float](), 0
        for world in worlds:
            started = time.perf_counter()
            chosen = choose(world, estimator)
            seconds.append(time.perf_counter() - started)
            regrets.append(regret(world, chosen))
            proven += chosen.is_proven
        mean, error = mean_and_error(np.array(regrets))
        yield {
            "tasks": num_tasks,
            "method": name,
            "models": len(worlds[0].planted),
            "trainings": estimator.discovery(num_tasks).trainings,
            "exhaustive_trainings": len(all_groups(num_tasks)),
            "regret": round(mean, 2),
            "regret_error": round(error, 2),
            "seconds": round(float(np.mean(seconds)), 2),
            "proven": f"{proven}/{NUM_WORLDS}",
        }
    yield from _baselines(worlds)


def _baselines(worlds: Sequence[World]) -> Iterator[dict[str, object]]:
    """All tasks in one model, and each in its own, which takes more models than the budget."""
    baselines: dict[str, Callable[[World], Floats]] = {
        "all in one": lambda world: world.scores((1 << world.num_tasks) - 1),
        "all single": lambda world: world.alone,
    }
    for name, scores in baselines.items():
        mean, error = mean_and_error(np.array([_points_below(world, scores(world)) for world in worlds]))
        yield {"tasks": worlds[0].num_tasks, "method": name, "regret": round(mean, 2), "regret_error": round(error, 2)}


def proposals_until_found(world: World, *, informed: bool) -> int:
    """Partitions that a guided search proposes until all planted groups were among them; one more than allowed: never."""
    known = {1 << task for task in range(world.num_tasks)} | {(1 << world.num_tasks) - 1}
    gradients = world.gradients() if informed else GradientAffinities()
    proposer = Proposer("guided", world.num_tasks, world.seed)
    for number in range(1, MOST_PROPOSALS + 1):
        family = proposer.propose(Blend(world.measured(sorted(known)), gradients, FeatureAffinities()), lambda _: True)
        known |= set(family or ())
        if known >= set(world.planted):
            return number
    return MOST_PROPOSALS + 1


if __name__ == "__main__":
    for size in SIZES:
        for row in rows(size):
            print(json.dumps(row), flush=True)
    for size in GUIDED_SIZES:
        worlds = [World.drawn(size, seed) for seed in range(NUM_WORLDS)]
        numbers = {
            name: [proposals_until_found(world, informed=informed) for world in worlds]
            for name, informed in (("proposals", False), ("proposals_informed", True))
        }
        print(json.dumps({"tasks": size, **numbers}), flush=True)
