"""Titles and warnings of verdicts and runs: what holds of the mean alone is called a mean, what is undecided is called so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mtlens.statistics.agreement import agreement
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.figures.theme import LIGHT
from mtlens_dashboard.wording import titles
from mtlens_dashboard.wording.formatting import minus
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT
from tests.support.fake_stores import START


def test_answer_in_a_sentence(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    assert titles.answer(matching) == "One model matches four on average; cord is better, foramina is undecided"
    alone = replace(matching, tasks=matching.tasks[:2])
    assert titles.answer(alone) == "One model matches two: all within 2 points"


def test_an_answer_that_is_undecided_throughout_names_no_task(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    assert matching.pooled is not None
    tasks = tuple(replace(task, verdict="inconclusive") for task in matching.tasks)
    undecided = replace(matching, tasks=tasks, pooled=replace(matching.pooled, verdict="inconclusive"))
    assert titles.answer(undecided) == "Whether one model matches four is undecided, on average and on each task"


def test_an_answer_about_many_tasks_counts_them(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    many = tuple(replace(task, task=f"a finding with a long name {i}") for i in range(5) for task in matching.tasks)
    assert titles.answer(replace(matching, tasks=many)) == (
        "One model matches 20 on average: 10 match, 5 are better, 5 are undecided"
    )


@pytest.mark.parametrize(
    ("measured", "cka", "gradients", "told"),
    [
        ("matches", "similar", "aligned", "matches; similar and aligned"),
        ("matches", "different", "inconclusive", "matches although different"),
        ("worse", "similar", "aligned", "is worse although similar and aligned"),
        ("worse", "different", "opposed", "is worse; different and opposed"),
        ("better", "similar", "opposed", "is better; similar but opposed"),
        ("matches", "inconclusive", "not identifiable", "matches; evidence undecided"),
        ("inconclusive", "different", "aligned", "undecided"),
    ],
)
def test_the_same_labels_give_the_same_words(full: Workspace, measured: str, cka: str, gradients: str, told: str) -> None:
    """For a pair as for a task, and whatever stands beside it."""
    lines = [line for line in queries.explanations(full, EXPERIMENT) if line.scope != "group"]
    agreed = agreement(measured, cka, gradients)
    labels = {"measured": measured, "cka": cka, "gradients": gradients, "agreement": agreed}
    assert {titles.outcome(replace(line, **labels)) for line in lines} == {told}


@pytest.mark.parametrize(
    ("pooled", "start"),
    [
        ("matches", "One model matches four"),
        ("better", "One model beats four"),
        ("worse", "One model does not match four"),
        ("inconclusive", "Whether one model matches four is undecided"),
    ],
)
def test_the_mean_of_all_tasks_decides_the_headline(full: Workspace, pooled: queries.Verdict, start: str) -> None:
    matching = queries.matching(full, EXPERIMENT)
    assert matching.pooled is not None
    assert titles.answer(replace(matching, pooled=replace(matching.pooled, verdict=pooled))).startswith(start)


def test_a_mean_that_hides_a_loss_is_called_a_mean(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    worse = (*matching.tasks[:3], replace(matching.tasks[3], verdict="worse"))
    assert (
        titles.answer(replace(matching, tasks=worse)) == "One model matches four on average; cord is better, foramina is worse"
    )


@pytest.mark.parametrize(
    ("pooled", "verdicts", "start"),
    [
        ("matches", ("matches", "better"), "One model matches or beats two; "),
        ("matches", ("matches", "inconclusive"), "One model matches two on average; "),
        ("better", ("better", "better"), "One model beats two; "),
        ("better", ("better", "matches"), "One model beats two on average; "),
        ("worse", ("worse", "matches"), "One model does not match two; "),
        ("worse", ("inconclusive", "matches"), "One model does not match two on average; "),
    ],
)
def test_what_holds_of_the_mean_alone_is_called_a_mean(
    full: Workspace, pooled: queries.Verdict, verdicts: tuple[queries.Verdict, ...], start: str
) -> None:
    matching = queries.matching(full, EXPERIMENT)
    assert matching.pooled is not None
    tasks = tuple(replace(task, verdict=verdict) for task, verdict in zip(matching.tasks, verdicts, strict=False))
    assert titles.answer(replace(matching, tasks=tasks, pooled=replace(matching.pooled, verdict=pooled))).startswith(start)


def test_a_filter_changes_no_headline(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    some = case.only(["canal"])
    assert titles.answer(some.matching) == titles.answer(case.matching)
    assert [row.task for row in some.matching.rows] == ["canal", None]
    assert [row[0] for row in tables.of_matching(some.matching).rows] == ["canal", "mean"]


@pytest.mark.parametrize(
    ("kind", "start"), [("multi", "Multi-task minus task-specific"), ("shuffled", "Shuffled labels minus task-specific")]
)
def test_a_comparison_names_its_models(full: Workspace, kind: str, start: str) -> None:
    title = titles.comparison(replace(queries.matching(full, EXPERIMENT), kind=kind))
    assert minus(title) == minus(f"{start}: +0.3 points (90 % interval -0.6 to +1.2), matches")


def test_a_comparison_of_one_seed_has_no_interval(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    assert matching.pooled is not None
    one = replace(matching.pooled, low90=None, high90=None, seeds=(0,), verdict="inconclusive")
    assert titles.comparison(replace(matching, pooled=one)) == (
        "Multi-task minus task-specific: +0.3 points (no interval from 1 seed), undecided"
    )


def test_models_that_were_still_improving_are_warned_of(full: Workspace) -> None:
    matching, curves = queries.matching(full, EXPERIMENT), queries.curves(full, EXPERIMENT)
    assert titles.warnings(matching, curves) == []
    first, second, *others = matching.tasks
    unfinished = (
        replace(first, still_improving=("multi",)),
        replace(second, verdict="not learnt", multi_collapsed=(1,)),
        *others,
    )
    late = tuple(replace(curve, still_improving=curve.role == "multi") for curve in curves)
    late += (replace(late[-1], state="unfinished"),)
    told = "On disc, multi-task models were still improving at their last epoch: more epochs may change this"
    assert titles.warnings(replace(matching, tasks=unfinished), late) == [
        f"{told} (3 of 3 runs)",
        "canal: not learnt by either kind of models, so left out of the mean",
        "canal: some models predict one class only",
    ]
    alone = figures.titled(figures.forest(replace(matching, tasks=unfinished)), LIGHT)
    assert "were still improving" in alone.layout.annotations[-1].text.replace("<br>", " ")


def test_sentences_on_runs(stores: fake_stores.Stores) -> None:
    runs, now = queries.runs(stores["partial"], EXPERIMENT), START + timedelta(minutes=6)
    told = titles.runs(runs, now)
    assert told.startswith("9 of 15 runs done; 2 training, about ")
    assert told.endswith(" left; 1 failed; 3 waiting")
    assert "2 stalled" in titles.runs(runs, now + timedelta(hours=1))
    assert titles.runs(queries.runs(stores["full"], EXPERIMENT), now) == "All 15 runs are done"
