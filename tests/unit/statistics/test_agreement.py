"""The evidence compared with the measured outcome: what agrees, and what is inconclusive."""

import pytest

from mtlens.statistics.agreement import PairEvidence, agreement, explain


@pytest.mark.parametrize(
    ("measured", "cka", "gradients", "expected"),
    [
        ("matches", "similar", "aligned", "agrees"),
        ("better", "similar", "inconclusive", "agrees"),
        ("worse", "different", "opposed", "agrees"),
        ("worse", "similar", "aligned", "contradicts"),
        ("matches", "inconclusive", "unrelated", "contradicts"),
        ("matches", "similar", "opposed", "mixed"),
        ("inconclusive", "similar", "aligned", "inconclusive"),
        ("matches", "inconclusive", "not identifiable", "inconclusive"),
        ("not measured", "similar", "aligned", "not measured"),
        ("matches", "not measured", "not measured", "not measured"),
    ],
)
def test_agreement(measured, cka, gradients, expected):
    assert agreement(measured, cka, gradients) == expected


def pair(a, b, cka, gradients, effect=0.9, cosine=0.5):
    return PairEvidence(
        tasks=(a, b),
        cka=cka,
        cka_effect=effect,
        cka_detail="",
        gradients=gradients,
        gradient_cosine=cosine,
        gradients_detail="",
    )


def test_group_tasks_and_pairs_each_have_a_line():
    pairs = [
        pair("a", "b", "similar", "aligned"),
        pair("a", "c", "similar", "aligned", effect=0.8),
        pair("b", "c", "different", "unrelated", cosine=0.0),
    ]
    verdicts = {"a": ("matches", 0.0), "b": ("matches", 0.01), "c": ("worse", -0.1)}
    lines = {line.tasks: line for line in explain(["a", "b", "c"], verdicts, pairs, ("inconclusive", -0.03))}
    group = lines["a", "b", "c"]
    assert (group.scope, group.measured, group.difference) == ("group", "worse", -0.03)
    assert (group.cka, group.gradients, group.agreement) == ("different", "unrelated", "agrees")
    assert group.cka_detail == "different in 1 of 3 pairs: b and c"
    assert (lines["a",].cka, lines["a",].agreement) == ("similar", "agrees")
    assert (lines["b",].cka, lines["b",].agreement) == ("different", "contradicts")
    assert lines["a", "c"].measured == "worse"
    assert lines["a", "c"].agreement == "contradicts"
    assert (group.cka_effect, group.gradient_cosine) == (0.8, 0.0)


def test_what_was_not_measured_is_not_guessed():
    lines = explain(["a", "b"], {"a": ("matches", 0.0)}, [PairEvidence(tasks=("a", "b"))], None)
    assert {line.agreement for line in lines} == {"not measured"}
    assert lines[0].measured == "not measured"
