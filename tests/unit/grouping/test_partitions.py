import functools
from collections import Counter
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mtlens.errors import DataError
from mtlens.grouping.partitions import (
    all_groups,
    canonical_family,
    canonical_partition,
    completions,
    group_of,
    growth_strings,
    membership,
    neighbours,
    ordered,
    partition_of,
    random_cover,
    random_partition,
    tasks_of,
)

PARTITIONS = st.builds(
    lambda num_tasks, seed: random_partition(num_tasks, np.random.default_rng(seed)), st.integers(1, 30), st.integers(0, 10_000)
)


@given(st.sets(st.integers(0, 99), min_size=1))
@settings(deadline=None)
def test_a_group_is_the_set_of_its_tasks(tasks):
    group = group_of(tasks)
    assert tasks_of(group) == tuple(sorted(tasks))
    assert membership([group], 100)[0].nonzero()[0].tolist() == sorted(tasks)


def test_there_are_fifteen_groups_of_four_tasks_and_thirty_one_of_five():
    assert len(all_groups(4)) == 15
    assert len(all_groups(5)) == 31
    assert membership(all_groups(5), 5).sum() == 5 * 2**4


def test_growth_strings_of_three_tasks():
    assert list(growth_strings(3)) == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)]
    assert [partition_of(string) for string in growth_strings(3)] == [(7,), (3, 4), (5, 2), (1, 6), (1, 2, 4)]


@pytest.mark.parametrize(("num_tasks", "bell"), [(1, 1), (2, 2), (3, 5), (4, 15), (5, 52), (6, 203), (9, 21147)])
def test_there_are_as_many_growth_strings_as_the_bell_number_says(num_tasks, bell):
    strings = list(growth_strings(num_tasks))
    assert len(strings) == len({partition_of(string) for string in strings}) == completions(num_tasks, 0) == bell
    assert all(first < second for first, second in pairwise(strings))


def test_large_bell_numbers():
    assert completions(20, 0) == 51_724_158_235_372
    assert completions(25, 0) == 4_638_590_332_229_999_353


@given(PARTITIONS)
@settings(deadline=None)
def test_a_partition_and_its_growth_string_name_each_other(partition):
    group_of_task = {task: number for number, group in enumerate(partition) for task in tasks_of(group)}
    string = tuple(group_of_task[task] for task in range(len(group_of_task)))
    assert partition_of(string) == partition
    assert string[0] == 0
    assert all(number <= 1 + max(string[:task]) for task, number in enumerate(string) if task)


@given(PARTITIONS, st.randoms())
@settings(deadline=None)
def test_the_canonical_form_does_not_depend_on_the_order_of_groups(partition, random):
    shuffled = random.sample(partition, len(partition))
    num_tasks = sum(partition).bit_length()
    assert canonical_partition(shuffled, num_tasks) == canonical_family(shuffled * 2, num_tasks) == partition


def test_groups_of_a_family_may_overlap_and_count_once():
    assert canonical_family([0b110, 0b011, 0b110], 3) == (0b011, 0b110)
    with pytest.raises(DataError, match="in one group of a partition; found task 1 in 2"):
        canonical_partition([0b110, 0b011], 3)


def test_random_partitions_are_uniform():
    generator = np.random.default_rng(0)
    counts = Counter(random_partition(5, generator) for _ in range(5200))
    assert len(counts) == 52
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_a_seed_draws_the_same_partition_again():
    assert [random_partition(20, np.random.default_rng(seed)) for seed in range(5)] == [
        random_partition(20, np.random.default_rng(seed)) for seed in range(5)
    ]


def test_neighbours_of_three_tasks():
    together, apart = (0b111,), (0b001, 0b010, 0b100)
    pairs = ((0b011, 0b100), (0b101, 0b010), (0b001, 0b110))
    assert set(map(ordered, neighbours(together))) == set(pairs)
    assert set(map(ordered, neighbours(apart))) == set(pairs)
    assert set(map(ordered, neighbours(pairs[0]))) == {together, pairs[1], pairs[2], apart}
    assert neighbours((1,)) == []


@given(st.integers(2, 7), st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_neighbours_are_the_partitions_from_which_one_task_can_be_taken_to_leave_the_same(num_tasks, seed):
    partition = random_partition(num_tasks, np.random.default_rng(seed))

    def same_pairs(partition, without):
        return {pair for group in partition for pair in combinations(tasks_of(group), 2) if without not in pair}

    expected = [
        other
        for other in map(partition_of, growth_strings(num_tasks))
        if other != partition and any(same_pairs(other, task) == same_pairs(partition, task) for task in range(num_tasks))
    ]
    assert sorted(set(map(ordered, neighbours(partition)))) == sorted(expected)


def test_overlapping_neighbours_of_two_tasks():
    assert set(map(ordered, neighbours((0b01, 0b10), overlap=True))) == {(0b11,), (0b01, 0b11), (0b11, 0b10)}
    assert set(map(ordered, neighbours((0b11,), overlap=True))) == {(0b01, 0b10), (0b01, 0b11), (0b11, 0b10)}


def test_every_cover_is_reached_from_every_other_by_way_of_neighbours():
    reached, here = set(), {(0b001, 0b010, 0b100)}
    while here - reached:
        reached |= here
        here = {ordered(neighbour) for family in here for neighbour in neighbours(family, overlap=True)}
    families = (ordered(chosen) for size in range(1, 8) for chosen in combinations(all_groups(3), size))
    assert reached == {family for family in families if functools.reduce(int.__or__, family) == 0b111}


def test_random_covers_are_those_in_which_every_group_can_serve_a_task_of_its_own():
    generator = np.random.default_rng(0)
    drawn = {random_cover(3, generator) for _ in range(20_000)}
    families = (ordered(chosen) for size in range(1, 4) for chosen in combinations(all_groups(3), size))
    assert drawn == {
        family
        for family in families
        if any(
            set(servers) == set(family) and all(group >> task & 1 for task, group in enumerate(servers))
            for servers in product(family, repeat=3)
        )
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_of([2, -1]), "numbered from 0; found -1"),
        (lambda: all_groups(0), "at least one task; found 0"),
        (lambda: growth_strings(0), "at least one task; found 0"),
        (lambda: random_partition(0, np.random.default_rng(0)), "at least one task; found 0"),
        (lambda: membership([3, 0], 2), r"a group of 2 tasks should lie in 1\.\.2\^2-1; found 0"),
        (lambda: membership([1 << 70], 3), r"should lie in 1\.\.2\^3-1; found 1180591620717411303424"),
        (lambda: canonical_family([0b011], 3), r"every task of 0\.\.2 should be in a group; found none with task 2"),
        (lambda: canonical_family([], 3), "found none with task 0"),
        (lambda: canonical_partition([0b011, 0b011, 0b100], 3), "found task 0 in 2"),
        (lambda: partition_of((0, 2)), r"entry 1 of a restricted-growth string should lie in 0\.\.1; found 2"),
        (lambda: partition_of((0, -1)), "entry 1 .* found -1"),
    ],
)
def test_bad_groupings_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()
