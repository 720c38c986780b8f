"""Which texts the evidence looks at."""

from dataclasses import replace

import numpy as np

from mtlens.evidence.samples import fingerprint, held_out_rows, microbatches


def num_distinct_test_texts(encoded):
    return len({tuple(encoded.tokens[encoded.starts[row] : encoded.starts[row + 1]]) for row in range(160, 240)})


def test_held_out_rows_are_test_rows_in_order_and_as_many_as_asked(encoded):
    rows = held_out_rows(encoded, 50)
    assert len(rows) == 50
    assert (np.diff(rows) > 0).all()
    assert (encoded.splits[rows] == 2).all()
    assert len(held_out_rows(encoded, 10_000)) == num_distinct_test_texts(encoded)
    assert (held_out_rows(encoded, 50) == rows).all()


def test_every_cluster_comes_before_the_second_row_of_any(encoded):
    clustered = replace(encoded, groups=(np.arange(240) // 4).astype(np.int32))
    rows = held_out_rows(clustered, 20)
    assert len(set(clustered.groups[rows])) == 20
    more = held_out_rows(clustered, 30)
    assert np.bincount(clustered.groups[more]).max() == 2


def test_equal_texts_count_once(encoded):
    starts = encoded.starts.copy()
    first = encoded.tokens[starts[160] : starts[161]]
    tokens = np.concatenate([encoded.tokens[: starts[161]], first, encoded.tokens[starts[162] :]])
    shift = len(first) - (starts[162] - starts[161])
    starts[162:] += shift
    doubled = replace(encoded, tokens=tokens, starts=starts)
    rows = held_out_rows(doubled, 10_000)
    assert len(rows) == num_distinct_test_texts(encoded) - 1
    assert 160 in rows
    assert 161 not in rows


def test_tables_take_turns(encoded):
    sources = np.where(np.arange(240) % 8 == 0, 1, 0).astype(np.int16)  # ten of the eighty test rows
    rows = held_out_rows(replace(encoded, sources=sources), 20)
    assert (sources[rows] == 1).sum() == 10


def test_draws_are_disjoint_training_rows_of_even_size(encoded):
    draws = microbatches(encoded, [0, 1], 6, 8, seed=3)
    rows = np.concatenate([part for draw in draws for part in draw])
    assert len(rows) == len(set(rows.tolist())) == 48
    assert (encoded.splits[rows] == 0).all()
    assert {len(draw[0]) for draw in draws} == {8}
    few = microbatches(encoded, [0], 16, 16, seed=3)
    assert sum(len(draw[0]) for draw in few) == 120
    other = microbatches(encoded, [0, 1], 6, 8, seed=4)
    assert not np.array_equal(draws[0][0], other[0][0])


def test_a_fingerprint_tells_other_examples_and_another_order(encoded):
    rows = held_out_rows(encoded, 10)
    assert fingerprint(encoded, rows) == fingerprint(encoded, rows.copy())
    assert fingerprint(encoded, rows) != fingerprint(encoded, rows[::-1])
