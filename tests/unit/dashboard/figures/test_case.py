"""The figure of the answer: a row per pair of tasks, with the outcome beside its evidence."""

import re
from dataclasses import replace

import plotly.graph_objects as go

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.theme import LIGHT
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT


def rows_of(figure: go.Figure) -> list[str]:
    """Names and outcomes of the rows, from the top."""
    notes = [(note.y, note.text) for note in figure.layout.annotations if note.text.startswith("<b>") and note.yref != "paper"]
    return [re.sub(r"<.*?>", "", text).replace("\N{MULTIPLICATION SIGN}", "x") for _, text in sorted(notes)]


def said_in(figure: go.Figure) -> list[str]:
    """The texts in the figure."""
    return [note.text for note in figure.layout.annotations]


def test_case_has_a_row_per_pair_with_the_contradiction_first(full: Workspace) -> None:
    figure = figures.case(queries.case(full, EXPERIMENT))
    rows = rows_of(figure)
    assert rows[0] == "mean of 4 tasks   ● matches +0.3"
    assert rows[1] == "disc x foramina   ✗ matches although different and opposed"
    assert rows[2:] == [f"{pair}   ✓ matches; similar and aligned" for pair in (
        "disc x canal", "disc x cord", "canal x cord", "canal x foramina", "cord x foramina",
    )]  # fmt: skip


def test_case_fills_settled_layers_only(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    figure = figures.case(case)
    fills = {trace.fillcolor: len([x for x in trace.x if x is None]) for trace in figure.data if trace.name == "settled"}
    assert fills == {LIGHT.good: 5 * 6 + 3, LIGHT.bad: 3}  # layer 0 is uninformative; upper layers of one pair differ
    open_ones = tuple(
        replace(profile, layers=tuple(replace(layer, statement="inconclusive") for layer in profile.layers))
        for profile in case.profiles
    )
    assert not [trace for trace in figures.case(replace(case, profiles=open_ones)).data if trace.name == "settled"]


def test_case_draws_no_cosine_beyond_1(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    noisy = tuple(replace(alignment, cosine=1.45, seeds=1) for alignment in case.alignments)
    figure = figures.case(replace(case, alignments=noisy))
    assert not [trace for trace in figure.data if trace.xaxis == "x3" and trace.type == "scatter"]
    assert said_in(figure).count("noise: 1 of 3 seeds") == 6
    beyond = tuple(replace(alignment, seeds=3) for alignment in noisy)
    assert said_in(figures.case(replace(case, alignments=beyond))).count("noise") == 6


def test_case_says_what_was_not_measured_and_where_seeds_are_few(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    half = replace(case, profiles=case.profiles[:4], alignments=case.alignments[:0])
    assert said_in(figures.case(half)).count("not measured") == 2 + 6
    assert "not measured" not in said_in(figures.case(case))
    single = tuple(replace(match, seeds=(0,), single_per_seed=(0.8,), multi_per_seed=(0.8,)) for match in case.matching.tasks)
    lone = tuple(replace(alignment, cosine=None, seeds=1) for alignment in case.alignments)
    early = replace(case, matching=replace(case.matching, tasks=single, pooled=None), alignments=lone)
    assert said_in(figures.case(early)).count("only 1 seed") == 6


def test_a_click_on_a_row_of_the_case_gives_its_number(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    targets = [trace for trace in figures.case(case).data if trace.type == "bar"]
    assert [trace.xaxis for trace in targets] == ["x", "x2", "x3"]
    for trace in targets:
        assert list(trace.customdata) == list(range(6))
        assert trace.hovertext[0].startswith("<b>disc \N{MULTIPLICATION SIGN} foramina</b>")


def test_many_tasks_have_a_row_each_with_their_weakest_pairs(stores: fake_stores.Stores) -> None:
    case = queries.case(stores["many_tasks"], EXPERIMENT)
    assert len(case.rows) == 30
    first = case.rows[0]
    assert first.profile is not None
    assert {first.profile.task_a, first.profile.task_b} == {"finding number 0", "finding number 29"}
    assert "although different" in rows_of(figures.case(case))[1]
    assert case.rows[1].tasks == ("finding number 29",)  # the other contradiction; the rest follows


def test_case_without_evidence_shows_the_tasks(stores: fake_stores.Stores) -> None:
    figure = figures.case(queries.case(stores["without_evidence"], EXPERIMENT))
    assert [row.partition("   ")[0] for row in rows_of(figure)] == ["mean of 4 tasks", "disc", "canal", "cord", "foramina"]
    assert not figure.layout.xaxis2.visible


def test_the_case_of_one_task_shows_its_pairs_with_all_others(full: Workspace) -> None:
    case = queries.case(full, EXPERIMENT)
    whole, some = figures.case(case), figures.case(case.only(["canal"]))
    assert figures.title_of(some) == figures.title_of(whole)
    assert [row.partition("   ")[0] for row in rows_of(some)[1:]] == ["disc x canal", "canal x cord", "canal x foramina"]
    assert [row.partition("   ")[0] for row in rows_of(figures.case(case.only(["cord", "disc"])))[1:]] == ["disc x cord"]


def test_the_claim_places_each_pair_by_evidence_and_outcome(full: Workspace) -> None:
    figure = figures.claim(queries.explanations(full, EXPERIMENT))
    dots = {(round(x + 0.42), round(min(trace.y) + 0.12)): len(trace.x) for trace in figure.data for x in trace.x[:1]}
    assert dots == {(0, 0): 1, (2, 0): 3}  # against: disc and foramina; for: five, of which three are named
    assert any(note.text == "and 2 more" for note in figure.layout.annotations)
    assert figures.title_of(figure) == "The evidence predicts 5 of 6 pairs, contradicts 1"
