"""Rows of queries in a terminal of 80 columns."""

import re

import pytest

from mtlens.cli import rows_output

WIDE = tuple(f"column_{letter}" for letter in "abcdefgh")


@pytest.fixture
def printed(monkeypatch, capsys):
    """What is printed, line by line."""
    monkeypatch.setattr(rows_output.out, "width", 80)

    def lines(columns, rows):
        rows_output.print_rows(columns, rows)
        found = capsys.readouterr().out.splitlines()
        assert max(map(len, found)) <= 80
        return found

    return lines


def test_what_fits_is_a_table(printed):
    lines = printed(("task", "verdict"), [("disc", "matches"), ("cord", "[b]worse")])
    assert lines[1].split() == ["task", "verdict"]
    assert lines[4].split() == ["cord", "[b]worse"]


def test_what_is_too_wide_is_a_list_of_records_without_what_is_missing(printed):
    rows = [("always", "-", *(f"value {row} {place} with words" for place in range(6))) for row in range(2)]
    lines = printed(WIDE, rows)
    assert lines[0] == "column_a: always"
    text = "\n".join(lines)
    assert len(re.findall(r"^column_c +value \d 0 with words$", text, flags=re.MULTILINE)) == 2
    assert "column_b" not in text


def test_many_wide_rows_are_a_table_of_what_fits_with_a_note(printed):
    rows = [tuple(f"value {row} {place} with words" for place in range(8)) for row in range(50)]
    lines = printed(WIDE, rows)
    assert len([line for line in lines if "with words" in line]) == 50
    note = " ".join(lines[-2:])
    assert "not shown: column_d, column_e" in note
    assert "--format csv" in note


def test_what_must_be_whole_is_a_list_of_records_however_many_rows(monkeypatch, capsys):
    monkeypatch.setattr(rows_output.out, "width", 80)
    rows = [("demo", f"single: disc s{row}", f"failure {row}: {'a long reason ' * 9}end") for row in range(5)]
    rows_output.print_rows(("experiment", "failed", "reason"), rows, whole=True)
    told = " ".join(capsys.readouterr().out.split())
    assert all(" ".join(reason.split()) in told for _, _, reason in rows)


def test_numbers_that_do_not_fit_are_a_second_table_in_their_order(printed):
    """Of view matching: a narrow bound does not stand without the wider mean and difference before it."""
    names = (
        "experiment", "kind", "task", "single_mean", "multi_mean", "difference", "low90", "high90", "verdict", "still_improving"
    )  # fmt: skip
    kinds = [("multi", "matches"), ("family", "inconclusive")]
    rows = [
        ("demo", kind, f"the task number {row}", *(f"{row}.{place}2345" for place in range(5)), word, kind)
        for kind, word in kinds
        for row in range(4)
    ]
    lines = [line.split() for line in printed(names, rows) if line.strip()]
    heads = [words for words in lines if words[0] == "kind"]
    assert heads == [
        ["kind", "task", "single_mean", "verdict", "still_improving"],
        ["kind", "task", "multi_mean", "difference", "low90", "high90"],
    ]
    assert ["family", "the", "task", "number", "3", "3.12345", "3.22345", "3.32345", "3.42345"] in lines


def test_a_wide_answer_has_a_block_for_each_value_of_its_first_column(printed):
    rows = [
        (name, name * 40, f"task {row}", ("better", "worse")[row % 2], f"{row} because of {'long reasons ' * 9}")
        for name in ("first", "second")
        for row in range(6)
    ]
    lines = printed(("experiment", "remark", "task", "verdict", "why"), rows)
    assert [line for line in lines if line.startswith("experiment")] == ["experiment: first", "experiment: second"]
    assert len([line for line in lines if re.match(r" task \d +(better|worse) ", line)]) == 12
    assert len([line for line in lines if line.startswith("Too wide")]) <= 1


def test_a_table_that_does_not_fit_keeps_verdicts_before_numbers_and_both_ends_of_long_names(printed):
    numbers = tuple(f"number_{place}" for place in range(9))
    rows = [
        (
            f"scope {row}",
            f"a very long name of a task, which ends in {row:02}",
            *[f"0.{row}{place}" for place in range(9)],
            word,
        )
        for row, word in enumerate(["matches", "worse", "matches", "worse"])
    ]
    lines = printed(("scope", "task", *numbers, "verdict"), rows)
    for row, word in enumerate(["matches", "worse", "matches", "worse"]):
        assert re.match(rf" scope {row} +a very long nam….* in {row:02} +0\.{row}0 .*{word}", lines[3 + row])
    assert "number_8" in " ".join(lines[-2:])


def test_no_rows(printed):
    assert "task" in "".join(printed(("task",), []))
    assert printed(tuple(f"a_very_long_name_of_a_column_{place}" for place in range(5)), [])
