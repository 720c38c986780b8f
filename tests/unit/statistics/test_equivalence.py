import dataclasses
import math
import re

import numpy as np
import pytest
from scipy import stats

from mtlens.errors import DataError
from mtlens.statistics.equivalence import compare
from mtlens.statistics.task_predictions import TaskPredictions


def models(generator, *, task="t", n=2000, seeds=3, errors=(0.1, 0.1), cluster_size=1):
    """Balanced binary task; baseline and candidate err independently of each other, seeds share half of their errors."""
    labels = generator.integers(2, size=n)
    wrong = []
    for rate in errors:
        shared = generator.random(n) < rate / 2
        wrong.append(shared | (generator.random((seeds, n)) < rate / (2 - rate)))
    return TaskPredictions(
        task=task,
        num_classes=2,
        example=np.arange(n),
        cluster=np.arange(n) // cluster_size,
        labels=labels,
        baseline=labels ^ wrong[0],
        candidate=labels ^ wrong[1],
    )


def swapped(task):
    return dataclasses.replace(task, baseline=task.candidate, candidate=task.baseline)


def numbers(comparison):
    return [value for value in dataclasses.astuple(comparison) if isinstance(value, (int, float))]


@pytest.mark.parametrize(
    ("errors", "margin", "verdict"),
    [
        ((0.1, 0.1), 0.05, "matches"),
        ((0.2, 0.1), 0.02, "better"),
        ((0.1, 0.2), 0.02, "worse"),
        ((0.1, 0.1), 0.005, "inconclusive"),
    ],
)
def test_each_verdict_is_found_where_it_is_true(errors, margin, verdict):
    for comparison in compare([models(np.random.default_rng(0), errors=errors)], margin=margin):
        assert comparison.verdict == verdict
        assert bool(comparison.needed) == (verdict == "inconclusive")


def test_a_small_but_certain_difference_within_the_margin_matches():
    comparison, _ = compare([models(np.random.default_rng(0), n=20_000, errors=(0.12, 0.1))], margin=0.05)
    assert comparison.low90 > 0
    assert comparison.verdict == "matches"


def test_intervals_and_tests_tell_the_same_story():
    generator = np.random.default_rng(4)
    for margin in np.linspace(0.005, 0.06, 12):
        one, _ = compare([models(generator, n=600, errors=(0.1, 0.12))], margin=margin)
        assert (one.p_equivalence < 0.05) == (-margin < one.low90 and one.high90 < margin)
        assert (one.p_better < 0.05) == (one.low90 > 0)
        assert (one.p_worse < 0.05) == (one.high90 < 0)
        assert one.low95 < one.low90 < one.difference < one.high90 < one.high95
        tail = stats.t.ppf(0.95, one.degrees_of_freedom) * one.standard_error
        assert one.high90 - one.difference == pytest.approx(tail)


def test_swapping_baseline_and_candidate_mirrors_everything():
    tasks = [models(np.random.default_rng(i), n=300, errors=(0.1, 0.15), task=str(i)) for i in range(3)]
    better, worse = compare(tasks, margin=0.05), compare([swapped(task) for task in tasks], margin=0.05)
    mirrored = {"better": "worse", "worse": "better"}
    for one, other in zip(better, worse, strict=True):
        assert one.difference == pytest.approx(-other.difference)
        assert (one.low90, one.high95) == pytest.approx((-other.high90, -other.low95))
        assert (one.p_better, one.adjusted_p_worse) == pytest.approx((other.p_worse, other.adjusted_p_better))
        assert one.p_equivalence == pytest.approx(other.p_equivalence)
        assert one.baseline_per_seed == other.candidate_per_seed
        assert one.verdict == mirrored.get(other.verdict, other.verdict)


def test_the_order_of_examples_and_of_seeds_changes_nothing():
    generator = np.random.default_rng(6)
    task = models(generator, n=300, cluster_size=3)
    rows, seeds = generator.permutation(300), generator.permutation(3)
    shuffled = TaskPredictions(
        task="t",
        num_classes=2,
        example=task.example[rows],
        cluster=task.cluster[rows],
        labels=task.labels[rows],
        baseline=task.baseline[seeds][:, rows],
        candidate=task.candidate[seeds][:, rows],
    )
    for one, other in zip(compare([task], margin=0.05), compare([shuffled], margin=0.05), strict=True):
        np.testing.assert_allclose(numbers(one), numbers(other), rtol=1e-9, atol=1e-12)


