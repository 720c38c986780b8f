import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlens.errors import DataError
from mtlens.grouping.estimators import HigherOrder
from mtlens.grouping.measurements import FeatureAffinities, GradientAffinities, Measured
from mtlens.grouping.optimal_family import Candidates, best_family, best_partition, best_within
from mtlens.grouping.partitions import all_groups, canonical_partition, growth_strings, membership, partition_of, tasks_of
from tests.support.taskonomy_lattice import families, needs_lattice, taskonomy


def candidates(seed, num_tasks, num_groups=None, *, values=None, missing=0.0):
    """Random losses of some of the groups, singletons among them; `values` makes ties, `missing` leaves some unknown."""
    generator = np.random.default_rng(seed)
    singles = [1 << task for task in range(num_tasks)]
    others = [group for group in all_groups(num_tasks) if group not in singles]
    generator.shuffle(others)
    groups = (singles + others)[:num_groups]
    shape = (len(groups), num_tasks)
    losses = generator.normal(size=shape) if values is None else generator.integers(values, size=shape).astype(float)
    known = membership(groups, num_tasks) & (generator.random(shape) >= missing)
    known[np.arange(num_tasks), np.arange(num_tasks)] = True
    costs = generator.choice([0.5, 1.0, 1.5], size=len(groups))
    return Candidates(groups=tuple(groups), losses=np.where(known, losses, np.inf), costs=costs)


def total(found, rows, weights=1.0):
    return float((found.losses[list(rows)].min(axis=0) * weights).sum())


@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([0.0, 0.3]), st.floats(2.0, 4.0))
@settings(max_examples=60, deadline=None)
def test_the_best_family_is_that_of_brute_force(seed, num_tasks, missing, budget):
    known = candidates(seed, num_tasks, 11, missing=missing)
    weights = np.random.default_rng(seed).uniform(0.1, 3, size=num_tasks)
    affordable = list(families(known, budget))
    if not affordable:
        with pytest.raises(DataError, match=f"should pay for a family with every task; found none for {budget:g}"):
            best_family(known, budget=budget, weights=weights)
        return
    found = best_family(known, budget=budget, weights=weights)
    assert found.is_proven
    assert list(found.rows) in affordable
    assert found.total == pytest.approx(min(total(known, rows, weights) for rows in affordable))
    assert found.total == pytest.approx(total(known, found.rows, weights))
    assert found.cost == known.costs[list(found.rows)].sum()
    assert set(found.served_by) == set(found.rows)  # a model that serves no task would cost and not help
    assert all(
        known.losses[row, task] == known.losses[list(found.rows), task].min() for task, row in enumerate(found.served_by)
    )


@given(st.integers(0, 10_000), st.floats(2.0, 4.0))
@settings(max_examples=40, deadline=None)
def test_of_equal_families_the_cheapest_is_chosen(seed, budget):
    known = candidates(seed, 4, 11, values=3)
    affordable = list(families(known, budget))
    least = min((total(known, rows) for rows in affordable), default=None)
    if least is not None:
        found = best_family(known, budget=budget)
        assert found.total == least
        assert found.cost == min(known.costs[rows].sum() for rows in affordable if total(known, rows) == least)


@given(st.integers(0, 10_000), st.integers(3, 7))
@settings(max_examples=30, deadline=None)
def test_seven_tasks_agree_with_dynamic_programming_over_who_serves_whom(seed, halves):
    # the models of a family serve disjoint sets, each at best as the best group of its cost that contains the set
    known = candidates(seed, 7)
    served = membership(range(1, 128), 7)
    totals = np.where(served[:, None], known.losses, 0.0).sum(axis=2)
    alone = {cost: np.append(np.inf, np.where(known.costs == cost / 2, totals, np.inf).min(axis=1)) for cost in (1, 2, 3)}
    best = np.full((halves + 1, 128), np.inf)
    best[:, 0] = 0.0
    for budget in range(1, halves + 1):
        for tasks in range(1, 128):
            parts = np.array([part for part in range(1, 128) if part & tasks == part])
            best[budget, tasks] = min(
                (alone[cost][parts] + best[budget - cost, tasks ^ parts]).min() for cost in alone if cost <= budget
            )
    found = best_family(known, budget=halves / 2)
    assert found.is_proven
    assert found.total == pytest.approx(best[halves, 127])
    assert found.cost <= halves / 2


def test_ten_tasks_with_all_groups_are_solved_and_proven():
    known = candidates(0, 10)
    found = best_family(known, budget=3)
    assert found.is_proven
    assert found.cost <= 3
    assert all(
        found.total <= total(known, [row, *found.rows[1:]]) for row in np.flatnonzero(known.costs <= known.costs[found.rows[0]])
    )


