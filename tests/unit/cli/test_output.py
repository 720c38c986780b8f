"""What the terminal prints of verdicts."""

import json
from datetime import datetime

import pytest

from mtlens.cli import output
from mtlens.store.database.reader import Result

COLUMNS = (
    "kind", "task", "single_mean", "multi_mean", "difference", "low90", "high90", "seeds", "folds", "examples", "margin",
    "verdict", "needed", "still_improving", "not_learnt", "single_collapsed", "multi_collapsed", "method", "metric",
)  # fmt: skip


def matching(*kinds_and_means: tuple[str, float]) -> Result:
    """One task of each kind, whose models were still improving."""
    rows = [
        (
            kind,
            "canal",
            0.9,
            mean,
            mean - 0.9,
            -0.01,
            0.01,
            3,
            None,
            100,
            0.05,
            "matches",
            None,
            [kind],
            None,
            [],
            [],
            "a method",
            "macro_f1",
        )
        for kind, mean in kinds_and_means
    ]
    return Result(columns=COLUMNS, rows=rows)


def test_json_has_no_numbers_that_are_none(capsys):
    rows = [(float("nan"), float("-inf"), [1.5, float("nan")], {"x": float("inf"), "y": 2}, datetime(2030, 1, 1))]
    output.print_result(Result(columns=("a", "b", "c", "d", "e"), rows=rows), "json")
    expected = {"a": None, "b": None, "c": [1.5, None], "d": {"x": None, "y": 2}, "e": "2030-01-01 00:00:00"}
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == [expected]


@pytest.mark.parametrize(("family", "tables"), [(0.91, 1), (0.92, 2)])
def test_a_family_that_is_the_multi_task_model_is_not_printed_twice(family, tables, capsys):
    output.print_matching(matching(("multi", 0.91), ("family", family)))
    printed = capsys.readouterr().out
    assert printed.count("single") == tables
    assert "canal: warning: multi-task models were still improving at their last epoch" in " ".join(printed.split())
    assert ("chosen on validation is the multi-task model" in printed) == (tables == 1)


def test_the_verdict_table_wraps_no_names(capsys):
    name = "a task with a name that is longer than half of a usual terminal is wide"
    result = matching(("multi", 0.91))
    ((kind, _, *rest),) = result.rows
    output.print_matching(Result(columns=result.columns, rows=[(kind, name, *rest)]))
    assert any(name in line and "matches" in line for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_control_characters_of_an_answer_reach_no_terminal(style, capsys):
    output.print_result(Result(columns=("name\x1b[2J",), rows=[("\x1b]0;title\x07\x9b31m\u202eevil",)]), style)
    printed = capsys.readouterr().out
    assert not set(printed) & set("\x1b\x07\x9b\u202e")
    assert "evil" in printed


def test_formulas_of_an_answer_are_no_formulas_in_a_spreadsheet(capsys):
    output.print_result(
        Result(columns=("=1+1", "value"), rows=[("=cmd|' /C calc'!A0", -1.5), ("@SUM(1)", 2), ("a=1", 3)]), "csv"
    )
    assert capsys.readouterr().out.splitlines() == ["'=1+1,value", "'=cmd|' /C calc'!A0,-1.5", "'@SUM(1),2", "a=1,3"]
