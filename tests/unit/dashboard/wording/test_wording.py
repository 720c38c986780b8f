"""Words, numbers, tables and colours of the dashboard."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtlens.config.run_kinds import RUN_KINDS
from mtlens.statistics.agreement import agreement
from mtlens.statistics.shown import Unit
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries, tables
from mtlens_dashboard.figures.theme import AGREEMENTS, DARK, LIGHT, STATEMENTS, VERDICTS, Theme
from mtlens_dashboard.wording import evidence_titles, formatting, titles
from mtlens_dashboard.wording.formatting import minus
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT
from tests.support.fake_stores import START


def test_answer_in_a_sentence(full: Workspace) -> None:
    matching = queries.matching(full, EXPERIMENT)
    assert titles.answer(matching) == "One model matches four on average; cord is better, foramina is undecided"
    alone = replace(matching, tasks=matching.tasks[:2])
    assert titles.answer(alone) == "One model matches two: all within 2 points"


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
        ("matches", ("matches", "better"), "One model matches two; "),
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
    ("kind", "start"), [("multi", "Multi-task less task-specific"), ("shuffled", "Shuffled labels less task-specific")]
)
def test_a_comparison_names_its_models(full: Workspace, kind: str, start: str) -> None:
    title = titles.comparison(replace(queries.matching(full, EXPERIMENT), kind=kind))
    assert minus(title) == minus(f"{start}: +0.3 points (90 % interval -0.6 to +1.2), matches")


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
    assert titles.warnings(replace(matching, tasks=unfinished), late) == [
        "On disc, multi-task models were still improving at their last epoch: more epochs may change this (3 of 15 runs)",
        "canal: not learnt by either kind of models, so left out of the mean",
        "canal: some models predict one class only",
    ]
    alone = figures.titled(figures.forest(replace(matching, tasks=unfinished)), LIGHT)
    assert "were still improving" in alone.layout.annotations[-1].text.replace("<br>", " ")


def profile(*layers: tuple[str, float | None, float | None], names: tuple[str, str] = ("a", "b")) -> queries.ProfileInfo:
    """A pair of task-specific models; for each layer its statement, effect and the upper bound of that."""
    unknown = dict.fromkeys((
        "similarity", "low", "high", "ceiling", "floor", "floor_kind", "pretrained", "untrained", "permuted", "seeds",
        "examples", "margin", "reason", "method",
    ))  # fmt: skip
    infos: list[Any] = [
        queries.SimilarityInfo(kind="tasks", task_a=names[0], task_b=names[1], layer=number, statement=statement, effect=effect,
                             effect_low=None if high is None else -0.57, effect_high=high, **unknown)  # pyright: ignore
        for number, (statement, effect, high) in enumerate(layers, start=1)
    ]  # fmt: skip
    return queries.ProfileInfo(kind="tasks", task_a=names[0], task_b=names[1], layers=tuple(infos))


SILENT = ("uninformative", None, None)
ALIKE, OPEN, UNLIKE = (("similar", 0.9, 1.1), ("inconclusive", 0.6, 1.2), ("different", -0.1, 0.1))


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ([(SILENT, ALIKE)], "a and b are similar in every informative layer"),
        ([(ALIKE, OPEN)], "Whether a and b are similar is undecided"),
        ([(ALIKE, UNLIKE)], "a and b differ in some layer"),
        ([(ALIKE, UNLIKE), (ALIKE,)], "1 of 2 pairs are similar; a and b differ"),
        ([(SILENT,), (ALIKE,)], "1 of 2 pairs are similar; 1 uninformative"),
        ([(SILENT,), (SILENT, SILENT)], "No layer is informative, in any of 2 pairs"),
    ],
)
def test_uninformative_layers_are_not_taken_for_a_difference(pairs: list[tuple[Any, ...]], told: str) -> None:
    assert evidence_titles.similarity([profile(*layers) for layers in pairs]) == told


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["inconclusive"] * 6, "0 of 6 pairs are aligned; 6 undecided"),
        (["aligned"], "disc and canal are aligned"),
        (["not identifiable"], "whether disc and canal are aligned is undecided"),
        (["aligned", "unrelated", "not identifiable"],
         "1 of 3 pairs are aligned; 1 unrelated; 1 undecided"),
        (["opposed", "unrelated", "unrelated"],
         "0 of 3 pairs are aligned; disc and canal are opposed; 2 unrelated"),
    ],
)  # fmt: skip
def test_undecided_gradients_are_counted_separately(full: Workspace, statements: list[str], told: str) -> None:
    one = queries.alignments(full, EXPERIMENT)[0]
    alignments = [replace(one, statement=statement) for statement in statements]
    assert evidence_titles.alignment(alignments) == f"During training, {told}"
    of_layer = [replace(one, layer=2) for one in alignments]
    assert figures.title_of(figures.task_cosines(of_layer, 2)) == f"In layer 2, {told}"


def test_gradients_of_one_kind_of_parameters_are_told_by_layer(full: Workspace) -> None:
    one = replace(queries.alignments(full, EXPERIMENT)[0], parameters="attention", statement="aligned")
    layers = [replace(one, layer=layer, task_b=task) for layer in (0, 1) for task in ("cord", "disc")]
    layers[0] = replace(layers[0], statement="inconclusive")
    told = "During training, 1 of 2 pairs are aligned in every layer"
    assert evidence_titles.alignment(layers) == told


def test_sentences_on_runs(stores: fake_stores.Stores) -> None:
    runs, now = queries.runs(stores["partial"], EXPERIMENT), START + timedelta(minutes=6)
    told = titles.runs(runs, now)
    assert told.startswith("9 of 15 runs done; 2 training, about ")
    assert told.endswith(" left; 1 failed; 3 waiting")
    assert "2 stalled" in titles.runs(runs, now + timedelta(hours=1))
    assert titles.runs(queries.runs(stores["full"], EXPERIMENT), now) == "All 15 runs are done"


def test_tables_hold_the_numbers_behind(full: Workspace) -> None:
    table = tables.of_matching(queries.matching(full, EXPERIMENT))
    assert table.rows[-1][0] == "mean"
    assert dict(zip(table.columns, table.rows[0], strict=True))["difference"] == pytest.approx(0.004)
    lines = tables.to_csv(table).splitlines()
    assert lines[0].startswith("task,metric,margin,single_mean,")
    assert len(lines) == 6


def test_score_grid_as_latex(full: Workspace) -> None:
    grid = tables.score_grid(queries.scores(full, EXPERIMENT), "macro_f1")
    assert grid.columns == ("model", "disc", "canal", "cord", "foramina")
    assert grid.rows[0] == ("task-specific", *["86.0 ± 1.0"] * 4)
    assert r"task-specific & 86.0 $\pm$ 1.0 &" in tables.to_latex(grid)


def test_verdicts_as_a_table_of_models_and_tasks(full: Workspace) -> None:
    grid = tables.verdict_grid([queries.matching(full, EXPERIMENT)])
    assert grid.columns == ("model", "disc", "canal", "cord", "foramina", "mean")
    assert [row[0] for row in grid.rows] == ["task-specific", "multi-task"]
    matching = queries.matching(full, EXPERIMENT).rows[0]
    shown = f"{100 * matching.multi_mean:.1f} [{100 * matching.low90:+.1f}, {100 * matching.high90:+.1f}] matches"
    assert grid.rows[1][1] == shown.replace("-", "\N{MINUS SIGN}")
    markdown = tables.to_markdown(grid).splitlines()
    assert markdown[0] == "| model | disc | canal | cord | foramina | mean |"
    assert markdown[1] == "| --- | --- | --- | --- | --- | --- |"
    assert len(markdown) == 4


def test_csv_and_latex_disarm_names() -> None:
    table = tables.Table(columns=("a_b", "=1+1"), rows=(("=cmd()|x", -1.5), ("50 % & $x$ {y}", None)))
    assert tables.to_csv(table).splitlines() == ["a_b,'=1+1", "'=cmd()|x,-1.5", "50 % & $x$ {y},"]
    assert r"50 \% \& \$x\$ \{y\}" in tables.to_latex(table)
    assert r"=cmd()\|x" in tables.to_markdown(table)


@given(st.text(max_size=300), st.integers(5, 60))
def test_labels_are_short_and_cannot_be_markup(name: str, length: int) -> None:
    assert len(formatting.shorten(name, length)) <= length
    assert not set("<>$\n") & set(formatting.label(name, length))
    assert "\u202e" not in formatting.label(name, length)


def test_long_names_keep_both_ends() -> None:
    assert formatting.shorten("stenosis of the spinal canal at the level L4-L5", 20) == "stenosis of t…L4-L5"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (formatting.signed_points(-0.0123), "\N{MINUS SIGN}1.2"),
        (formatting.signed_points(0.0001), "0.0"),
        (formatting.bounds(None, 0.1, Unit("macro_f1")), "unbounded"),
        (formatting.bounds(-0.01, 0.026, Unit("accuracy")), "\N{MINUS SIGN}1.0 to +2.6"),
        (formatting.difference(-0.0123, Unit("mean_absolute_error")), "\N{MINUS SIGN}0.012"),
        (formatting.difference(0.25, Unit(None)), "+0.25"),
        (Unit("macro_f1").margin(0.025), "2.5"),
        (formatting.duration(45), "45 s"),
        (formatting.duration(150), "2.5 min"),
        (formatting.quantity(11_672_074), "11.7 M"),
        (formatting.listing(["a", "b", "c", "d"]), "a, b and 2 others"),
        (formatting.listing(["a"]), "a"),
    ],
)
def test_numbers_and_lists_in_words(found: str, expected: str) -> None:
    assert found == expected


def contrast(colour: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""

    def luminance(hexadecimal: str) -> float:
        parts = [int(hexadecimal[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    high, low = sorted((luminance(colour), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_contrast(theme: Theme) -> None:
    for role in ("ink", "muted", "good", "better", "bad", "weak", "open"):
        assert contrast(getattr(theme, role), theme.paper) >= 4.5, role
    for kind in RUN_KINDS.values():
        if not kind.control:
            assert contrast(theme.of_role(kind.name), theme.paper) >= 3, kind.name


@pytest.mark.parametrize("marks", [VERDICTS, STATEMENTS, AGREEMENTS])
def test_colour_is_never_alone(marks: dict[str, Any]) -> None:
    """Whatever shares a symbol shares its colour, so that the symbol alone says as much."""
    colours: dict[str, set[str]] = {}
    for mark in marks.values():
        colours.setdefault(mark.symbol, set()).add(mark.role)
    assert all(len(roles) == 1 for roles in colours.values())
