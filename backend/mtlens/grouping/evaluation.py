"""How good are the methods? Regret, rank correlation and cost, for tasks with every group trained.

The seeds are split in halves. Methods and the exhaustive oracle see the first half, and their choices are scored on the second,
so that choosing groups that are good by chance does not help; the halves then swap, and results are averaged over splits.
Regret at a budget is the oracle's score minus the method's, where a score is the mean over tasks of a metric for which larger
is better. It is negative where a method beats the oracle, which sees one half of the seeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtlens.errors import DataError
from mtlens.grouping.estimators import ESTIMATORS, Estimator, Oracle, TaskMeans
from mtlens.grouping.estimators.base import Discovery
from mtlens.grouping.measurements import FeatureAffinities, Floats, GradientAffinities, Measured
from mtlens.grouping.optimal_family import ROUNDING, Candidates, best_within
from mtlens.grouping.partitions import Group, Partition, all_groups, growth_strings, membership, partition_of, tasks_of
from mtlens.statistics.metrics.ratios import mean_of_defined

_BASELINES = ("all in one", "all single", "random partition")
_NUM_DRAWS = 10  # of halves of the seeds


@dataclass(frozen=True, kw_only=True)
class MethodRow:
    """One method or baseline; NaN where a baseline predicts nothing, or is not affordable.

    The permuted regret is a control: the regret with the method's predicted gains permuted over tasks at random, and the scores
    of single tasks kept. Rank correlations (Spearman) are of predicted gains with those on the other half, over groups of two
    and more.
    """

    method: str
    trainings: int  # per seed, to find out what to choose
    passes: int  # over each example looked at, beyond training
    regret: tuple[float, ...]  # [budgets]
    permuted_regret: tuple[float, ...]  # [budgets]
    rank_correlation: tuple[float, ...]  # [T] of each task over its groups; 0 for a prediction that is the same for all
    pooled_correlation: float  # over all tasks and groups; flatters, as a constant for each task can do well


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The table, the oracle first, then methods, then baselines. The oracle's rank correlations are the ceiling.

    They correlate the gains measured on one half of the seeds with those on the other.
    """

    budgets: tuple[float, ...]
    oracle_scores: tuple[float, ...]  # [budgets] on the half that it did not see
    rows: tuple[MethodRow, ...]


