"""Notes on how to read a figure are about the models that it shows."""

from dataclasses import replace
from pathlib import Path

import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from mtlens_dashboard.catalog import ENTRIES
from mtlens_dashboard.export.report import exhibit
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("tasks", "of two task-specific models"),
        ("multi", "and the multi-task model"),
        ("pretrained", "and the pretrained encoder"),
    ],
)
def test_cka_is_of_the_models_that_were_compared(full: Workspace, kind: queries.PairKind, told: str) -> None:
    reading = ENTRIES["cka-depth"].how_to_read(queries.profiles(full, EXPERIMENT, kind))
    assert f"{told}, " in reading
    assert ("pairs of different seeds" in reading) == (kind != "pretrained")
    matrices = ENTRIES["cka-layers"].how_to_read(queries.matrices(full, EXPERIMENT, kind))
    assert ("of one seed" in matrices) == (kind != "pretrained")


def test_differences_are_to_the_models_that_have_a_reference(full: Workspace) -> None:
    entry = ENTRIES["cka-differences"]
    assert "mean CKA of both models with" in entry.how_to_read(queries.matrices(full, EXPERIMENT, "tasks"))
    assert "minus the CKA of the task-specific model with" in entry.how_to_read(queries.matrices(full, EXPERIMENT, "multi"))


@pytest.mark.parametrize(("floor", "told"), [("shuffled", "permuted labels"), ("untrained", "an untrained encoder")])
def test_the_floor_is_the_one_that_was_measured(tmp_path: Path, floor: str, told: str) -> None:
    workspace = fake_stores.full(tmp_path)
    fake_stores.change(workspace, f"UPDATE summary.similarity SET floor_kind = '{floor}'")
    for name in ("case", "cka-depth"):
        reading = exhibit(workspace, EXPERIMENT, ENTRIES[name]).reading
        assert told in reading
        assert ("permuted" in reading) == (floor == "shuffled")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("multi", "of the multi-task model"),
        ("cross", "its own task-specific model"),
        ("task_vectors", "what training has changed"),
    ],
)
def test_gradients_are_at_the_weights_that_were_looked_at(full: Workspace, setting: str, told: str) -> None:
    found = tuple(replace(alignment, setting=setting) for alignment in queries.alignments(full, EXPERIMENT))
    for name in ("gradients", "gradients-depth"):
        reading = ENTRIES[name].how_to_read(found)
        assert told in reading
        assert ("multi-task model" in reading) == (setting == "multi")
    assert ("halves" in ENTRIES["gradients-depth"].how_to_read(found)) == (setting != "task_vectors")
    assert "whole shared encoder" in ENTRIES["gradients"].how_to_read(found)
    of_layer = tuple(one for one in found if one.layer == 2)
    assert "in layer 2." in ENTRIES["gradients"].how_to_read(of_layer)


def test_the_forest_is_of_the_kind_that_is_compared(full: Workspace) -> None:
    adapters = replace(queries.matching(full, EXPERIMENT), kind="adapter")
    assert "adapters minus task-specific" in ENTRIES["forest"].how_to_read(adapters)


def test_only_a_report_says_which_task_it_took(full: Workspace) -> None:
    assert "differ most" in exhibit(full, EXPERIMENT, ENTRIES["confusion"]).reading
    assert "differ most" not in ENTRIES["confusion"].how_to_read(queries.confusion(full, EXPERIMENT, "cord"))
