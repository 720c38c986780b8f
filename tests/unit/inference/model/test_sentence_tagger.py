"""The learned tagger: how reports are cut for it, that it learns, and that context reaches it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import generate
from mtlens.data.tokenizer import load_tokenizer
from mtlens.inference.export import train_tagger
from mtlens.inference.model.sentence_tagger import WindowCutter
from mtlens.inference.segmentation import split
from mtlens.inference.segmentation.scoring import score_tagger, true_tags
from mtlens.training.hardware import prepare
from tests.support import trained_family

REPORT = "HISTORY: Pain.\nFINDINGS:\nC5-6: disc bulge. The cord is normal.\nC6-7: normal.\nIMPRESSION:\n1. Bulge at C5-6."


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    bones = [f"c{number}" for number in range(2, 8)] + [f"l{number}" for number in range(1, 6)] + ["t1", "t12", "s1"]
    return trained_family.make_encoder(
        tmp_path_factory.mktemp("bones") / "encoder", (*bones, "/", "6", "7", "1", "remaining", "levels")
    )


@pytest.fixture(scope="module")
def learned(encoder):
    """Trained on the same few reports again and again, for seconds."""
    few, training_set = 16, train_tagger.training_set
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_tagger, "RATE", 1e-2)
        patch.setattr(train_tagger, "REPORTS", 3)
        patch.setattr(train_tagger, "training_set", lambda cutter: training_set(cutter)[:few] * 200)
        patch.setattr(train_tagger, "CORPORA", 1)
        return train_tagger.train_tagger(encoder, prepare("float32", threads=1, gpu=False), lambda _: None)


@given(st.lists(st.integers(1, 60), max_size=12), st.integers(40, 64))
@settings(deadline=None, max_examples=40)
def test_every_sentence_is_read_once_in_windows_that_fit(encoder, lengths, window):
    report = split("\n".join("disc bulge " * number + "." for number in lengths))
    cut = WindowCutter(load_tokenizer(encoder), window).cut(report)
    owned = [number for one in cut for number in dict.fromkeys(one.owners) if number >= 0]
    assert owned == list(range(len(report)))
    assert all(len(one.tokens) == len(one.owners) <= window for one in cut)


def test_a_later_window_repeats_what_came_before(encoder):
    report = split("FINDINGS:\n" + "C5-6: disc bulge with mild stenosis.\n" * 9)
    _, second, *_ = WindowCutter(load_tokenizer(encoder), 64).cut(report)
    first_owned = next(place for place, owner in enumerate(second.owners) if owner >= 0)
    assert 10 < first_owned < 40


def test_true_tags_score_full_marks():
    reports = generate(Spine(region="lumbar", reports=60, seed=3)).reports
    truth = {report.text: true_tags(report, split(report.text)) for report in reports}

    class Oracle:
        def tag(self, cut):
            return [truth[report.text] for report, _ in zip(reports, cut, strict=True)]

    score = score_tagger(Oracle(), reports)
    assert (score.precision, score.recall, score.exact) == (1.0, 1.0, 1.0)


def test_it_learns_its_training_set(learned):
    """Better than a guess among six segments, on reports that it has seen."""
    corpora = [
        generate(Spine(region=region, reports=3, relatedness=0, seed=train_tagger.SEED)) for region in ("cervical", "lumbar")
    ]
    score = score_tagger(learned, [report for corpus in corpora for report in corpus.reports])
    assert score.precision > 0.4
    assert score.recall > 0.4


def test_the_same_sentence_is_read_in_its_context(learned):
    """One pass sees the whole report: another level before a sentence changes its logits."""
    reports = [split(f"FINDINGS:\n{level}: disc bulge. The cord is normal.") for level in ("C5-6", "C2-3")]
    logits = [learned.logits([report])[0, 1] for report in reports]
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


def test_reports_tagged_together_are_tagged_as_alone(learned):
    reports = [split(report.text) for report in generate(Spine(region="cervical", reports=5, seed=9)).reports] + [()]
    assert learned.tag(reports) == [learned.tag([report])[0] for report in reports]