def test_the_last_comparison_is_that_of_the_task_means():
    tasks = [models(np.random.default_rng(i), n=400, task=str(i)) for i in range(3)]
    *each, mean = compare(tasks, margin=0.05)
    assert [one.task for one in each] == ["0", "1", "2"]
    assert mean.task is None
    assert mean.difference == pytest.approx(np.mean([one.difference for one in each]))
    assert mean.candidate_per_seed == pytest.approx(np.mean([one.candidate_per_seed for one in each], axis=0))
    assert (mean.num_examples, mean.num_clusters) == (400, 400)
    assert mean.adjusted_p_better == mean.p_better


def test_examples_shared_by_tasks_are_drawn_together():
    # the same task three times tells no more than once; three tasks on other examples do
    once = models(np.random.default_rng(0))
    apart = [
        dataclasses.replace(
            models(np.random.default_rng(i)), example=np.arange(2000) + 2000 * i, cluster=np.arange(2000) + 2000 * i
        )
        for i in range(3)
    ]
    together, separate = compare([once] * 3, margin=0.05)[-1], compare(apart, margin=0.05)[-1]
    assert together.standard_error == pytest.approx(compare([once], margin=0.05)[0].standard_error, rel=0.05)
    assert separate.standard_error < 0.75 * together.standard_error
    assert separate.num_clusters == 6000


def test_holm_makes_tasks_harder_to_settle_and_not_their_mean():
    task = models(np.random.default_rng(0))
    alone, mean_alone = compare([task], margin=0.03)
    *many, mean = compare([task] * 10, margin=0.03)
    assert alone.adjusted_p_equivalence == alone.p_equivalence
    assert many[0].adjusted_p_equivalence == pytest.approx(10 * many[0].p_equivalence)
    assert mean.adjusted_p_equivalence == pytest.approx(mean_alone.adjusted_p_equivalence, rel=0.2)


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_are_always_inconclusive(seeds):
    for errors in ((0.1, 0.1), (0.5, 0.0)):
        for comparison in compare([models(np.random.default_rng(0), seeds=seeds, errors=errors)], margin=0.2):
            assert comparison.verdict == "inconclusive"
            assert comparison.needed == f"at least 3 seeds; found {seeds}"
            assert math.isinf(comparison.standard_error) == (seeds == 1)


def test_a_single_group_is_inconclusive():
    comparison, _ = compare([models(np.random.default_rng(0), n=100, cluster_size=100)], margin=0.5)
    assert comparison.verdict == "inconclusive"
    assert comparison.needed == "test examples of at least two groups; found one"
    assert (comparison.low90, comparison.high90) == (-math.inf, math.inf)


def test_identical_predictions_match_if_there_are_enough_of_them():
    enough, too_few = (compare([models(np.random.default_rng(0), n=n, errors=(0, 0))], margin=0.02)[0] for n in (400, 50))
    assert (enough.difference, enough.disagreement_rate, enough.baseline_mean) == (0, 0, 1)
    assert enough.verdict == "matches"
    assert too_few.verdict == "inconclusive"  # none of 50 leaves up to 6 % (rule of three)
    assert "test examples would show that it matches" in too_few.needed


def test_a_task_of_one_class_is_judged_without_warnings():
    labels = np.zeros(500, dtype=int)
    task = dataclasses.replace(
        models(np.random.default_rng(0), n=500),
        labels=labels,
        baseline=np.zeros((3, 500), int),
        candidate=np.zeros((3, 500), int),
    )
    comparison, _ = compare([task], margin=0.02)
    assert (comparison.baseline_mean, comparison.difference, comparison.verdict) == (1, 0, "matches")


def false_match_rate(trials, options):
    matched = 0
    for trial in range(trials):
        task = models(np.random.default_rng(trial), **options)
        # balanced classes and symmetric errors: macro-F1 is accuracy in expectation, up to a bias of order 1/n
        difference = options["errors"][1] - options["errors"][0]
        matched += compare([task], margin=abs(difference))[0].verdict == "matches"
    return matched / trials


@pytest.mark.parametrize(
    "options",
    [
        {"n": 300, "errors": (0.1, 0.15), "seeds": 3},
        {"n": 300, "errors": (0.1, 0.15), "seeds": 5, "cluster_size": 3},
        {"n": 80, "errors": (0.0, 0.03), "seeds": 3},
    ],
)
def test_a_candidate_worse_by_the_margin_seldom_matches(options):
    assert false_match_rate(300, options) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)


