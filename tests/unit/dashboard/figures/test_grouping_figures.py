"""Figures of groupings: which tasks share a model, whether predicted gains came true, and what choosing cost."""

import re
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest

from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.families import distinct
from mtlens_dashboard.figures.theme import LIGHT


def grouping(**changes: Any) -> queries.GroupingInfo:
    values: dict[str, Any] = {
        "method": "hoa", "rank": 1, "groups": (("a", "b"), ("c",)), "cost": 2.0, "predicted": 0.8, "predicted_low": None,
        "predicted_high": None, "measured": None, "measured_low": None, "measured_high": None, "regret": None,
        "discovery_seconds": None, "recommended": False,
    }  # fmt: skip
    return queries.GroupingInfo(**{**values, **changes})


def dots_of(figure: go.Figure) -> dict[str, tuple[float, float, str]]:
    """Place and colour of each family, by its groups."""
    told = [(trace, re.sub("<.*?>", "", trace.customdata[0].partition("<br>")[0])) for trace in figure.data if trace.customdata]
    return {name: (trace.x[0], trace.y[0], trace.marker.color) for trace, name in told}


def test_families_lie_at_their_number_of_models_and_score() -> None:
    alone = grouping(groups=(("a",), ("b",), ("c",)), cost=3.0, measured=0.88)
    whole = grouping(groups=(("a", "b", "c"),), cost=1.0, measured=0.84)
    figure = figures.families([grouping(), grouping(groups=(("c", "a"), ("b",)), measured=0.9, recommended=True), alone, whole])
    dots = dots_of(figure)
    assert {name: round(x) for name, (x, _, _) in dots.items()} == {
        "a and b; c": 2,
        "c and a; b": 2,
        "a; b; c": 3,
        "a, b and c": 1,
    }
    assert dots["c and a; b"][0] < dots["a and b; c"][0]  # the better one on the left
    assert dots["c and a; b"][1:] == (90, LIGHT.good)
    assert dots["a and b; c"][1:] == (80, LIGHT.paper)  # hollow: predicted
    assert figures.title_of(figure) == "Train 2 models instead of 3: c and a; b"
    names = {re.sub("<.*?>", "", note.text) for note in figure.layout.annotations}
    assert {"all single", "all in one", "recommended"} <= names
    (line,) = figure.layout.shapes
    assert (line.y0, line.y1) == (88, 88)


def test_names_of_families_do_not_touch_and_stay_in_the_plot() -> None:
    """One model, two and thirty of them: on a scale of thirty, the first two lie side by side."""
    tasks = tuple((f"{number}",) for number in range(30))
    whole = grouping(groups=(tuple(task for (task,) in tasks),), cost=1.0, measured=0.86)
    two = grouping(groups=(("0",), tuple(task for (task,) in tasks[1:])), measured=0.87, recommended=True)
    figure = figures.families([whole, two, grouping(groups=tasks, cost=30.0, measured=0.87)])
    notes = {re.sub("<.*?>", "", note.text): note for note in figure.layout.annotations}
    first, second, last = (notes[name] for name in ("all in one", "recommended", "all single"))
    assert second.yshift - first.yshift >= first.font.size
    assert (first.xanchor, second.xanchor, last.xanchor) == ("left", "left", "right")
    assert last.yshift == first.yshift


def test_measured_scores_have_their_intervals() -> None:
    measured = grouping(measured=0.9, measured_low=0.84, measured_high=0.95)
    figure = figures.families([measured, grouping(groups=(("a",), ("b", "c")))])
    (whiskers,) = [trace for trace in figure.data if trace.name == "intervals"]
    assert list(whiskers.y) == pytest.approx([84, 95])
    assert figure.layout.yaxis.range[0] < 80
    assert figure.layout.yaxis.range[1] > 95


def test_what_is_undecided_is_not_green() -> None:
    chosen = [grouping(measured=0.9), grouping(groups=(("a",), ("b",), ("c",)), cost=3.0, measured=0.95)]
    perhaps = queries.RecommendationInfo(
        verdict="inconclusive", statement="not settled", groups=(("c",), ("b", "a")), method=""
    )
    figure = figures.families(chosen, perhaps)
    assert figures.title_of(figure) == "Undecided: perhaps 2 models instead of 3: c; b and a"
    assert any("perhaps" in note.text for note in figure.layout.annotations)
    assert LIGHT.good not in {colour for _, _, colour in dots_of(figure).values()}


def test_a_grouping_that_several_methods_choose_is_one_dot() -> None:
    chosen = [grouping(), grouping(method="ridge", rank=2), grouping(groups=(("a",), ("b",), ("c",)))]
    figure = figures.families(chosen)
    assert figures.title_of(figure) == "2 groupings compared, none recommended yet"
    told = [trace.customdata[0] for trace in figure.data if trace.customdata]
    assert len(told) == 2
    assert any("hoa, ridge" in text for text in told)


def test_a_family_that_is_measured_under_one_name_and_predicted_under_another_is_measured():
    both = [grouping(method="oracle", measured=0.86, predicted=0.9), grouping(method="means", measured=None, predicted=0.99)]
    (family,) = distinct(both)
    assert (family.measured, family.method) == (0.86, "oracle, means")


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
    assert list(zip(measured.x, measured.y, strict=True)) == [(2, 2), (2, -1)]
    assert list(zip(hollow.x, hollow.y, strict=True)) == [(2, 2)]


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
    noisy = tuple(replace(method, ceiling=0.12) for method in methods)
    title = figures.title_of(figures.predicted_measured(queries.TrialInfo(scores=scores, methods=noisy)))
    assert title == "The seeds agree too little to compare methods: their own rank correlation is +0.12"


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
    lines = [trace for trace in figure.data if trace.name == "regret"]
    assert [told.partition("regret ")[2].split(",")[0] for line in lines for told in line.customdata] == [
        "0.00",
        "+3.00",
        "0.00",
        "0.00",
    ]
    assert figures.title_of(figure) == "y has the smallest regret: 0.0 points against the exhaustive oracle"
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
        (
            {"regrets": REGRETS | {"z": (0.0, -0.02)}},
            "Regret does not separate the methods: the halves of the seeds choose differently",
        ),
    ],
)
def test_regret_crowns_nobody_that_is_not_alone_ahead(changes: dict[str, Any], told: str) -> None:
    assert figures.title_of(figures.regret(judged(**{"regrets": REGRETS, **changes}))).startswith(told)
