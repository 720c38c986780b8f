"""A learned tagger: which motion segments a sentence is about, read in the context of its report.

"At this level" and "the remaining levels" mean nothing alone. So the encoder reads a whole report at once, each section after
its name. One linear head gives each token a logit per motion segment, and the logit of a sentence is the largest of its tokens:
one token that names a level is enough. It is multi-label: a segment is a tag where its probability is above one half. A report
longer than the encoder can take is read in windows, each of which repeats up to half a window of what came before.

Shapes: b windows in a batch, L tokens, n sentences in it, d hidden units, S motion segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from mtlens.config.sections import Spec
from mtlens.data.synthetic_reports.anatomy import GENERAL
from mtlens.inference.model.weights import padded
from mtlens.inference.segmentation import Sentence
from mtlens.inference.segmentation.tagging import Tags
from mtlens.training.hardware import Hardware

NEVER = -20.0  # least logit, that of a sentence without tokens
SEGMENTS = "segments"  # name of the head
WINDOW = 512  # tokens
BATCH = 16  # windows
_MOST_BEFORE = 8  # tokens before a sentence: a separator and the name of its section


FolderName = Annotated[str, Field(pattern=r"^[\w-]{1,100}$")]
"""Of a folder inside another: it cannot lead out of it."""


class TaggerConfig(Spec):
    """levels: the motion segments, in the order of the head's logits. window: most tokens in one window."""

    folder: FolderName = "tagger"
    levels: tuple[str, ...]
    window: Annotated[int, Field(ge=32, le=8192)]


class SentenceModel(nn.Module):
    """Logits of every sentence from one pass over its report."""

    def __init__(self, encoder: nn.Module, head: nn.Linear):
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, tokens: Tensor, mask: Tensor, owners: Tensor, number: int) -> Tensor:
        """tokens, mask, owners [b, L] -> [number, S]. owners: which sentence a token belongs to, -1 for none."""
        hidden = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state.float()
        owned = owners >= 0
        of_token = self.head(hidden[owned]).float()
        of_sentence = owners[owned][:, None].expand_as(of_token)
        return of_token.new_full((number, of_token.shape[1]), NEVER).scatter_reduce(0, of_sentence, of_token, "amax")


@dataclass(frozen=True, kw_only=True)
class Window:
    """Part of a report. owners: number of the sentence of each token, -1 for tokens that are only context."""

    tokens: tuple[int, ...]
    owners: tuple[int, ...]


class WindowCutter:
    """Cuts reports into windows. window: largest number of tokens in a window."""

    def __init__(self, tokenizer: Any, window: int):
        self.tokenizer = tokenizer
        special: list[int] = tokenizer("")["input_ids"]  # such as [CLS] and [SEP]; some tokenizers have none
        self._begin, self._line = special[:1], special[-1:]
        self._room = window - 1
        self._names: dict[str, list[int]] = {}

    def cut(self, report: Sequence[Sentence]) -> list[Window]:
        """Windows such that every sentence is owned by exactly one window."""
        tokens_of = self._tokens([sentence.text for sentence in report])
        windows: list[Window] = []
        start = done = 0
        while done < len(report):
            tokens, owners = list(self._begin), [-1] * len(self._begin)
            end = start
            while end < len(report):
                before = self._before(report, end, first=end == start)
                if end > done and len(tokens) + len(before) + len(tokens_of[end]) > self._room:
                    break
                tokens += [*before, *tokens_of[end]]
                owners += [-1] * len(before) + [end if end >= done else -1] * len(tokens_of[end])
                end += 1
            windows.append(Window(tokens=tuple(tokens), owners=tuple(owners)))
            done = start = end
            room = self._room // 2
            while start > 0 and (room := room - len(tokens_of[start - 1]) - _MOST_BEFORE) >= 0:
                start -= 1
        return windows

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        """Tokens of each sentence, at most those that leave room for as much context."""
        most = self._room // 2 - _MOST_BEFORE
        if not texts:
            return []
        return self.tokenizer(texts, add_special_tokens=False, truncation=True, max_length=most)["input_ids"]

    def _before(self, report: Sequence[Sentence], number: int, *, first: bool) -> list[int]:
        """What stands before a sentence: its section's name where that begins, a separator where a line does."""
        sentence = report[number]
        line = self._line if sentence.starts_line else []
        if not first and report[number - 1].section == sentence.section:
            return line
        if sentence.section not in self._names:
            self._names[sentence.section] = self._plain(f"{sentence.section}:")
        return [*line, *self._names[sentence.section]]

    def _plain(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"][: _MOST_BEFORE - 1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """A trained tagger; see the module."""

    config: TaggerConfig
    tokenizer: Any
    model: SentenceModel
    hardware: Hardware

    def tag(self, reports: Sequence[Sequence[Sentence]]) -> list[list[Tags]]:
        """Tags of each sentence of each report."""
        flat = iter((self.logits(reports) > 0).tolist())
        return [[self._named(next(flat)) for _ in report] for report in reports]

    @torch.inference_mode()
    def logits(self, reports: Sequence[Sequence[Sentence]]) -> Tensor:
        """Logits of the sentences of all reports, in their order, [sentences, S]."""
        cutter = WindowCutter(self.tokenizer, self.config.window)
        windows = [(number, window) for number, report in enumerate(reports) for window in cutter.cut(report)]
        windows.sort(key=lambda pair: -len(pair[1].tokens))
        rows = {place: row for row, place in enumerate((a, b) for a, report in enumerate(reports) for b in range(len(report)))}
        found = torch.full((len(rows), len(self.config.levels)), NEVER)
        for begin in range(0, len(windows), BATCH):
            places, tensors = collate(windows[begin : begin + BATCH], int(self.tokenizer.pad_token_id), self.hardware)
            with self.hardware.autocast():
                found[[rows[place] for place in places]] = self.model(*tensors, len(places)).cpu()
        return found

    def _named(self, is_spoken_of: list[bool]) -> Tags:
        named = frozenset(level for level, is_in in zip(self.config.levels, is_spoken_of, strict=True) if is_in)
        return named or frozenset({GENERAL})


def collate(
    batch: Sequence[tuple[int, Window]], padding: int, hardware: Hardware
) -> tuple[list[tuple[int, int]], tuple[Tensor, Tensor, Tensor]]:
    """The sentences of a batch as (report, number in it), and tokens, mask and owners [b, L]; owners count within the batch."""
    places = [(report, number) for report, window in batch for number in dict.fromkeys(window.owners) if number >= 0]
    order = {place: number for number, place in enumerate(places)}
    tokens = padded([window.tokens for _, window in batch], padding)
    mask = padded([[1] * len(window.tokens) for _, window in batch], 0).bool()
    owners = padded([[order.get((report, number), -1) for number in window.owners] for report, window in batch], -1)
    device = hardware.device
    return places, (tokens.to(device), mask.to(device), owners.to(device))
