import dataclasses
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlens.config.sections import Splits
from mtlens.data.assignment import DROPPED, Assignment, add_test, assign
from mtlens.data.clusters import normalised
from mtlens.data.splits import SPLITS
from mtlens.data.stratify import OPEN, allot
from mtlens.tasks import MISSING
from tests.support.rows_to_split import Row, reports

SIZES = Splits(validation=0.15, test=0.25)


def split(rows, sizes=SIZES):
    return assign(
        texts=[row.text for row in rows],
        groups=[row.group for row in rows],
        given=[row.given for row in rows],
        sources=np.array([row.source for row in rows], dtype=np.int16),
        labels=np.array([row.labels for row in rows], dtype=np.int16),
        sizes=sizes,
    )


def names(assignment):
    return [None if index == DROPPED else SPLITS[index] for index in assignment.splits]


def sides(values, splits):
    """The splits in which each value stands, dropped rows apart."""
    found = defaultdict(set)
    for value, index in zip(values, splits, strict=True):
        if value is not None and index != DROPPED:
            found[value].add(int(index))
    return found.values()


ROWS = st.builds(
    Row,
    text=st.sampled_from(["a", "A.", "b", "B ", "c", "d", "e", "...", "?!"]),
    group=st.none() | st.sampled_from(["1", "2", "3", "4"]),
    given=st.none() | st.sampled_from(SPLITS),
    source=st.integers(0, 2),
    labels=st.tuples(st.integers(MISSING, 2), st.integers(MISSING, 1)),
)


def test_only_letters_and_digits_tell_texts_apart():
    assert normalised("L4-L5: Disc_bulge.") == normalised("l4 l5 DISC bulge") == "l4l5discbulge"
    assert normalised("Größe 3 mm") == "größe3mm"
    assert normalised("?!") != normalised("...")


