"""What is proposed: every group, no partition twice, and by a guided search the best ones sooner."""

import numpy as np
import pytest

from mtlens.config.sections import Search
from mtlens.grouping.measurements import FeatureAffinities, GradientAffinities
from mtlens.grouping.partitions import all_groups, canonical_family, canonical_partition, growth_strings
from mtlens.grouping.proposers import Blend, Proposer, is_settled
from tests.support import planted_tasks

NOTHING = (GradientAffinities(), FeatureAffinities())
BLANK = Blend(None, *NOTHING)


def proposals(method, num_tasks, predictor=BLANK, seed=0, most=10_000, overlap=False):
    proposer = Proposer(method, num_tasks, seed, overlap=overlap)
    found = iter(lambda: proposer.propose(predictor, lambda _: True), None)
    return [partition for partition, _ in zip(found, range(most), strict=False)]


@pytest.mark.parametrize("num_tasks", [2, 3, 4, 5])
def test_exhaustive_proposals_hold_every_group(num_tasks):
    found = proposals("exhaustive", num_tasks)
    assert len(found) == 2**num_tasks - num_tasks
    assert {group for partition in found for group in partition} == set(all_groups(num_tasks))


@pytest.mark.parametrize("method", ["random", "guided"])
def test_no_partition_is_proposed_twice_and_in_the_end_all_are(method):
    found = proposals(method, 4)
    assert len(found) == len(set(found)) == len(list(growth_strings(4)))
    assert all(partition == canonical_partition(partition, 4) for partition in found)


@pytest.mark.parametrize("method", ["random", "guided"])
def test_no_cover_is_proposed_twice_and_overlapping_ones_are_among_them(method):
    found = proposals(method, 4, overlap=True, most=60)
    assert len(found) == len(set(found)) == 60
    assert all(family == canonical_family(family, 4) for family in found)
    assert any(sum(group.bit_count() for group in family) > 4 for family in found)


def test_guidance_finds_the_cover_in_which_one_task_helps_two_that_harm_each_other():
    """Task 0 helps 1 and 2, and is best alone; the family of least cost that serves all three well is {0}, {0, 1}, {0, 2}."""
    affinity = np.array([[0, 0.1, 0.1], [-0.1, 0, -0.1], [-0.1, -0.1, 0]])
    predictor = Blend(planted_tasks.measured(affinity), *NOTHING)
    assert proposals("guided", 3, predictor, most=1, overlap=True) == [(0b001, 0b011, 0b101)]


def test_what_is_not_allowed_is_not_proposed():
    proposer = Proposer("guided", 5, 0)
    found = iter(lambda: proposer.propose(BLANK, lambda partition: len(partition) <= 2), None)
    assert 0 < len([*found]) <= 16


def test_guidance_finds_planted_clusters_at_once_from_affinities():
    known = planted_tasks.measured(planted_tasks.PLANTED).of_groups([1, 2, 4, 8, 16, 31])
    predictor = Blend(known, *planted_tasks.evidence(planted_tasks.PLANTED))
    assert planted_tasks.FOUND in proposals("guided", 5, predictor, most=3)


def test_a_search_is_settled_when_nothing_can_beat_what_is_known():
    everything = planted_tasks.measured(planted_tasks.PLANTED, noise=0.001)
    search = Search(method="guided", runs=10)
    assert is_settled(everything, Blend(everything, *NOTHING), search)
    few = everything.of_groups([1, 2, 4, 8, 16, 31])
    assert not is_settled(few, Blend(few, *NOTHING), search)


def test_a_search_is_not_settled_while_a_better_group_may_be_open():
    """All groups but the best pair, whose worth the others show."""
    everything = planted_tasks.measured(planted_tasks.PLANTED, noise=0.001)
    known = everything.of_groups(set(all_groups(5)) - {0b00011})
    predictor = Blend(known, *NOTHING)
    assert not is_settled(known, predictor, Search(method="guided", runs=10))
    assert np.isnan(known.table([0b00011])[0]).all()