def judge(
    measured: Measured,
    gradients: GradientAffinities,
    features: FeatureAffinities,
    *,
    budgets: Sequence[float],
    estimators: Sequence[Estimator] | None = None,
    cost: Callable[[Group], float] = lambda _: 1.0,
    seed: int = 0,
    scored: Measured | None = None,
    overlap: bool = True,
) -> Judgement:
    """Evaluate estimators beside the oracle, task means, all-in-one, all single and random partitions.

    estimators: by default all that are registered. scored: the same groups and seeds on other examples, on which choices are
    scored. overlap: whether groups may share tasks.
    Raises `DataError` where a group was not measured under every seed, or there are fewer than two seeds.
    """
    scored = scored or measured
    for scores in (measured, scored):
        _check_exhaustive(scores)
    generator = np.random.default_rng(seed)
    reference = (Oracle(), TaskMeans())
    judged = ESTIMATORS.values() if estimators is None else estimators
    methods = [Oracle(), *(estimator for estimator in judged if estimator not in reference), TaskMeans()]
    partitions = [partition_of(string) for string in growth_strings(measured.num_tasks)]
    trials: list[list[_Outcome]] = []
    for first, second in _halves(measured.num_seeds, generator):
        seen, unseen = measured.of_seeds(first), scored.of_seeds(second)
        trial = _Trial(
            unseen=unseen.table(all_groups(measured.num_tasks))[0], budgets=tuple(budgets), cost=cost, overlap=overlap
        )
        tasks = generator.permutation(measured.num_tasks)
        outcomes: list[_Outcome] = []
        for method in methods:
            known = seen.of_groups(method.discovery(measured.num_tasks).groups)
            prediction = method.fit(known, gradients, features).predict(all_groups(measured.num_tasks))
            outcomes.append(trial.of_prediction(prediction.scores, tasks))
        trials.append(outcomes + trial.of_baselines(partitions))
    discoveries = [method.discovery(measured.num_tasks) for method in methods] + [Discovery(groups=())] * len(_BASELINES)
    names = [method.name for method in methods] + list(_BASELINES)
    oracle = [trial[0].scores for trial in trials]
    rows = [
        _row(name, discovery, [trial[place] for trial in trials], oracle)
        for place, (name, discovery) in enumerate(zip(names, discoveries, strict=True))
    ]
    return Judgement(budgets=tuple(budgets), oracle_scores=_floats(np.mean(oracle, axis=0)), rows=tuple(rows))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Outcome:
    """What one method came to in one trial."""

    scores: Floats  # [budgets] of what it chose
    permuted: Floats  # [budgets]
    ranks: Floats  # [T]
    pooled: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trial:
    """The half of the seeds that nobody saw: its scores `[2^T - 1, T]` of all groups judge what was chosen."""

    unseen: Floats
    budgets: tuple[float, ...]
    cost: Callable[[Group], float]
    overlap: bool

    @property
    def _groups(self) -> range:
        return all_groups(self.unseen.shape[1])

    def of_prediction(self, scores: Floats, tasks: NDArray[np.intp]) -> _Outcome:
        """Outcome of predicted scores `[2^T - 1, T]`; as a control, also with the gains of `tasks` in place of 0..T-1."""
        member = membership(self._groups, len(tasks))
        alone = np.array([group.bit_count() == 1 for group in self._groups])
        gains, unseen_gains = (table - _singles(table) for table in (scores, self.unseen))
        company = member & ~alone[:, None]
        permuted = gains[(member @ (1 << tasks) - 1)[:, None], tasks] + _singles(scores)
        return _Outcome(
            scores=self._chosen(scores),
            permuted=self._chosen(permuted),
            ranks=np.array([rank_correlation(gains[rows, j], unseen_gains[rows, j]) for j, rows in enumerate(company.T)]),
            pooled=rank_correlation(gains[company], unseen_gains[company]),
        )

    def of_baselines(self, partitions: Sequence[Partition]) -> list[_Outcome]:
        """Outcomes of all in one, of all single, and of a partition drawn from those that are affordable: its mean."""
        totals = np.nansum(self.unseen, axis=1) / self.unseen.shape[1]
        scores = np.array([sum(totals[group - 1] for group in partition) for partition in partitions])
        costs = np.array([sum(map(self.cost, partition)) for partition in partitions])
        affordable = costs[:, None] <= np.array(self.budgets) * (1 + ROUNDING)
        affordable_scores = np.where(affordable, scores[:, None], np.nan)
        return [
            _Outcome(
                scores=chosen, permuted=np.full_like(chosen, np.nan), ranks=np.full(self.unseen.shape[1], np.nan), pooled=np.nan
            )
            for chosen in (affordable_scores[0], affordable_scores[-1], mean_of_defined(affordable_scores.T))
        ]

    def _chosen(self, scores: Floats) -> Floats:
        candidates = Candidates.from_scores(self._groups, scores, self.cost)
        chosen = [best_within(candidates, budget=budget, overlap=self.overlap).served_by for budget in self.budgets]
        return np.array([self.unseen[list(rows), np.arange(len(rows))].mean() for rows in chosen])


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation of predictions `[n]` with outcomes `[n]`; 0 where all predictions are equal.

    NaN where all outcomes are equal, or there are fewer than two.
    """
    ranks, outcomes = _centered_ranks(first), _centered_ranks(second)
    if not outcomes.any():
        return np.nan
    return float(ranks @ outcomes / np.sqrt(ranks @ ranks * (outcomes @ outcomes))) if ranks.any() else 0.0


def _centered_ranks(values: Floats) -> Floats:
    """Ranks, those of equal values averaged, minus their mean; values that differ by rounding are equal."""
    _, place, counts = np.unique(values.round(12), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place] - (len(values) + 1) / 2


def _halves(num_seeds: int, generator: np.random.Generator) -> list[tuple[list[int], list[int]]]:
    """Distinct splits of the seeds in two halves, drawn at random, each both ways round."""
    drawn = (sorted(generator.permutation(num_seeds)[: num_seeds // 2].tolist()) for _ in range(_NUM_DRAWS))
    halves = {(tuple(half), tuple(sorted(set(range(num_seeds)) - set(half)))) for half in drawn}
    return [(list(first), list(second)) for first, second in sorted(halves | {half[::-1] for half in halves})]


def _row(name: str, discovery: Discovery, outcomes: Sequence[_Outcome], oracle: Sequence[Floats]) -> MethodRow:
    """Means over the splits."""
    best = np.mean(oracle, axis=0)
    return MethodRow(
        method=name,
        trainings=discovery.trainings,
        passes=discovery.passes,
        regret=_floats(best - np.mean([outcome.scores for outcome in outcomes], axis=0)),
        permuted_regret=_floats(best - np.mean([outcome.permuted for outcome in outcomes], axis=0)),
        rank_correlation=_floats(mean_of_defined(np.stack([outcome.ranks for outcome in outcomes], axis=1))),
        pooled_correlation=float(mean_of_defined(np.array([outcome.pooled for outcome in outcomes]))),
    )


def _singles(scores: Floats) -> Floats:
    """Score of each task alone, `[T]`, from those of all groups."""
    tasks = np.arange(scores.shape[1])
    return scores[(1 << tasks) - 1, tasks]


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(values.tolist())


def _check_exhaustive(measured: Measured) -> None:
    if measured.num_seeds < 2:
        raise DataError("methods are judged on other seeds than they saw: there should be two at least; found one")
    for group in all_groups(measured.num_tasks):
        for task in tasks_of(group):
            if (scores := measured.scores.get((group, task))) is None or np.isnan(scores).any():
                where = f"task {task} in group {group:#b}"
                raise DataError(f"every group should have been measured under every seed; found no score of {where}")
