"""Effects between floor and ceiling, their intervals over seeds, and statements about layers and pairs."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlens.statistics.cka_effect import measure
from mtlens.statistics.cka_statement import correct, judge_layer, judge_pair

SEEDS = (0, 1, 2, 3)


def lookup(*, ceiling, between, floor, noise=0.0, seeds=SEEDS, role="shuffled"):
    """CKA values with known means: the same task, the two tasks, and either with a model that learnt nothing."""
    generator = np.random.default_rng(0)
    models = [("single", task, seed) for task in ("a", "b") for seed in seeds]
    floors = [(role, task if role == "shuffled" else None, seed) for task in ("a", "b") for seed in seeds]
    values = {}
    for one, other in itertools.combinations([*models, *floors, ("pretrained", None, None)], 2):
        same = one[0] == other[0] == "single"
        mean = (ceiling if one[1] == other[1] else between) if same else floor
        values[frozenset((one, other))] = mean + noise * generator.normal()
    return lambda one, other: values.get(frozenset((one, other)))


def judge(values, *, seeds=SEEDS, margin=0.25, kind="tasks", task_b="b", floor_kind="shuffled"):
    def floor(task, s, t):
        return [("shuffled", task, t)] if floor_kind == "shuffled" else [("untrained", None, t)]

    measured = measure(kind, "a", task_b, seeds, values, floor=floor, floor_kind=floor_kind)
    (found,) = judge_layer([measured], margin=margin, num_tasks=2)
    return found


@given(floor=st.floats(0, 0.4), gap=st.floats(0.1, 0.5), effect=st.floats(-0.5, 1.2), seeds=st.integers(3, 5))
@settings(deadline=None, max_examples=40)
def test_the_effect_is_where_the_similarity_lies_between_floor_and_ceiling(floor, gap, effect, seeds):
    chosen = tuple(range(seeds))
    values = lookup(ceiling=floor + gap, between=floor + effect * gap, floor=floor, seeds=chosen)
    found = judge(values, seeds=chosen)
    assert found.similarity == pytest.approx(floor + effect * gap)
    assert (found.ceiling, found.floor) == (pytest.approx(floor + gap), pytest.approx(floor))
    assert found.effect == pytest.approx(effect, abs=1e-6)


def test_noise_free_values_decide_by_the_margin_alone():
    near = judge(lookup(ceiling=0.9, between=0.82, floor=0.5))  # a fifth of the way down
    far = judge(lookup(ceiling=0.9, between=0.75, floor=0.5))
    assert (near.statement, far.statement) == ("similar", "different")
    assert judge(lookup(ceiling=0.9, between=0.75, floor=0.5), margin=0.5).statement == "similar"


def test_the_interval_is_the_jackknife_over_seeds():
    values = lookup(ceiling=0.9, between=0.8, floor=0.5, noise=0.02)
    found = judge(values)

    def between(seeds):
        return np.mean([values(("single", "a", s), ("single", "b", t)) for s, t in itertools.permutations(seeds, 2)])

    left_out = np.array([between([t for t in SEEDS if t != s]) for s in SEEDS])
    error = math.sqrt(3 / 4 * ((left_out - left_out.mean()) ** 2).sum())
    assert found.high - found.low == pytest.approx(2 * 3.182446305 * error)  # Student's t, three degrees of freedom
    assert found.similarity == pytest.approx(between(SEEDS))


def test_the_jackknife_knows_the_spread_of_means_over_random_seeds():
    """c(A_s, B_t) = u_s + v_t has mean of variance 2 / S; intervals should hold 0 in about 95 % of the cases."""
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        u, v = generator.normal(size=(2, 5))
        effects = {("a", seed): u[seed] for seed in range(5)} | {("b", seed): v[seed] for seed in range(5)}
        measured = measure(
            "tasks", "a", "b", range(5),
            lambda x, y, e=effects: e.get((x[1], x[2]), 0.0) + e.get((y[1], y[2]), 0.0),
            floor=lambda task, s, t: [], floor_kind="shuffled",
        )  # fmt: skip
        (found,) = judge_layer([measured], margin=0.25, num_tasks=2)
        hits += found.low <= 0 <= found.high
    assert 0.92 <= hits / 400 <= 0.99


def test_a_ceiling_on_the_floor_tells_nothing():
    found = judge(lookup(ceiling=0.999, between=0.999, floor=0.998))
    assert found.statement == "uninformative"
    assert found.effect is None
    assert "not clearly above" in found.reason
    noisy = judge(lookup(ceiling=0.9, between=0.9, floor=0.85, noise=0.2))
    assert noisy.statement == "uninformative"


def test_two_seeds_are_too_few_to_state_anything():
    found = judge(lookup(ceiling=0.9, between=0.9, floor=0.1, seeds=(0, 1)), seeds=(0, 1))
    assert (found.statement, found.low, found.effect) == ("inconclusive", None, None)
    assert found.similarity == pytest.approx(0.9)
    assert "3 seeds" in found.reason


def test_an_undefined_layer_stays_undefined():
    found = judge(lambda one, other: None)
    assert (found.statement, found.similarity, found.effect) == ("undefined", None, None)


def test_without_shuffled_models_the_untrained_encoder_is_the_floor():
    values = lookup(ceiling=0.9, between=0.9, floor=0.2, role="untrained")
    found = judge(values, floor_kind="untrained")
    assert (found.floor, found.floor_kind) == (pytest.approx(0.2), "untrained")
    assert found.untrained == pytest.approx(0.2)


def test_against_the_pretrained_encoder():
    values = lookup(ceiling=0.9, between=0.9, floor=0.3)
    found = judge(values, kind="pretrained", task_b=None)
    assert found.similarity == found.pretrained == pytest.approx(0.3)
    assert found.statement == "different"


def layer(statement, effect, p_similar, p_different):
    values = judge(lookup(ceiling=0.9, between=0.8, floor=0.5))
    return replace(values, statement=statement, effect=effect, p_similar=p_similar, p_different=p_different)


def test_all_layers_must_be_similar_and_silent_ones_are_named():
    good, silent = layer("similar", 0.95, 0.01, 0.99), layer("uninformative", None, 0.5, 0.5)
    statement, effect, words = judge_pair([silent, good, good])
    assert (statement, effect) == ("similar", 0.95)
    assert words.startswith("similar in all 2 informative layers; 1 uninformative")
    assert judge_pair([silent, silent])[0] == "inconclusive"


def test_one_different_layer_is_enough_but_is_corrected_for_the_number_of_layers():
    good = layer("similar", 0.95, 0.01, 0.99)
    sure = correct([good, good, layer("different", 0.2, 0.99, 0.001)])
    assert (judge_pair(sure)[0], sure[2].statement) == ("different", "different")
    doubtful = correct([good, good, layer("different", 0.2, 0.99, 0.03)])
    assert (judge_pair(doubtful)[0], doubtful[2].statement) == ("inconclusive", "inconclusive")


def test_silent_layers_do_not_count_in_the_correction():
    silent = layer("uninformative", None, 0.5, 0.03)
    assert correct([silent, silent, layer("different", 0.2, 0.99, 0.03)])[2].statement == "different"


def simulated(generator, *, tasks, seeds, noise, effect=0.75):
    """Pairs of tasks in one layer: each model moves all CKA values that it takes part in; the true effect is known."""
    models = {(task, seed): noise * generator.normal() for task in range(tasks) for seed in range(seeds)}
    nothing = {(task, seed): noise * generator.normal() for task in range(tasks) for seed in range(seeds)}

    def value(one, other):
        if not {one[0], other[0]} <= {"single", "shuffled"}:
            return None
        moved = sum((nothing if role == "shuffled" else models)[task, seed] for role, task, seed in (one, other))
        if "shuffled" in (one[0], other[0]):
            return 0.4 + moved
        return (0.9 if one[1] == other[1] else 0.4 + 0.5 * effect) + moved

    def floor(task, s, t):
        return [("shuffled", one, t) for one in range(tasks)]

    return [
        measure("tasks", a, b, range(seeds), value, floor=floor, floor_kind="shuffled")
        for a, b in itertools.combinations(range(tasks), 2)
    ]


@pytest.mark.parametrize(("tasks", "seeds"), [(2, 3), (4, 3), (5, 5)])
def test_intervals_hold_the_true_effect_and_tests_keep_their_level(tasks, seeds):
    """At the edge of the margin: 95 % intervals, and each one-sided test rejects in at most about 5 %."""
    generator = np.random.default_rng(tasks)
    layers = [
        layer
        for _ in range(250)
        for layer in judge_layer(simulated(generator, tasks=tasks, seeds=seeds, noise=0.02), margin=0.25, num_tasks=tasks)
    ]
    assert 0.92 <= np.mean([layer.effect_low <= 0.75 <= layer.effect_high for layer in layers if layer.effect]) <= 0.995
    assert np.mean([layer.p_similar < 0.05 for layer in layers]) <= 0.075
    assert np.mean([layer.p_different < 0.05 for layer in layers]) <= 0.075


def test_pairs_narrow_each_others_intervals():
    generator = np.random.default_rng(0)
    trials = [simulated(generator, tasks=4, seeds=3, noise=0.02) for _ in range(60)]
    together = [layer for pairs in trials for layer in judge_layer(pairs, margin=0.25, num_tasks=4)]
    alone = [judge_layer([pair], margin=0.25, num_tasks=2)[0] for pairs in trials for pair in pairs]
    widths = [np.median([layer.high - layer.low for layer in layers]) for layers in (together, alone)]
    assert widths[0] < 0.7 * widths[1]
