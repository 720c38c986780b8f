"""Numbers of tokens of many texts: estimated from a sample until all are tokenised, and then as they are."""

import re
from dataclasses import replace

import numpy as np
import pytest

from mtlens.cli.plan_output import print_plan
from mtlens.data import token_counts
from mtlens.data.cache import VARIABLE
from mtlens.data.token_counts import TokenCounts
from mtlens.data.tokenize import encode
from mtlens.execution.cost import count_flops
from mtlens.execution.experiment import run_experiment
from mtlens.execution.overview import Overview
from mtlens.store.workspace.workspace import Workspace


@pytest.fixture
def counts(examples, tiny_encoder, tmp_path, monkeypatch):
    """Makes the counts of 240 texts of 5 to 30 tokens, 80 of which are a sample."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr("mtlens.data.stored_tokens.WORTH_KEEPING", 100)
    monkeypatch.setattr(token_counts, "_SAMPLE", 80)
    monkeypatch.setattr(token_counts, "_MANY", 160)
    monkeypatch.setattr(token_counts, "_LABELLED", 5)

    def make(long_texts="head", max_length=12):
        return TokenCounts(
            examples=examples, directory=tiny_encoder, max_length=max_length, long_texts=long_texts, pretrained="p"
        )

    return make


def test_estimated_lengths_are_near_the_true_ones(counts, examples, tiny_encoder):
    found, exact = counts().sized, encode(examples, tiny_encoder, max_length=12)
    assert 80 <= found.counted <= 90
    assert found.lengths.sum() == pytest.approx(exact.lengths.sum(), rel=0.02)
    assert np.abs(found.uncut - exact.uncut).mean() < 1
    assert found.cut == pytest.approx(exact.cut, abs=15)
    assert found.lengths.max() == 12
    for split in ("train", "validation", "test"):
        np.testing.assert_array_equal(found.rows(split, [1]), exact.rows(split, [1]))


def test_lengths_of_the_sample_are_counted(counts, examples, tiny_encoder):
    made, exact = counts(), encode(examples, tiny_encoder, max_length=12)
    rows = [examples.ids.index(name) for name in made.sample.ids]
    assert len(rows) == made.sized.counted
    np.testing.assert_array_equal(made.sized.uncut[rows], exact.uncut[rows])
    np.testing.assert_array_equal(made.sample.labels, examples.labels[rows])


@pytest.mark.parametrize("longest", [6, 9, 12])
def test_each_window_has_its_special_tokens(counts, examples, tiny_encoder, longest):
    found = counts(long_texts="windows", max_length=longest).sized
    exact = encode(examples, tiny_encoder, max_length=longest, long_texts="windows")
    assert found.lengths.sum() == pytest.approx(exact.lengths.sum(), rel=0.02)
    same = found.uncut == exact.uncut
    assert same.sum() > 80
    np.testing.assert_array_equal(found.lengths[same], exact.lengths[same])


def test_a_sample_has_training_texts_of_every_task(counts, examples, tiny_encoder, monkeypatch):
    """Of a task with few labels too: its models are timed on them."""
    labels = examples.labels.copy()
    labels[np.arange(240) % 24 > 0, 1] = -1
    monkeypatch.setattr(token_counts, "_SAMPLE", 4)
    made = replace(counts(), examples=replace(examples, labels=labels))
    assert len(made.sample.rows("train", [1])) == 4  # all that there are
    assert made.sized.counted == len(made.sample.ids) < 240


def test_once_all_texts_are_tokenised_nothing_is_estimated(counts):
    assert counts().sized.counted
    made = counts()
    np.testing.assert_array_equal(made.encoded.lengths, made.sized.lengths)  # in this process
    assert counts().sized.counted is None  # on disk
    assert counts(max_length=10).sized.counted  # tokenised in another way


def test_few_texts_are_counted(counts, monkeypatch):
    monkeypatch.setattr(token_counts, "_MANY", 240)
    made = counts()
    assert made.sized is made.sample is made.encoded


def test_a_plan_says_what_it_estimates(search_plan, tmp_path, monkeypatch, capsys):
    exact, _ = count_flops(plan := search_plan(3), plan.distinct)
    monkeypatch.setattr(token_counts, "_SAMPLE", 40)
    monkeypatch.setattr(token_counts, "_MANY", 80)
    monkeypatch.setattr(token_counts, "_LABELLED", 5)
    plan = search_plan(3)
    print_plan(Overview.of(plan, tmp_path / "results"))
    printed = " ".join(capsys.readouterr().out.split())
    assert re.search(r"about \d+ tokens a text \(estimated from 4\d texts\)", printed)
    assert "at most, " not in printed
    assert "encoded" not in plan.tokens.__dict__
    assert count_flops(plan, plan.distinct)[0] == pytest.approx(exact, rel=0.05)


def test_a_run_tokenises_all_texts_and_nothing_else(search_plan, tmp_path, monkeypatch):
    monkeypatch.setattr(token_counts, "_MANY", 80)
    sizes, tokenise = [], token_counts.encode
    monkeypatch.setattr(
        token_counts, "encode", lambda some, *rest, **how: sizes.append(len(some.ids)) or tokenise(some, *rest, **how)
    )
    plan, workspace = search_plan(2), Workspace.open(tmp_path / "results")
    run_experiment(plan, workspace, explain=False, local=True, address=None, show=lambda _: None)
    assert sizes == [96]
