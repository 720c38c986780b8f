"""One shared encoder with one linear head per task. A task-specific model is the same with one task.

Shapes: b examples in a batch, L tokens, d hidden units, T tasks, C_j classes of task j, V compacted vocabulary.
"""

import copy
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtlens.config.run import Run
from mtlens.config.sections import Pooling
from mtlens.data.encoders import stored_in_bfloat16
from mtlens.data.tokenizer import UNLIMITED, load_tokenizer, most_tokens
from mtlens.errors import EncoderError
from mtlens.tasks import kind_of
from mtlens.training.adapters import add_adapters
from mtlens.training.pretrained import load_pretrained
from mtlens.training.token_types import add_token_types, type_separator
from mtlens.training.windows import cut_windows


class Features(NamedTuple):
    """Inputs of the heads, after dropout, in float32. pooled: [b, d], of texts; states: [b, L, d], of tokens; or None."""

    pooled: Tensor | None
    states: Tensor | None

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors that are not None."""
        return [tensor for tensor in self if tensor is not None]


class MultiTaskModel(nn.Module):
    """Logits of every task from one pass through the encoder."""

    def __init__(
        self,
        encoder: nn.Module,
        heads: list[nn.Linear],
        *,
        pooling: Pooling,
        dropout: float,
        window: int = UNLIMITED,
        reads_tokens: Sequence[bool] | None = None,
    ):
        """window: largest number of tokens that the encoder reads at once; longer rows are read in windows.

        reads_tokens: for each head, whether it reads the state of each token and not the pooled state; False by default.
        """
        super().__init__()
        self.reads_tokens = tuple(reads_tokens or [False] * len(heads))
        self.encoder = encoder
        self.heads = nn.ModuleList(heads)
        self.dropout = nn.Dropout(dropout)
        self.pooling: Pooling = pooling
        self.window = window

    def forward(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """tokens [b, L], mask [b, L] (true = a real token) -> per task logits [b, C_j] in float32, or of tokens [b, L, C_j]."""
        return self.classify(self.features(tokens, mask))

    def features(self, tokens: Tensor, mask: Tensor) -> Features:
        """Inputs of the heads: pooled hidden states, averaged over the windows of a text, and hidden states of tokens."""
        windows = cut_windows(tokens, mask, self.window)
        hidden = self.encoder(input_ids=windows.tokens, attention_mask=windows.mask).last_hidden_state
        pooled = states = None
        if not all(self.reads_tokens):
            pooled = windows.mean(self.dropout(pool(hidden, windows.mask, self.pooling)))
        if any(self.reads_tokens):
            states = self.dropout(windows.joined(hidden.float(), tokens.shape[1]))
        return Features(pooled, states)

    def classify(self, features: Features) -> list[Tensor]:
        """Per task logits in float32, `[b, C_j]` or `[b, L, C_j]`."""
        return [
            head(features.states if reads_tokens else features.pooled).float()
            for head, reads_tokens in zip(self.heads, self.reads_tokens, strict=True)
        ]


def pool(hidden: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """[b, L, d] -> [b, d] in float32: the first token, the last one, or the mean over real tokens. Padding never enters."""
    if pooling == "cls":
        return hidden[:, 0].float()
    if pooling == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1].float()
    weights = mask.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1)


def build_model(run: Run, directory: Path, vocabulary: NDArray[np.int64]) -> MultiTaskModel:
    """The model of a run before its first step.

    A head's initial weights depend only on the seed and the name of its task, so the task-specific and the multi-task model of
    one seed start with the same head.
    """
    stored = _load_encoder(directory, torch.cuda.is_available(), _dtype(run, directory))
    encoder = _compact(copy.deepcopy(stored), vocabulary, type_separator(_tokenizer(directory)))
    config: Any = encoder.config
    if run.encoder.pooling == "cls" and is_causal(encoder):
        raise EncoderError(f"pooling of {run.encoder.name}, which reads from left to right, should be last or mean; found cls")
    if run.method == "lora":
        torch.manual_seed(run.seed)
        encoder = add_adapters(encoder, rank=run.training.lora.rank, alpha=run.training.lora.alpha)
    heads = [_new_head(config.hidden_size, kind_of(task).outputs(task), f"{run.seed}:{task.name}") for task in run.tasks]
    dropout = float(getattr(config, "hidden_dropout_prob", 0.1))
    longest = min(run.training.max_length, most_tokens(_tokenizer(directory), directory))
    of_tokens = [kind_of(task).reads_tokens for task in run.tasks]
    return MultiTaskModel(encoder, heads, pooling=run.encoder.pooling, dropout=dropout, window=longest, reads_tokens=of_tokens)


def _dtype(run: Run, directory: Path) -> torch.dtype:
    """Weights that stay as they are keep the bfloat16 that they are stored in; those that learn are float32.

    An update that is small beside its weight is lost in the 8 bits of a bfloat16.
    """
    return torch.bfloat16 if run.method == "lora" and stored_in_bfloat16(directory) else torch.float32


@torch.no_grad()
def is_causal(encoder: nn.Module) -> bool:
    """Whether tokens attend only to earlier tokens, so that the first state does not depend on the second token."""
    was_training = encoder.training
    encoder.eval()
    device = next(encoder.parameters(), torch.empty(0)).device
    states = [encoder(input_ids=torch.tensor([[0, token]], device=device)).last_hidden_state[0, 0] for token in (0, 1)]
    encoder.train(was_training)
    return torch.equal(*states)


def untrained_encoder(directory: Path, vocabulary: NDArray[np.int64], seed: int) -> nn.Module:
    """The encoder's architecture with random weights, as its authors initialise it: a floor for comparisons."""
    from transformers import AutoModel

    torch.manual_seed(seed)
    encoder: Any = AutoModel.from_config(copy.deepcopy(_load_encoder(directory, torch.cuda.is_available()).config))
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return _compact(encoder, vocabulary, type_separator(_tokenizer(directory)))


