"""Titles of CKA and of gradients count the pairs by what was found of them."""

from dataclasses import replace
from typing import Any

import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.wording import evidence_titles
from tests.support.fake_evidence import EXPERIMENT


def profile(*layers: tuple[str, float | None, float | None], names: tuple[str, str] = ("a", "b")) -> queries.ProfileInfo:
    """A pair of task-specific models; for each layer its statement, effect and the upper bound of that."""
    unknown = dict.fromkeys((
        "similarity", "low", "high", "ceiling", "floor", "floor_kind", "pretrained", "untrained", "permuted", "seeds",
        "examples", "margin", "reason", "method",
    ))  # fmt: skip
    infos: list[Any] = [
        queries.SimilarityInfo(kind="tasks", task_a=names[0], task_b=names[1], layer=number, statement=statement, effect=effect,
                             effect_low=None if high is None else -0.57, effect_high=high, **unknown)
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
    of_layer = [replace(alignment, layer=2) for alignment in alignments]
    assert figures.title_of(figures.task_cosines(of_layer, 2)) == f"In layer 2, {told}"


def test_gradients_of_one_kind_of_parameters_are_told_by_layer(full: Workspace) -> None:
    one = replace(queries.alignments(full, EXPERIMENT)[0], parameters="attention", statement="aligned")
    layers = [replace(one, layer=layer, task_b=task) for layer in (0, 1) for task in ("cord", "disc")]
    layers[0] = replace(layers[0], statement="inconclusive")
    told = "During training, 1 of 2 pairs are aligned in every layer"
    assert evidence_titles.alignment(layers) == told