def test_what_is_needed_settles_it():
    drawn = (compare([models(np.random.default_rng(i), n=400)], margin=0.03)[0] for i in range(100))
    comparison = next(c for c in drawn if abs(c.difference) < 0.005 and c.verdict == "inconclusive")
    needed = re.fullmatch(
        r"about (?:(\d+) seeds)?(?: together with about )?(?:([\d,]+) test examples)? would show that it matches",
        comparison.needed,
    )
    seeds = int(needed[1] or 3)
    examples = int((needed[2] or "400").replace(",", ""))
    assert (seeds, examples) > (3, 400)
    again = (models(np.random.default_rng(i), n=examples, seeds=seeds) for i in range(1, 41))
    matched = sum(compare([task], margin=0.03)[0].verdict == "matches" for task in again)
    assert matched >= 30  # promised 36 of 40


def with_seed_effects(*effects):
    """A candidate whose seeds err on these shares more of so many examples that the seeds alone are uncertain."""
    n = 20_000
    rank = np.arange(n) / n
    labels = np.arange(n) % 2
    return TaskPredictions(
        task="t",
        num_classes=2,
        example=np.arange(n),
        cluster=np.arange(n),
        labels=labels,
        baseline=np.tile(labels ^ (rank < 0.3), (len(effects), 1)),
        candidate=np.stack([labels ^ (rank < 0.3 + effect) for effect in effects]),
    )


def test_what_seeds_alone_can_settle_asks_for_seeds():
    comparison, _ = compare([with_seed_effects(-0.03, 0.0, 0.03)], margin=0.04)
    assert comparison.verdict == "inconclusive"
    seeds = int(re.fullmatch(r"about (\d+) seeds would show that it matches", comparison.needed)[1])
    more = with_seed_effects(*stats.norm.ppf((np.arange(seeds) + 0.5) / seeds, scale=0.03))
    assert compare([more], margin=0.04)[0].verdict == "matches"


def test_a_large_difference_asks_for_what_shows_that_it_is_worse():
    comparison, _ = compare([with_seed_effects(0.02, 0.28, 0.54)], margin=0.02)
    assert comparison.verdict == "inconclusive"
    assert comparison.difference < -0.25
    seeds = int(re.fullmatch(r"about (\d+) seeds would show that it is worse", comparison.needed)[1])
    assert 3 < seeds < 15
    more = with_seed_effects(*stats.norm.ppf((np.arange(seeds) + 0.5) / seeds, loc=0.28, scale=0.26))
    assert compare([more], margin=0.02)[0].verdict == "worse"


def test_what_seeds_alone_cannot_settle_asks_for_examples():
    task = models(np.random.default_rng(1), n=150, errors=(0.2, 0.2))
    task = dataclasses.replace(task, baseline=task.baseline[[0, 0, 0]], candidate=task.candidate[[0, 0, 0]])
    comparison, _ = compare([task], margin=0.03)
    assert re.fullmatch(r"about [\d,]+ test examples would show that it (matches|is better|is worse)", comparison.needed)


def test_more_tasks_need_more_for_each():
    def examples(num_tasks):
        task = models(np.random.default_rng(1), n=150, errors=(0.2, 0.2))
        task = dataclasses.replace(task, baseline=task.baseline[[0, 0, 0]], candidate=task.candidate[[0, 0, 0]])
        needed = compare([task] * num_tasks, margin=0.03)[0].needed
        return int(re.search(r"([\d,]+) test examples", needed)[1].replace(",", ""))

    assert examples(10) > 1.3 * examples(1)


def test_a_hopeless_margin_says_so():
    comparison, _ = compare([with_seed_effects(-0.2, 0.0, 0.2)], margin=0.001)
    assert comparison.needed == "out of reach: more than 100 seeds and 1,000 times the test examples"


def test_tasks_with_different_seeds_are_refused():
    generator = np.random.default_rng(0)
    tasks = [models(generator, task="disc", n=20), models(generator, task="canal", n=20, seeds=2)]
    with pytest.raises(DataError, match="same number of seeds; found disc: 3, canal: 2"):
        compare(tasks, margin=0.02)
    with pytest.raises(DataError, match="found no task"):
        compare([], margin=0.02)


def test_the_method_names_its_parts():
    comparison, _ = compare([models(np.random.default_rng(0), n=20)], margin=0.02)
    for part in ("jackknife over clusters", "moderated over tasks", "Satterthwaite", "Holm"):
        assert part in comparison.method
