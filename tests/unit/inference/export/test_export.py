"""Exported families: what is in the folder, that it predicts what was trained, and that reports can be read with it."""

import numpy as np
import pytest
import torch

from mtlens.errors import EncoderError, WorkspaceError
from mtlens.evidence.checkpoints import load_trained
from mtlens.inference.export import train_tagger
from mtlens.inference.export.export import export
from mtlens.inference.export.recommended import recommended
from mtlens.inference.extraction.reader import Reader
from mtlens.inference.model.calibration import rescaled
from mtlens.inference.model.family import load
from mtlens.inference.segmentation import Rules, cleaned, segment
from mtlens.training.distributed import ALONE
from mtlens.training.evaluation import predict
from mtlens.training.hardware import prepare
from tests.support import trained_family
from tests.support.trained_family import REPORT

FOREIGN = ("optimizer.pt", "rng_state.pth", "tf_model.h5", "model.onnx", "train.csv", "tokenizer.py", "notes.txt", ".cache")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return trained_family.train(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported") / "family"
    for name in FOREIGN:
        (trained.plan.pretrained.directory / name).write_text("texts of patients")
    export(trained.plan, trained.workspace, out)
    return out


@pytest.fixture(scope="module")
def reader(folder):
    return Reader(load(folder, threads=1), 0.0)


def test_every_task_is_served_once(trained, folder):
    members = recommended(trained.workspace, trained.plan.experiment.experiment_id)
    assert sorted(task for member in members for task in member.serves) == ["canal", "disc"]
    served = [task for member in load(folder).config.members for task in member.tasks]
    assert sorted(served) == ["canal", "disc"]


def test_a_family_predicts_what_was_trained(trained, folder):
    """Against the training code's own prediction, on the test texts, calibrated by hand."""
    family = load(folder, threads=1)
    examples, encoded = trained.plan.examples, trained.plan.encoded
    for member in family.config.members:
        run = next(planned.run for planned in trained.plan.runs if planned.run.run_id == member.run_id)
        model = load_trained(run, trained.workspace, trained.plan.pretrained.directory, encoded.vocabulary)
        hardware = prepare("float32", threads=1, gpu=False)
        for prediction in predict(model, encoded.select(run.tasks), "test", batch_size=8, hardware=hardware, world=ALONE):
            if prediction.task.name in member.tasks:
                found = family.classify([examples.texts[row] for row in prediction.rows])[prediction.task.name]
                expected = rescaled(prediction.said, family.config.temperatures[prediction.task.name])
                np.testing.assert_allclose(found, expected, atol=0.03 if family.config.precision == "bfloat16" else 1e-5)


def test_transformers_loads_the_encoder_with_its_whole_vocabulary(trained, folder):
    from transformers import AutoModel

    pretrained = AutoModel.from_pretrained(trained.plan.pretrained.directory).get_input_embeddings().weight
    for member in load(folder).config.members:
        rows = AutoModel.from_pretrained(folder / member.folder, add_pooling_layer=False, dtype=torch.float32)
        rows = rows.get_input_embeddings().weight
        assert rows.shape == pretrained.shape
        unseen = np.setdiff1d(np.arange(len(pretrained)), trained.plan.encoded.vocabulary)
        assert len(unseen)
        assert torch.allclose(rows[unseen], pretrained[unseen], atol=1e-3)
        assert not torch.allclose(rows, pretrained, atol=1e-3)


def test_only_the_tokenizer_of_an_encoder_is_copied(folder):
    names = {path.name for path in (folder / "tokenizer").iterdir()}
    assert names == {"config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"}


def test_the_card_tells_tasks_data_verdicts_and_limits(trained, folder):
    card = (folder / "README.md").read_text()
    for part in ("canal", "disc", trained.plan.examples.fingerprint, "verdict", "Limits", "bfloat16", "C5-C6"):
        assert part in card


def test_nothing_is_written_over(trained, folder):
    with pytest.raises(WorkspaceError, match="should not exist yet"):
        export(trained.plan, trained.workspace, folder)


def test_a_family_carries_its_learned_tagger(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(train_tagger, "CORPORA", 1)
    monkeypatch.setattr(train_tagger, "REPORTS", 10)
    monkeypatch.setattr(train_tagger, "EXAMINED", 60)
    export(trained.plan, trained.workspace, tmp_path / "family", learned_tagger=True)
    family = load(tmp_path / "family", threads=1)
    assert not isinstance(family.tagger, Rules)
    (found,) = segment([cleaned(REPORT)], family.tagger)
    assert len(found.tags) == len(found.sentences)
    (findings,) = Reader(family).read([("a", REPORT)])
    assert findings.id == "a"
    card = (tmp_path / "family" / "README.md").read_text()
    assert "| rules |" in card
    assert "Used here: learned." in card
    assert sorted(path.name for path in (tmp_path / "family" / "tagger").iterdir()) == [
        "config.json", "heads.safetensors", "model.safetensors",
    ]  # fmt: skip


def test_a_folder_that_is_no_family_is_an_error(tmp_path):
    with pytest.raises(EncoderError, match="should be a folder that `mtlens export` has written"):
        load(tmp_path)


def test_findings_name_the_sentence_that_they_were_read_from(reader):
    (found,) = reader.read([("a", REPORT)])
    by_level = {}
    for finding in found.findings:
        by_level.setdefault(finding.segment, []).append(finding)
    assert {one.status for one in by_level["C3-C4"]} == {"not mentioned"}
    assert {one.sentence for one in by_level["C5-C6"]} <= {"C5-6: severe canal stenosis.", "The disc is normal."}
    assert all(0 <= one.probability <= 1 and one.label for one in by_level["C5-C6"])


def test_below_the_threshold_it_abstains(reader):
    (found,) = Reader(reader.family, 1.0).read([("a", REPORT)])
    assert {(finding.status, finding.label) for finding in found.findings if finding.segment == "C5-C6"} == {
        ("abstained", None)
    }


def test_segments_of_another_region_are_not_graded_but_noted(reader):
    (found,) = reader.read([("a", REPORT + "L4-5: bulge.")])
    assert {finding.segment[0] for finding in found.findings} == {"C"}
    assert any("not trained on: L4-L5" in note for note in found.notes)


def test_reports_read_together_are_read_as_alone(reader):
    others = ["C3-4: bulge.", REPORT, "Normal."]
    together = reader.read([(str(number), text) for number, text in enumerate(others)])
    for number, text in enumerate(others):
        (alone,) = reader.read([(str(number), text)])
        for one, other in zip(alone.findings, together[number].findings, strict=True):
            assert one.label == other.label
            assert one.probability == pytest.approx(other.probability, abs=0.02)
