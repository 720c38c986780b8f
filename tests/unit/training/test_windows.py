"""A text of several windows has the mean logits of its windows, and hidden states of all of its tokens."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtlens.data.tokenize import collate, encode
from mtlens.evidence.representations.hidden_states import hidden_states
from mtlens.training.hardware import prepare
from mtlens.training.model import build_model
from mtlens.training.windows import cut_windows

W = 16


@pytest.fixture
def windowed(examples, tiny_encoder):
    texts = ("disc mild left " * 20, "canal " * 14, "root " * 15, *examples.texts[3:])
    return encode(replace(examples, texts=texts), tiny_encoder, max_length=W, long_texts="windows")


@pytest.fixture
def model(make_run, tiny_encoder, windowed):
    run = make_run()
    training = run.training.model_copy(update={"max_length": W, "long_texts": "windows"})
    return build_model(run.model_copy(update={"training": training}), tiny_encoder, windowed.vocabulary).eval()


def test_windows_are_full_but_the_last(windowed):
    assert windowed.uncut[:3].tolist() == [62, 16, 17]
    assert windowed.lengths[:3].tolist() == [60 + 2 * 5, 16, 16 + 3]
    assert windowed.cut == (windowed.uncut > W).sum()


def test_logits_are_the_mean_over_windows(model, windowed):
    rows = np.array([0, 1, 2, 5])
    tokens, mask = map(torch.from_numpy, collate(windowed, rows))
    with torch.no_grad():
        together = model(tokens, mask)
        for place, row in enumerate(rows):
            own = torch.from_numpy(windowed.vocabulary.astype(np.int64) * 0).sum()  # keeps the dtype of the tokens
            ids = torch.from_numpy(windowed.tokens[windowed.starts[row] : windowed.starts[row + 1]].astype(np.int64)) + own
            parts = [model(part[None], torch.ones(1, len(part), dtype=torch.bool)) for part in ids.split(W)]
            for task, logits in enumerate(together):
                torch.testing.assert_close(logits[place], torch.stack([part[task][0] for part in parts]).mean(dim=0))


def test_hidden_states_are_means_over_all_tokens_of_a_text(model, windowed):
    hardware = prepare("float32", threads=1, gpu=False)
    found = hidden_states(model.encoder, windowed, np.array([0, 1]), hardware, "x", lambda _: None)
    ids = torch.from_numpy(windowed.tokens[windowed.starts[0] : windowed.starts[1]].astype(np.int64))
    with torch.no_grad():
        parts = [model.encoder(input_ids=part[None]).last_hidden_state[0] for part in ids.split(W)]
    words = torch.cat([part[1:-1] for part in parts])
    torch.testing.assert_close(found.mean[-1, 0], words.mean(dim=0), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.cls[-1, 0], torch.stack([part[0] for part in parts]).mean(dim=0), atol=1e-6, rtol=1e-5)


def test_a_batch_of_short_texts_is_one_window_each():
    tokens, mask = torch.ones(3, 8, dtype=torch.long), torch.ones(3, 8, dtype=torch.bool)
    windows = cut_windows(tokens, mask, 8)
    assert windows.tokens is tokens
    values = torch.randn(3, 2)
    assert windows.mean(values) is values
