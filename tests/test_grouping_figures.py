"""Figures of groupings: which tasks share a model, whether predicted gains came true, and what choosing cost."""

from dataclasses import replace
from typing import Any

import pytest

from dashboard import figures, views
from dashboard.theme import LIGHT


def grouping(**changes: Any) -> views.GroupingInfo:
    values: dict[str, Any] = {
        "method": "hoa", "rank": 1, "groups": (("a", "b"), ("c",)), "cost": 2.0, "predicted": 0.8, "predicted_low": None,
        "predicted_high": None, "measured": None, "measured_low": None, "measured_high": None, "regret": None,
        "discovery_seconds": None, "recommended": False,
    }  # fmt: skip
    return views.GroupingInfo(**{**values, **changes})


def test_partitions_give_tasks_of_one_model_one_letter() -> None:
    figure = figures.partitions([grouping(), grouping(groups=(("c", "a"), ("b",)), measured=0.9, recommended=True)])
    letters = figure.data[0]
    first = [letter for letter, row in zip(letters.text, letters.y, strict=True) if row == 0]
    assert first == ["A", "B", "A"]  # the recommended one comes first
    dots = [trace for trace in figure.data if trace.mode == "markers"]
    assert [dot.marker.symbol for dot in dots] == ["circle", "circle-open"]
    assert figures.title_of(figure) == "Train 2 models instead of 3: c and a; b"


def test_a_task_that_two_models_serve_has_both_letters_side_by_side() -> None:
    figure = figures.partitions([grouping(groups=(("a", "b"), ("b", "c")))])
    letters = figure.data[0]
    assert list(letters.text) == ["A", "A", "B", "B"]
    ends = sorted((shape.x0, shape.x1) for shape in figure.layout.shapes)
    assert all(left < x < right for x, (left, right) in zip(letters.x, ends, strict=True))
    assert ends[1][1] == pytest.approx(ends[2][0])  # b's cell is divided, and no letter is outside its part


def test_the_grouping_that_may_do_is_marked() -> None:
    chosen = [grouping(measured=0.9), grouping(groups=(("a",), ("b",), ("c",)), measured=0.95)]
    figure = figures.partitions(chosen, perhaps=(("c",), ("b", "a")))
    assert [note.text for note in figure.layout.annotations if note.text.endswith("○")] == ["90.0 ○"]


def test_a_grouping_that_several_methods_choose_is_one_row() -> None:
    chosen = [grouping(), grouping(method="ridge", rank=2), grouping(groups=(("a",), ("b",), ("c",)))]
    figure = figures.partitions(chosen)
    assert figures.title_of(figure) == "2 groupings compared, none recommended yet"
    told = [dot.customdata[0] for dot in figure.data if dot.mode == "markers"]
    assert len(told) == 2
    assert any("hoa, ridge" in one for one in told)


def gain(**changes: Any) -> views.GroupScoreInfo:
    values: dict[str, Any] = {
        "method": "m", "tasks": ("a", "b"), "task": "a", "predicted": 0.02, "predicted_low": 0.01, "predicted_high": 0.03,
        "measured": None, "measured_low": None, "measured_high": None,
    }  # fmt: skip
    return views.GroupScoreInfo(**{**values, **changes})


def test_gains_lie_on_the_diagonal_where_they_came_true_and_hollow_where_unmeasured() -> None:
    figure = figures.predicted_measured(views.TrialInfo(scores=(gain(), gain(measured=0.02), gain(measured=-0.01)), methods=()))
    _, measured, hollow = figure.data
    assert hollow.marker.color == LIGHT.paper
    true, wrong = [x - (y + 1) for x, y in zip(measured.x, measured.y, strict=True) if x is not None]  # its box: 0..1, -1..0
    assert true == pytest.approx(0)
    assert wrong > 0.3
    assert hollow.x[0] == pytest.approx(hollow.y[0] + 1)


def test_the_best_rank_correlation_is_told_with_its_ceiling() -> None:
    judged = (("m", 0.3), ("n", 0.7), ("o", None))
    methods = tuple(views.MethodInfo(method=name, correlation=rank, ceiling=0.75) for name, rank in judged)
    scores = tuple(gain(method=name, measured=0.01) for name, _ in judged)
    figure = figures.predicted_measured(views.TrialInfo(scores=scores, methods=methods))
    assert figures.title_of(figure) == "n ranks the gains best: rank correlation +0.70 (ceiling +0.75)"
    few = figures.predicted_measured(views.TrialInfo(scores=scores, methods=methods).only(["m", "o"], ["a"]))
    assert figures.title_of(few).startswith("m ranks the gains best")
    noisy = tuple(replace(one, ceiling=0.12) for one in methods)
    title = figures.title_of(figures.predicted_measured(views.TrialInfo(scores=scores, methods=noisy)))
    assert title == "The seeds agree too little to tell methods apart: their gains' own rank correlation is +0.12"


def test_methods_are_ordered_by_regret() -> None:
    known = [grouping(method=name, regret=loss, discovery_seconds=10.0) for name, loss in (("x", 0.03), ("y", 0.0))]
    figure = figures.regret(known)
    assert figures.title_of(figure) == "y loses least: nothing, found in 10 s"
    assert list(figure.data[0].x) == [0.0, 3.0]