@given(st.integers(0, 10_000), st.integers(1, 6), st.sampled_from([0.0, 0.2]))
@settings(max_examples=60, deadline=None)
def test_the_best_partition_is_that_of_brute_force(seed, num_tasks, missing):
    known = candidates(seed, num_tasks, missing=missing)
    row_of = {group: row for row, group in enumerate(known.groups)}
    weights = np.random.default_rng(seed).uniform(0.1, 3, size=num_tasks)

    def of_partition(partition):
        rows = [row_of[group] for group in partition]
        inside = np.where(membership(partition, num_tasks), known.losses[rows] * weights, 0.0)
        return inside.sum()

    found = best_partition(known, weights=weights)
    assert canonical_partition(found.groups, num_tasks)
    assert found.total == pytest.approx(min(of_partition(partition_of(string)) for string in growth_strings(num_tasks)))
    assert found.total == pytest.approx(of_partition(found.groups))


def test_of_equal_partitions_the_cheapest_is_chosen():
    groups = tuple(all_groups(4))
    known = Candidates(groups=groups, losses=np.where(membership(groups, 4), 1.0, np.inf), costs=np.ones(15))
    assert best_partition(known).groups == best_family(known, budget=4).groups == (0b1111,)


def test_overlap_serves_better_than_any_partition():
    # task 1 helps tasks 0 and 2, and is itself best alone
    scores = {0b001: [0.5], 0b010: [0.9], 0b100: [0.5], 0b011: [0.8, 0.6], 0b110: [0.6, 0.8]}
    losses = np.full((5, 3), np.inf)
    for row, (group, values) in enumerate(scores.items()):
        losses[row, membership([group], 3)[0]] = [1 - value for value in values]
    known = Candidates(groups=tuple(scores), losses=losses, costs=np.ones(5))
    assert best_family(known, budget=3).groups == (0b010, 0b011, 0b110)
    assert best_family(known, budget=3).total == pytest.approx(0.2 + 0.1 + 0.2)
    assert best_partition(known).total == pytest.approx(min(0.2 + 0.4 + 0.5, 0.5 + 0.1 + 0.5))


def test_a_small_and_a_large_model_of_one_group_are_both_on_offer():
    losses = np.array([[0.2, np.inf], [0.1, np.inf], [np.inf, 0.3]])
    known = Candidates(groups=(1, 1, 2), losses=losses, costs=np.array([0.5, 1.0, 1.0]))
    assert best_family(known, budget=1.5).rows == (0, 2)
    assert best_family(known, budget=2).rows == best_partition(known).rows == (1, 2)


def test_costs_add_up_to_the_budget_in_spite_of_rounding():
    known = Candidates(groups=(1, 2, 4), losses=np.where(np.eye(3, dtype=bool), 0.0, np.inf), costs=np.full(3, 0.1))
    assert best_family(known, budget=0.3).rows == (0, 1, 2)


def test_scores_become_losses_in_one_place():
    scores = np.array([[0.9, np.nan], [np.nan, 0.7], [0.8, 0.8], [np.nan, np.nan]])
    known = Candidates.from_scores([1, 2, 3, 3], scores, cost={1: 0.5, 2: 0.5, 3: 2.0}.__getitem__)
    assert known.losses.tolist() == [[-0.9, np.inf], [np.inf, -0.7], [-0.8, -0.8], [np.inf, np.inf]]
    assert known.costs.tolist() == [0.5, 0.5, 2.0, 2.0]
    assert best_family(known, budget=1).groups == (1, 2)
    assert best_family(known, budget=2.5).rows == (0, 2)
    assert Candidates.from_scores([3], scores[2:3]).costs.tolist() == [1.0]


def test_a_search_that_is_cut_short_says_so():
    known = candidates(0, 8)
    found = best_family(known, budget=3, max_nodes=1)
    assert not found.is_proven
    assert found.cost <= 3
    assert found.total >= best_family(known, budget=3).total


@needs_lattice
def test_taskonomy_reference_totals():
    validation, test = taskonomy("validation"), taskonomy("test")
    chosen = [best_family(validation, budget=budget) for budget in (1, 1.5, 2, 2.5, 3)]
    assert [round(found.total, 5) for found in chosen] == [0.50761, 0.46630, 0.45686, 0.45076, 0.44702]
    on_test = [sum(test.losses[row, task] for task, row in enumerate(found.served_by)) for found in chosen]
    assert [round(value, 5) for value in on_test] == [0.50278, 0.46132, 0.45224, 0.44612, 0.44235]
    assert all(found.is_proven for found in chosen)
    assert best_partition(validation).total >= best_family(validation, budget=5).total