@given(st.lists(ROWS, min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_text_stands_on_two_sides(rows):
    splits = split(rows).splits
    assert set(splits) <= {DROPPED, 0, 1, 2}
    assert all(len(found) == 1 for found in sides([normalised(row.text) for row in rows], splits))


@given(st.lists(st.builds(dataclasses.replace, ROWS, given=st.none()), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_group_stands_on_two_sides_of_splits_made_here(rows):
    assert all(len(found) == 1 for found in sides([row.group for row in rows], split(rows).splits))


@given(st.lists(ROWS, min_size=1, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_rows_does_not_matter(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    found = split([rows[i] for i in order])
    expected = split(rows)
    np.testing.assert_array_equal(found.splits, expected.splits[order])
    assert found.notes == expected.notes


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_met_and_classes_spread(seed):
    rows = reports(seed)
    found = split(rows)
    assert DROPPED not in found.splits
    shares = np.bincount(found.splits) / len(rows)
    np.testing.assert_allclose(shares, [0.6, 0.15, 0.25], atol=0.02)
    labels = np.array([row.labels for row in rows])
    for task in range(2):
        for label in range(3):
            of_class = found.splits[labels[:, task] == label]
            np.testing.assert_allclose(np.bincount(of_class, minlength=3) / len(of_class), [0.6, 0.15, 0.25], atol=0.05)


def test_a_rare_class_reaches_every_split():
    rows = [Row(f"text {i}", labels=(int(i % 50 == 0),)) for i in range(500)]  # ten examples of class 1
    found = split(rows)
    rare = found.splits[[row.labels == (1,) for row in rows]]
    assert np.bincount(rare, minlength=3).tolist() in ([6, 1, 3], [6, 2, 2], [5, 2, 3])


def test_splits_are_the_same_for_a_seed_and_others_for_another():
    rows = reports(0)
    first, again, other = (split(rows, Splits(seed=seed)).splits for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert 0.2 < (first == other).mean() < 0.8


def test_clusters_join_groups_that_share_a_text():
    rows = [Row("same", "1"), Row("Same.", "2"), Row("else", "2"), Row("alone", "3"), Row("none"), Row("NONE"), Row("one")]
    # twenty more, so that three linked rows are no large part of the whole
    clusters = split([*rows, *(Row(f"text {i}") for i in range(20))]).clusters
    assert clusters[0] == clusters[1] == clusters[2]
    assert clusters[4] == clusters[5]
    assert len(set(clusters.tolist())) == 24


def test_stock_phrases_that_chain_all_patients_do_not_block_the_split():
    rows = [Row(f"finding {p}", f"p{p}") for p in range(200)] + [Row("Unremarkable.", f"p{p}") for p in range(200)]
    found = split(rows)
    assert all(len(s) == 1 for s in sides([row.group for row in rows], found.splits))
    np.testing.assert_allclose(np.bincount(found.splits[:200]) / 200, [0.6, 0.15, 0.25], atol=0.02)
    assert set(found.splits[200:]) == {0, DROPPED}
    assert found.notes == (
        "rows dropped from validation, as their text also occurs in train: 30",
        "rows dropped from test, as their text also occurs in train or validation: 50",
    )
    assert len(set(found.clusters.tolist())) == 200
    np.testing.assert_array_equal(split(rows[::-1]).splits, found.splits[::-1])


def test_a_given_split_is_kept_and_earlier_repeats_of_its_texts_are_dropped():
    rows = [
        Row("a", given="test"),
        Row("A!", given="validation"),
        Row("b", given="validation"),
        Row("a.", given="train"),
        Row("b ", given="train"),
        Row("c", given="train"),
        Row("c", given="train"),
    ]
    found = split(rows)
    assert names(found) == ["test", None, "validation", None, None, "train", "train"]
    assert found.notes == (
        "rows dropped from validation, as their text also occurs in test: 1",
        "rows dropped from train, as their text also occurs in test or validation: 2",
    )


def test_a_given_split_may_divide_a_group_and_says_so():
    found = split([Row("a", "1", "test"), Row("b", "1", "validation"), Row("c", "1", "train"), Row("d", "2", "train")])
    assert names(found) == ["test", "validation", "train", "train"]
    assert found.notes == ("groups that stand in more than one of the given splits: 1",)


def test_validation_is_made_of_training_clusters_where_none_is_given():
    rows = [Row(f"text {i}", f"p{i // 2}", "train") for i in range(400)] + [Row(f"t{i}", None, "test") for i in range(100)]
    found = split(rows)
    assert (found.splits[400:] == 2).all()
    assert (found.splits[:400] == 1).sum() == pytest.approx(400 * 0.15 / 0.75, abs=2)  # 0.15 of what is not test
    assert all(len(s) == 1 for s in sides([row.group for row in rows], found.splits))
    assert found.notes == ("rows moved to validation, as no such split was given, from 400 in train: 80",)


@pytest.mark.parametrize("given", [("train",), ("train", "validation")])
def test_a_test_split_is_made_of_training_rows_where_nothing_tests(given):
    rows = [Row(f"text {i}", None, given[i % len(given)]) for i in range(400)]
    found = np.bincount(split(rows).splits, minlength=3)
    expected = [240, 60, 100] if len(given) == 1 else [200 - 200 * 0.25 / 0.85, 200, 200 * 0.25 / 0.85]
    np.testing.assert_allclose(found, expected, atol=2)
    repeated = [*rows, Row("text 1", None, "train")]
    assert (split(repeated).splits == 2).sum() == pytest.approx(expected[2], abs=3)
    rows += [Row(f"other {i}", None, "test", 1, (MISSING, 0)) for i in range(20)]  # of another task
    of_two = [dataclasses.replace(row, labels=(0, MISSING)) if row.source == 0 else row for row in rows]
    np.testing.assert_allclose(np.bincount(split(of_two).splits[:400], minlength=3), expected, atol=2)
    of_one = [dataclasses.replace(row, labels=(0, 0)) for row in rows]
    assert (split(of_one).splits[:400] != 2).all()


def test_open_rows_follow_training_texts_that_became_validation():
    texts = [f"text {i}" for i in range(100)]
    rows = [Row(text, None, "train", 0) for text in texts] + [Row("t", None, "test", 0)]
    found = split(rows + [Row(text.upper(), None, None, 1) for text in texts])
    assert DROPPED not in found.splits
    np.testing.assert_array_equal(found.splits[:100], found.splits[101:])
    assert (found.splits[:100] == 1).sum() == 20


def test_an_open_cluster_follows_a_row_with_a_given_split():
    rows = [Row(f"text {i}", f"p{i // 4}", "test" if i % 4 == 0 and i < 40 else None) for i in range(400)]
    found = split(rows)
    assert (found.splits[:40] == 2).all()
    np.testing.assert_allclose(np.bincount(found.splits) / 400, [0.6, 0.15, 0.25], atol=0.02)


def test_a_source_with_given_splits_leaves_the_shares_of_another_alone():
    given_rows = [Row(f"given {i}", None, "train", 0) for i in range(500)] + [Row("v", None, "validation", 0)]
    open_rows = [Row(f"open {i}", None, None, 1) for i in range(200)]
    found = split(given_rows + open_rows)
    assert (found.splits[:500] == 0).all()
    np.testing.assert_allclose(np.bincount(found.splits[501:]) / 200, [0.6, 0.15, 0.25], atol=0.02)


def test_open_rows_join_the_given_split_of_their_text():
    rows = [Row("a", None, "test", 0), Row("b", None, "train", 0), Row("v", None, "validation", 0)]
    rows += [Row("A", None, None, 1), Row("B", None, None, 1), *(Row(f"open {i}", None, None, 1) for i in range(50))]
    found = split(rows)
    assert names(found)[3:5] == ["test", "train"]
    assert found.notes == ()


def test_a_share_of_zero_gets_nothing():
    clusters = np.arange(50, dtype=np.int32)
    labels = np.zeros((50, 1), dtype=np.int16)
    keys = np.arange(50, dtype=np.uint64)
    found = allot(clusters, labels, np.full(50, OPEN, dtype=np.int8), keys, (0.8, 0.2, 0.0))
    assert np.bincount(found, minlength=3).tolist() == [40, 10, 0]


def test_rows_that_only_test_change_no_other_and_lose_what_was_trained_on():
    first = Assignment(
        splits=np.array([0, 1, 2], dtype=np.int8),
        clusters=np.array([0, 1, 1], dtype=np.int32),
        texts=np.array([0, 1, 2]),
        notes=("before",),
    )
    texts = ["trained", "validated", "tested", "Trained!", "validated", "tested", "new", "also new"]
    groups = ["a", "b", "b", "t", "t", "t", "t", None]
    added = add_test(first, texts, groups)
    assert added.splits.tolist() == [0, 1, 2, DROPPED, DROPPED, 2, 2, 2]
    np.testing.assert_array_equal(added.clusters[:3], first.clusters)
    patient, other = added.clusters[6], added.clusters[7]
    assert added.clusters[5] == patient
    assert len({0, 1, patient, other}) == 4
    assert added.notes == (
        "before",
        "rows dropped from the texts that only test, as their text also occurs in train or validation: 2",
    )
