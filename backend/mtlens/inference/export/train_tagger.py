"""Trains the learned tagger on synthetic reports, whose tags are known: an encoder, one pass over a few thousand reports.

Reports come from many corpora, and so from many practices, and each is read once. Practices reserved for tests are left out,
and experiments are unlikely to have drawn the same corpora. Word embeddings are not trained, so words that occur in no report
are still read as by the pretrained encoder.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import generate
from mtlens.data.synthetic_reports.anatomy import REGIONS, Region
from mtlens.data.tokenizer import load_tokenizer, most_tokens
from mtlens.inference.model.sentence_tagger import WINDOW, Learned, SentenceModel, TaggerConfig, Window, WindowCutter, collate
from mtlens.inference.model.weights import load_encoder
from mtlens.inference.segmentation import Tagger, split
from mtlens.inference.segmentation.levels import REGION_OF
from mtlens.inference.segmentation.scoring import TagScore, score_tagger, true_tags
from mtlens.inference.segmentation.tagging import Tags
from mtlens.training.batches import learning_rate_factor
from mtlens.training.hardware import Hardware

CORPORA = 12  # of each region
REPORTS = 100  # of each corpus
EXAMINED = 800  # reports of a corpus, of which 7 % are of unseen practices
SEED = 500_000  # of the first corpus
BATCH = 4  # windows
RARE = -2.0  # logit to begin with: few of all pairs of a sentence and a segment are true
RATE, HEAD_RATE = 3e-4, 3e-3
WARMUP, DECAY, CLIP = 0.1, 0.01, 1.0

TrainingReport = tuple[Window, list[Tags]]


def train_tagger(directory: Path, hardware: Hardware, show: Callable[[str], None]) -> Learned:
    """A tagger for every motion segment that mtlens knows, on the pretrained encoder in `directory`."""
    torch.manual_seed(SEED)
    tokenizer = load_tokenizer(directory)
    encoder = load_encoder(directory)
    encoder.get_input_embeddings().weight.requires_grad_(False)
    levels = tuple(REGION_OF)
    config = TaggerConfig(levels=levels, window=min(WINDOW, most_tokens(tokenizer, directory)))
    head = nn.Linear(int(encoder.config.hidden_size), len(levels))
    nn.init.constant_(head.bias, RARE)
    model = SentenceModel(encoder, head).to(hardware.device)
    tagger = Learned(config=config, tokenizer=tokenizer, model=model, hardware=hardware)
    _train(tagger, training_set(WindowCutter(tokenizer, config.window)), show)
    model.eval()
    return tagger


def training_set(cutter: WindowCutter) -> list[TrainingReport]:
    """Windows of reports of seen practices, in random order, with the true tags of the sentences of their reports."""
    found: list[TrainingReport] = []
    for number in range(CORPORA):
        related = number / max(CORPORA - 1, 1)
        for region in REGIONS:
            corpus = generate(Spine(region=region, reports=REPORTS, relatedness=related, seed=SEED + number))
            for report in corpus.reports:
                if not report.unseen:
                    sentences = split(report.text)
                    tags = true_tags(report, sentences)
                    found += [(window, tags) for window in cutter.cut(sentences)]
    return [found[place] for place in np.random.default_rng(SEED).permutation(len(found))]


def examine(tagger: Tagger, regions: Sequence[Region]) -> TagScore:
    """The tagger's score on reports of the practices reserved for tests."""
    corpora = [generate(Spine(region=region, reports=EXAMINED, seed=SEED + CORPORA)) for region in regions]
    return score_tagger(tagger, [report for corpus in corpora for report in corpus.reports if report.unseen])


def _train(tagger: Learned, examples: Sequence[TrainingReport], show: Callable[[str], None]) -> None:
    """AdamW on the mean binary cross-entropy over sentences and segments; the rate warms up and decays linearly."""
    model, hardware = tagger.model.train(), tagger.hardware
    optimiser = _optimiser(model)
    loss_of = nn.BCEWithLogitsLoss()
    steps = range(0, len(examples), BATCH)
    for step, begin in enumerate(steps):
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * learning_rate_factor(step, len(steps), WARMUP)
        batch = examples[begin : begin + BATCH]
        places, tensors = collate([(row, window) for row, (window, _) in enumerate(batch)], _padding(tagger), hardware)
        target = torch.tensor([[level in batch[row][1][number] for level in tagger.config.levels] for row, number in places])
        with hardware.autocast():
            logits = model(*tensors, len(places))
        loss = loss_of(logits, target.float().to(hardware.device))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        optimiser.zero_grad()
        if step % 20 == 0:
            show(f"tagger: {begin + len(batch):,} of {len(examples):,} reports, loss {float(loss.detach()):.3f}")


def _padding(tagger: Learned) -> int:
    return int(tagger.tokenizer.pad_token_id)


def _optimiser(model: SentenceModel) -> torch.optim.AdamW:
    trained = [parameter for parameter in model.encoder.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in trained if parameter.ndim > 1], "peak": RATE, "weight_decay": DECAY},
        {"params": [parameter for parameter in trained if parameter.ndim <= 1], "peak": RATE, "weight_decay": 0.0},
        {"params": list(model.head.parameters()), "peak": HEAD_RATE, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=RATE, fused=True)
