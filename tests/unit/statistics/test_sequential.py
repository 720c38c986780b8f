"""Looks: what each may spend, what their levels add to, and how often the whole sequence errs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from experiments.benchmarks.interval_coverage import Row, draw, worse_by_the_margin
from experiments.benchmarks.seeds_until_settled import until_settled, with_seeds
from mtlens.statistics.conditional_power import chances
from mtlens.statistics.equivalence import compare
from mtlens.statistics.estimate import estimate_differences
from mtlens.statistics.looks import asked_next, hold_look
from mtlens.statistics.sequential import ONLY_LOOK, Look, Spending

LOOKS = (3, 5, 8, 12, 20)
BY_SEEDS = (0.15, 0.25, 0.4, 0.6, 1.0)
BY_EXAMPLES = (0.85, 0.9, 0.94, 0.97, 1.0)
ROW = Row(clusters_of=2, skill=(0.9, 0.9), seed_effect=0.2, margin=0.08, tasks=3, seeds=LOOKS[-1], examples=200)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("shares", [BY_SEEDS, BY_EXAMPLES])
def test_the_chance_of_an_error_over_all_looks_is_alpha(shares, alpha):
    steps = np.sqrt(np.diff((0.0, *shares)))
    scores = (np.random.default_rng(0).normal(size=(200_000, len(shares))) * steps).cumsum(axis=1) / np.sqrt(shares)
    levels = [Spending(shares[: look + 1]).level(alpha) for look in range(len(shares))]
    assert (scores > -special.ndtri(levels)).any(axis=1).mean() == pytest.approx(alpha, rel=0.05)
    assert all(level < alpha for level in levels)


def test_an_adjusted_p_value_is_the_alpha_at_which_a_look_rejects():
    for shares in (BY_SEEDS, BY_EXAMPLES[:2]):
        spending = Spending(shares)
        assert spending.adjust(spending.level(0.02)) == pytest.approx(0.02)
        assert spending.adjust(1.0) == 1.0
        assert spending.adjust(0.03) > 0.03


def test_a_single_look_is_an_ordinary_test():
    assert Spending((1.0,)).level(0.05) == 0.05
    assert Spending((1.0,)).adjust(0.0123) == 0.0123
    tasks = with_seeds(draw(ROW, np.random.default_rng(0)), 3)
    assert compare(tasks, margin=0.08) == compare(tasks, margin=0.08, look=ONLY_LOOK)
    assert compare(tasks, margin=0.08)[0].chances == ()


def test_information_grows_with_seeds_and_the_last_look_has_all_of_it():
    tasks, spending = draw(ROW, np.random.default_rng(1)), Spending(())
    for number, seeds in enumerate(LOOKS):
        (estimate, *_), _ = estimate_differences(with_seeds(tasks, seeds))
        spending = spending.then(estimate, Look(LOOKS, number))
    assert list(spending.shares) == sorted(set(spending.shares))
    assert spending.shares[-1] == 1.0
    assert spending.shares[0] < 0.8


def test_tasks_that_are_not_compared_any_more_count_in_holms_correction():
    tasks = with_seeds(draw(ROW, np.random.default_rng(2)), 5)
    before = {comparison.task: comparison for comparison in compare(with_seeds(tasks, 3), margin=0.08, look=Look(LOOKS, 0))}
    alone = {task: replace(one, verdict="inconclusive") for task, one in before.items()}
    matched = {task: replace(one, verdict="matches" if task != "task 0" else "inconclusive") for task, one in before.items()}

    def first(known):
        return compare(tasks[:1], margin=0.08, look=Look(LOOKS, 1), before=known)[0]

    assert first(alone).adjusted_p_equivalence == pytest.approx(min(1.0, 3 * first(matched).adjusted_p_equivalence))
    assert first(matched).adjusted_p_better == first(alone).adjusted_p_better


def test_a_look_tests_what_is_open_and_nothing_else():
    tasks = with_seeds(draw(ROW, np.random.default_rng(3)), 5)
    before = {comparison.task: comparison for comparison in hold_look(with_seeds(tasks, 3), Look(LOOKS, 0), {}, margin=0.08)}
    before |= {
        "task 1": replace(before["task 1"], verdict="worse"),
        "task 0": replace(before["task 0"], verdict="inconclusive"),
    }
    before |= {"task 2": replace(before["task 2"], verdict="inconclusive"), None: replace(before[None], verdict="inconclusive")}
    assert [comparison.task for comparison in hold_look(tasks, Look(LOOKS, 1), before, margin=0.08)] == [
        "task 0",
        "task 2",
        None,
    ]
    assert [comparison.task for comparison in hold_look(tasks[:1], Look(LOOKS, 1), before, margin=0.08)] == ["task 0"]


def test_what_was_not_learnt_stays_out_of_later_looks():
    tasks = with_seeds(draw(ROW, np.random.default_rng(3)), 5)
    before = {comparison.task: comparison for comparison in hold_look(with_seeds(tasks, 3), Look(LOOKS, 0), {}, margin=0.08)}
    before = {scope: replace(one, verdict="inconclusive") for scope, one in before.items()}
    before["task 1"] = replace(before["task 1"], verdict="not learnt")
    without = {scope: one for scope, one in before.items() if scope != "task 1"}
    learnt = [task for task in tasks if task.task != "task 1"]
    found = hold_look(tasks, Look(LOOKS, 1), before, margin=0.08)
    assert found == hold_look(learnt, Look(LOOKS, 1), before, margin=0.08)
    assert found[-1].not_learnt == "without task 1: not learnt"
    assert [*found[:-1], replace(found[-1], not_learnt="")] == hold_look(learnt, Look(LOOKS, 1), without, margin=0.08)


def test_a_task_that_has_a_verdict_stays_learnt():
    tasks = with_seeds(draw(ROW, np.random.default_rng(3)), 5)
    before = {one.task: one for one in hold_look(with_seeds(tasks, 3), Look(LOOKS, 0), {}, margin=0.08)}
    by_chance = replace(tasks[0], baseline=np.zeros_like(tasks[0].baseline), candidate=np.zeros_like(tasks[0].candidate))
    for verdict, is_learnt in (("inconclusive", False), ("worse", True)):
        known = {**before, "task 0": replace(before["task 0"], verdict=verdict)}
        comparison, *_ = compare([by_chance, *tasks[1:]], margin=0.08, look=Look(LOOKS, 1), before=known)
        assert (comparison.verdict != "not learnt") == is_learnt


@pytest.mark.parametrize(
    ("open_", "looks", "expected"),
    [
        ({"a": [0.0, 0.3]}, 2, ("a",)),
        ({"a": [0.0, 0.3]}, 1, ()),
        ({"a": [0.01], "b": [0.5]}, 1, ("b",)),
        ({"a": [0.01], None: [0.5]}, 1, ("a", "b", "c")),
        ({}, 3, ()),
    ],
)
def test_the_next_look_is_of_what_may_be_settled(open_, looks, expected):
    assert asked_next(("a", "b", "c"), open_, looks) == expected


def test_the_chance_of_a_later_verdict_is_about_right():
    """Over simulated experiments, the mean predicted chance is the share of verdicts that came."""
    generator, predicted, came = np.random.default_rng(4), [], []
    for _ in range(60):
        tasks = draw(replace(ROW, tasks=1), generator)
        (now,), _ = estimate_differences(with_seeds(tasks, 5))
        look = Look((5, 20), 0)
        spending = Spending(()).then(now, look)
        predicted += chances(now, 0.08, look, spending, 1)
        first = {comparison.task: comparison for comparison in compare(with_seeds(tasks, 5), margin=0.08, look=look)}
        came.append(compare(tasks, margin=0.08, look=Look((5, 20), 1), before=first)[0].verdict != "inconclusive")
    assert np.mean(predicted) == pytest.approx(np.mean(came), abs=0.15)


def test_false_matches_over_the_whole_sequence():
    """The candidate is worse by the margin: at most 5 % of experiments may find a match, and 60 draws allow up to 7."""
    generator, row = np.random.default_rng(5), worse_by_the_margin(ROW)
    outcomes = [until_settled(draw(row, generator), row.margin) for _ in range(60)]
    assert sum(outcome.has("matches") for outcome in outcomes) <= 7
    assert {outcome.seeds for outcome in outcomes} - {3}  # there was more than one look
