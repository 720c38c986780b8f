"""Families that were trained on a table: they read whole texts, as they were trained, and no motion segments."""

import csv

import numpy as np
import pytest

from mtlens.errors import ExperimentError
from mtlens.inference.export.export import export
from mtlens.inference.export.stored_models import StoredModels
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.model.calibration import rescaled
from mtlens.inference.model.family import load
from tests.support import trained_family


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return trained_family.train_on_notes(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "family"
    export(trained.plan, trained.workspace, out)
    return out


@pytest.fixture(scope="module")
def reader(folder):
    return Reader(load(folder, threads=1), 0.0)


def test_a_report_is_read_as_its_text_was_in_training(trained, reader):
    """Probabilities beside those that the run predicted on the test split, calibrated by hand."""
    config, source = reader.family.config, StoredModels(plan=trained.plan, workspace=trained.workspace)
    texts = dict(zip(trained.plan.examples.ids, trained.plan.examples.texts, strict=True))
    for member in config.members:
        for task in member.tasks:
            stored = source.predictions(member.run_id, task, "test")
            found = reader.read([(example_id, texts[example_id]) for example_id in stored.example_ids])
            said = [next(finding for finding in report.findings if finding.task == task) for report in found]
            expected = rescaled(stored.columns["probabilities"], config.temperatures[task]).max(axis=1)
            np.testing.assert_allclose([one.probability for one in said], expected, atol=0.03)


def test_a_report_that_names_segments_is_not_split(reader):
    (found,) = reader.read([("a", "C5-6: The canal is narrowing. L4-5: disc bulge.")])
    assert [(finding.segment, finding.task, finding.status) for finding in found.findings] == [
        ("whole", "canal", "read"),
        ("whole", "disc", "read"),
    ]
    assert {finding.sentence for finding in found.findings} <= {"C5-6: The canal is narrowing.", "L4-5: disc bulge."}
    assert found.notes == ()


def test_what_comes_after_the_longest_text_is_told(reader):
    """Neither is a sentence named that was not read."""
    most = reader.family.config.max_length
    exact, longer = "disc " * (most - 2), "The disc. " * most + "Severe canal stenosis."
    whole, cut = reader.read([("a", exact), ("b", longer)])
    assert whole.notes == ()
    assert cut.notes == (f"this model reads {most} tokens; what comes after them was not read",)
    assert {finding.sentence for finding in cut.findings} == {"The disc."}


def test_a_text_without_letters_has_a_class_and_no_sentence(reader):
    (found,) = reader.read([("a", "12.")])
    assert {(finding.status, finding.sentence) for finding in found.findings} == {("read", None)}


@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_the_table_that_it_was_trained_on_can_be_extracted(trained, folder, mtlens, style):
    notes = trained.workspace.root.parent / "notes.csv"
    code, out, err = mtlens("extract", folder, notes, "--text", "note", "-f", style)
    assert (code, "120 reports read, 0 skipped" in err) == (0, True), err
    if style == "csv":
        rows = list(csv.DictReader(out.splitlines()))
        assert [(row["segment"], row["task"]) for row in rows] == [("whole", "canal"), ("whole", "disc")] * 120


def test_the_card_says_what_is_read(folder):
    card = (folder / "README.md").read_text()
    assert "- reads: whole texts, of each at most 48 tokens" in card
    assert "tells no motion segments apart" in card
    assert "Which sentences speak of a motion segment" not in card
    assert "C5-C6" not in card


def test_it_has_no_use_for_a_tagger(trained, tmp_path):
    with pytest.raises(
        ExperimentError, match="--tagger learned should go with motion segments; tiny-family was trained on whole"
    ):
        export(trained.plan, trained.workspace, tmp_path / "family", learned_tagger=True)
