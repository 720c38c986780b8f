"""Figures of groupings: which tasks share a model, whether predicted gains came true, and what choosing cost."""

from dataclasses import replace
from typing import Any

import pytest

from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.theme import LIGHT


def grouping(**changes: Any) -> queries.GroupingInfo:
    values: dict[str, Any] = {
        "method": "hoa", "rank": 1, "groups": (("a", "b"), ("c",)), "cost": 2.0, "predicted": 0.8, "predicted_low": None,
        "predicted_high": None, "measured": None, "measured_low": None, "measured_high": None, "regret": None,
        "discovery_seconds": None, "recommended": False,
    }  # fmt: skip
    return queries.GroupingInfo(**{**values, **changes})


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


def test_measured_scores_have_their_intervals() -> None:
    measured = grouping(measured=0.9, measured_low=0.84, measured_high=0.95)
    figure = figures.partitions([measured, grouping(groups=(("a",), ("b", "c")))])
    (whiskers,) = [trace for trace in figure.data if trace.name == "intervals"]
    assert [x for x in whiskers.x if x is not None] == pytest.approx([84, 95])
    assert figure.layout.xaxis2.range[0] < 84
    assert figure.layout.xaxis2.range[1] > 95
    assert "95 % interval" in figure.layout.annotations[-1].text


def test_the_grouping_that_may_do_is_marked() -> None:
    chosen = [grouping(measured=0.9), grouping(groups=(("a",), ("b",), ("c",)), measured=0.95)]
    perhaps = queries.RecommendationInfo(verdict="inconclusive", statement="not settled", groups=(("c",), ("b", "a")))
    figure = figures.partitions(chosen, perhaps)
    assert figures.title_of(figure) == "Undecided: perhaps 2 models instead of 3: c; b and a"
    assert [note.text for note in figure.layout.annotations if note.text.endswith("○")] == ["90.0 ○"]


def test_a_grouping_that_several_methods_choose_is_one_row() -> None:
    chosen = [grouping(), grouping(method="ridge", rank=2), grouping(groups=(("a",), ("b",), ("c",)))]
    figure = figures.partitions(chosen)
    assert figures.title_of(figure) == "2 groupings compared, none recommended yet"
    told = [dot.customdata[0] for dot in figure.data if dot.mode == "markers"]
    assert len(told) == 2
    assert any("hoa, ridge" in one for one in told)


def gain(**changes: Any) -> queries.GroupScoreInfo:
    values: dict[str, Any] = {
        "method": "m", "tasks": ("a", "b"), "task": "a", "predicted": 0.02, "predicted_low": 0.01, "predicted_high": 0.03,
        "measured": None, "measured_low": None, "measured_high": None,
    }  # fmt: skip
    return queries.GroupScoreInfo(**{**values, **changes})


def test_gains_lie_on_the_diagonal_where_they_came_true_and_hollow_where_unmeasured() -> None:
    figure = figures.predicted_measured(
        queries.TrialInfo(scores=(gain(), gain(measured=0.02), gain(measured=-0.01)), methods=())
    )
    _, measured, hollow = figure.data
    assert hollow.marker.color == LIGHT.paper
    true, wrong = [x - (y + 1) for x, y in zip(measured.x, measured.y, strict=True) if x is not None]  # its box: 0..1, -1..0
    assert true == pytest.approx(0)
    assert wrong > 0.3
    assert hollow.x[0] == pytest.approx(hollow.y[0] + 1)


def test_names_of_methods_fit_their_panels_on_a_phone() -> None:
    names = ("gradient cosine", "pairs (HOA)", "linearised estimate")
    figure = figures.predicted_measured(queries.TrialInfo(scores=tuple(gain(method=name) for name in names), methods=()))
    heads = [note.text.partition("</b>")[0] for note in figure.layout.annotations if note.text.startswith("<b>")]
    assert max(len(line) for head in heads for line in head.removeprefix("<b>").split("<br>")) <= 12


def test_the_best_rank_correlation_is_told_with_its_ceiling() -> None:
    ranks = (("m", 0.3), ("n", 0.7), ("o", None))
    nothing: dict[str, Any] = {"budgets": (), "regret": (), "permuted_regret": (), "discovery_seconds": None}
    methods = tuple(queries.MethodInfo(method=name, correlation=rank, ceiling=0.75, **nothing) for name, rank in ranks)
    scores = tuple(gain(method=name, measured=0.01) for name, _ in ranks)
    figure = figures.predicted_measured(queries.TrialInfo(scores=scores, methods=methods))
    assert figures.title_of(figure) == "n ranks the gains best: rank correlation +0.70 (ceiling +0.75)"
    few = figures.predicted_measured(queries.TrialInfo(scores=scores, methods=methods).only(["m", "o"], ["a"]))
    assert figures.title_of(few).startswith("m ranks the gains best")
    noisy = tuple(replace(one, ceiling=0.12) for one in methods)
    title = figures.title_of(figures.predicted_measured(queries.TrialInfo(scores=scores, methods=noisy)))
    assert title == "The seeds agree too little to compare methods: rank correlation of their own gains +0.12"


REGRETS = {"exhaustive oracle": (0.0, 0.0), "x": (0.0, 0.03), "y": (0.0, 0.0), "all single": (None, None)}


def judged(regrets: dict[str, tuple[float | None, ...]], ceiling: float = 0.75, correlation: float = 0.3) -> queries.TrialInfo:
    methods = [
        queries.MethodInfo(method=name, correlation=correlation, ceiling=ceiling, budgets=(1.0, 2.0), regret=losses,
                         permuted_regret=(0.01, None), discovery_seconds=10.0)
        for name, losses in regrets.items()
    ]  # fmt: skip
    return queries.TrialInfo(scores=(), methods=tuple(methods))


def test_regret_is_that_of_the_trial_by_budget() -> None:
    figure = figures.regret(judged(REGRETS))
    (lines,) = [trace for trace in figure.data if trace.name == "regret"]
    assert [told.partition("regret ")[2].split(",")[0] for told in lines.customdata if told] == [
        "0.00",
        "+3.00",
        "0.00",
        "0.00",
    ]
    assert figures.title_of(figure) == "y has the smallest regret: 0.0 points against the exhaustive oracle, mean over budgets"
    assert "x 0.0, +3.0" in figures.alt_of(figure)
    one = figures.regret(judged(REGRETS), methods=("x",))
    assert figures.title_of(one) == figures.title_of(figure)
    assert "1 method" in figures.alt_of(one)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ceiling": 0.12}, "Regret does not separate the methods: the seeds agree too little"),
        ({"ceiling": -0.1, "correlation": -0.2}, "Regret does not separate the methods: the seeds agree too little"),
        ({"regrets": REGRETS | {"z": (0.0, 0.0004)}}, "No single best method: y and z have the same regret"),
        ({"regrets": REGRETS | {"z": (0.0, -0.02)}}, "Regret does not separate the methods: the best choice on one half"),
    ],
)
def test_regret_crowns_nobody_that_is_not_alone_ahead(changes: dict[str, Any], told: str) -> None:
    assert figures.title_of(figures.regret(judged(**{"regrets": REGRETS, **changes}))).startswith(told)
