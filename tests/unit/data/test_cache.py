"""Examples and tokens of many texts are made once for each content, and kept where only their owner looks."""

import os
import pickle
import time

import numpy as np
import pytest

from mtlens.config.loading import experiments_from
from mtlens.data import cache, dataset, stored_tokens
from mtlens.data.dataset import load_examples
from mtlens.data.tokenize import encode
from mtlens.errors import EncoderError


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """A cache of its own, that keeps sixty rows too."""
    folder = tmp_path / "cache"
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    for module in (dataset, stored_tokens):
        monkeypatch.setattr(module, "WORTH_KEEPING", 50)
    return folder


def experiment(folder, classes=("a", "b"), **data):
    table = {"path": "t.csv", "text": ["note", "more"]} if data.pop("pairs", False) else {"path": "t.csv", "text": "note"}
    content = {"tables": [table], **data}
    (made,) = experiments_from({"name": "x", "data": content, "tasks": {"lab": {"classes": classes}}, "margin": 0.1})
    return made


@pytest.fixture
def table(tmp_path):
    lines = "\n".join(f"disc {i},mild {i},{'ab'[i % 2]}" for i in range(60))
    (tmp_path / "t.csv").write_text(f"note,more,lab\n{lines}\n")
    return tmp_path


@pytest.mark.parametrize("data", [{}, {"pairs": True}, {"splits": {"folds": 3}}])
def test_examples_from_disk_are_those_that_were_made(table, monkeypatch, data):
    made = load_examples(experiment(table, **data), [table])
    monkeypatch.setattr(dataset, "_make_examples", None)
    read = load_examples(experiment(table, **data), [table])
    assert (read.fingerprint, read.text_fingerprint, read.label_fingerprints) == (
        made.fingerprint,
        made.text_fingerprint,
        made.label_fingerprints,
    )
    assert (read.ids, list(read.texts), read.notes) == (made.ids, list(made.texts), made.notes)
    assert (read.pairs is None) == (made.pairs is None)
    assert read.pairs is None or list(read.pairs) == list(made.pairs)
    for name in ("labels", "splits", "groups", "sources"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
        assert getattr(read, name).dtype == getattr(made, name).dtype
    if made.folds is not None:
        np.testing.assert_array_equal(read.folds.splits, made.folds.splits)


def test_another_content_or_another_question_is_made_anew(table, kept):
    load_examples(experiment(table), [table])
    load_examples(experiment(table), [table])
    assert len(list(kept.iterdir())) == 1
    load_examples(experiment(table, splits={"seed": 1}), [table])
    (table / "t.csv").write_text((table / "t.csv").read_text().replace("disc 7,", "disc seven,"))
    assert "disc seven" in load_examples(experiment(table), [table]).texts
    assert len(list(kept.iterdir())) == 3


def test_few_rows_are_not_kept(table, kept, monkeypatch):
    monkeypatch.setattr(dataset, "WORTH_KEEPING", 61)
    load_examples(experiment(table), [table])
    assert list(kept.iterdir()) == []


def test_tokens_from_disk_are_those_that_were_made(table, tiny_encoder, kept, monkeypatch):
    examples = load_examples(experiment(table), [table])
    plain, made = (encode(examples, tiny_encoder, max_length=16, pretrained=key) for key in (None, "x"))
    monkeypatch.setattr(stored_tokens, "token_ids", None)
    read = encode(examples, tiny_encoder, max_length=16, pretrained="x")
    for encoded in (made, read):
        for name in ("tokens", "starts", "vocabulary", "uncut"):
            np.testing.assert_array_equal(getattr(encoded, name), getattr(plain, name))
    with pytest.raises(TypeError):
        encode(examples, tiny_encoder, max_length=16, pretrained="y")


def test_only_its_owner_looks_into_the_cache(table, kept):
    load_examples(experiment(table), [table])
    assert kept.stat().st_mode & 0o777 == 0o700


def test_what_was_not_used_for_a_month_is_deleted(table, kept):
    load_examples(experiment(table), [table])
    (old,) = kept.iterdir()
    os.utime(old, (0, time.time() - 31 * 86_400))
    load_examples(experiment(table, splits={"seed": 1}), [table])
    assert old not in kept.iterdir()


def test_a_cache_that_cannot_be_written_costs_time_only(table, monkeypatch):
    (table / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(table / "file"))
    assert len(load_examples(experiment(table), [table]).ids) == 60


def test_tokens_from_disk_reach_other_processes_without_a_copy(table, tiny_encoder):
    encoded = encode(load_examples(experiment(table), [table]), tiny_encoder, max_length=16, pretrained="x")
    outside: list[pickle.PickleBuffer] = []
    inside = pickle.dumps(encoded.tokens, protocol=5, buffer_callback=outside.append)
    assert len(inside) < 500 < sum(len(buffer.raw()) for buffer in outside)
    np.testing.assert_array_equal(pickle.loads(inside, buffers=outside), encoded.tokens)


@pytest.mark.parametrize("error", [KeyboardInterrupt, EncoderError])
def test_what_could_not_be_finished_leaves_nothing(kept, error):
    def fail(folder):
        (folder / "part").write_text("x")
        raise error("stopped")

    with pytest.raises(error):
        cache.keep_entry(fail, "tokens", 1)
    assert list(kept.iterdir()) == []


def test_a_value_is_made_once(kept):
    made = []
    for _ in range(2):
        assert cache.kept_value(lambda: made.append(0) or [1, 2], "size", "x") == [1, 2]
    assert len(made) == 1