@functools.lru_cache(maxsize=1)
def _load_encoder(directory: Path, gpu: bool, dtype: torch.dtype = torch.float32) -> Any:
    """Kept per process: a lane that trains twenty runs reads the file once."""
    encoder, absent = load_pretrained(directory, eager=not gpu, dtype=dtype)
    if absent:
        raise EncoderError(f"weights of {directory} should be complete; found {len(absent)} missing, such as {absent[0]}")
    return encoder


@functools.lru_cache(maxsize=1)
def _tokenizer(directory: Path) -> Any:
    """Kept as the encoder is."""
    return load_tokenizer(directory)


def _compact(encoder: Any, vocabulary: NDArray[np.int64], separator: int | None = None) -> Any:
    """Keep the embedding rows of the vocabulary that occurs, [V, d]. separator: token id from which token types follow."""
    old = encoder.get_input_embeddings()
    if int(vocabulary[-1]) >= old.num_embeddings:
        raise EncoderError(f"token ids should be below the encoder's {old.num_embeddings} embeddings; found {vocabulary[-1]}")
    rows = old.weight.detach()[torch.from_numpy(vocabulary)].clone()
    new = nn.Embedding.from_pretrained(rows, freeze=False, padding_idx=_place(vocabulary, old.padding_idx))
    encoder.set_input_embeddings(new)
    add_token_types(encoder, _place(vocabulary, separator))
    return encoder


def _place(vocabulary: NDArray[np.int64], token: int | None) -> int | None:
    """Where a token is in the vocabulary; None where it is not."""
    if token is None:
        return None
    place = int(np.searchsorted(vocabulary, token))
    return place if place < len(vocabulary) and vocabulary[place] == token else None


def restore_vocabulary(model: MultiTaskModel, directory: Path, vocabulary: NDArray[np.int64]) -> None:
    """Restore the full vocabulary of the pretrained encoder: tokens that training has not seen get their pretrained rows."""
    encoder: Any = model.encoder
    old = _load_encoder(directory, torch.cuda.is_available()).get_input_embeddings()
    rows = old.weight.detach().clone()
    rows[torch.from_numpy(vocabulary)] = encoder.get_input_embeddings().weight.detach().to(rows.device)
    encoder.set_input_embeddings(nn.Embedding.from_pretrained(rows, freeze=False, padding_idx=old.padding_idx))
    encoder.config.vocab_size = len(rows)
    encoder.config.sep_token_id = type_separator(_tokenizer(directory))


def _new_head(hidden_size: int, num_outputs: int, key: str) -> nn.Linear:
    generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big"))
    head = nn.Linear(hidden_size, num_outputs)
    with torch.no_grad():
        head.weight.normal_(std=0.02, generator=generator)
        head.bias.zero_()
    return head