@needs_lattice
def test_taskonomy_reference_totals_of_families_chosen_by_pairs():
    validation, test = taskonomy("validation"), taskonomy("test")
    full_size = range(5, 36)
    known = Measured(
        num_tasks=5,
        scores={
            (validation.groups[row], task): -validation.losses[row, [task]]  # scores are larger-is-better
            for row in full_size
            for task in tasks_of(validation.groups[row])
            if validation.groups[row].bit_count() <= 2
        },
    )
    assert set(known.groups) == set(HigherOrder().discovery(5).groups)
    groups = [validation.groups[row] for row in full_size]
    predicted = Candidates.from_scores(
        groups, HigherOrder().fit(known, GradientAffinities(), FeatureAffinities()).predict(groups).scores
    )
    losses = np.vstack([validation.losses[:5], predicted.losses])
    candidates = Candidates(groups=validation.groups, losses=losses, costs=validation.costs)
    totals = []
    for budget in (1, 1.5, 2, 2.5, 3):
        served_by = best_family(candidates, budget=budget).served_by
        totals.append(round(sum(test.losses[row, task] for task, row in enumerate(served_by)), 5))
    assert totals == [0.50278, 0.46132, 0.45474, 0.45050, 0.44875]


GROUPS = (1, 2, 3)
LOSSES = np.array([[0.1, np.inf], [np.inf, 0.1], [0.2, 0.2]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": (1, 2)}, r"losses \[2, T\] and costs \[2\]; found \(3, 2\) and \(3,\)"),
        ({"losses": LOSSES[0]}, r"losses \[3, T\]"),
        ({"costs": np.array([1.0, 0.0, 1.0])}, r"positive and finite; found \[1.0, 0.0, 1.0\]"),
        ({"costs": np.array([1.0, np.inf, 1.0])}, "positive and finite"),
        ({"losses": np.where(LOSSES == 0.2, np.nan, LOSSES)}, "or infinite where nothing is known; found NaN"),
        ({"losses": np.where(LOSSES == 0.2, -np.inf, LOSSES)}, "found NaN or minus infinity"),
        ({"losses": np.full((3, 2), 0.1)}, "losses of its own tasks; found 0b1 with task 1"),
        ({"losses": np.where([True, False], LOSSES, np.inf)}, "whose outcome is known; found none with task 1"),
        ({"groups": (1, 2, 4)}, "a group of 2 tasks should lie in"),
    ],
)
def test_candidates_that_do_not_fit_together_are_refused(change, message):
    fields = {"groups": GROUPS, "losses": LOSSES, "costs": np.ones(3)}
    Candidates(**fields)
    with pytest.raises(DataError, match=message):
        Candidates(**{**fields, **change})


def test_impossible_selections_are_refused():
    known = Candidates(groups=GROUPS, losses=LOSSES, costs=np.ones(3))
    with pytest.raises(DataError, match=r"should pay for a family with every task; found none for 0\.5"):
        best_family(known, budget=0.5)
    with pytest.raises(DataError, match=r"weights should be 2 positive numbers; found \[1.0\]"):
        best_family(known, budget=2, weights=[1.0])
    with pytest.raises(DataError, match=r"2 positive numbers; found \[1.0, 0.0\]"):
        best_partition(known, weights=[1.0, 0.0])
    overlapping = Candidates(groups=(3, 6), losses=np.array([[0.1, 0.1, np.inf], [np.inf, 0.1, 0.1]]), costs=np.ones(2))
    assert best_family(overlapping, budget=2).groups == (3, 6)
    with pytest.raises(DataError, match="should contain a partition of all tasks; found none"):
        best_partition(overlapping)
    many = Candidates(groups=((1 << 21) - 1,), losses=np.zeros((1, 21)), costs=np.ones(1))
    with pytest.raises(DataError, match="at most 20 tasks; found 21"):
        best_partition(many)


@given(st.integers(0, 10_000), st.integers(1, 5), st.sampled_from([None, 3]), st.sampled_from([1.0, 2.0, 3.0, 4.0]))
@settings(max_examples=60, deadline=None)
def test_the_best_partition_within_a_budget_is_that_of_brute_force(seed, num_tasks, values, budget):
    known = candidates(seed, num_tasks, values=values)
    row_of = {group: row for row, group in enumerate(known.groups)}
    rows = [[row_of[group] for group in partition_of(string)] for string in growth_strings(num_tasks)]
    affordable = [chosen for chosen in rows if known.costs[chosen].sum() <= budget + 1e-9]
    if not affordable:
        with pytest.raises(DataError, match="the budget should pay for a partition"):
            best_within(known, budget=budget, overlap=False)
        return
    found = best_within(known, budget=budget, overlap=False)
    least = min(total(known, chosen) for chosen in affordable)
    assert found.total == pytest.approx(least)
    cheapest = min(known.costs[chosen].sum() for chosen in affordable if total(known, chosen) < least + 1e-9)
    assert found.cost == pytest.approx(cheapest)
    assert canonical_partition(found.groups, num_tasks) == tuple(sorted(found.groups, key=tasks_of))
