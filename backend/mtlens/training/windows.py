"""Texts of several windows: the rows of a batch cut into windows that the encoder can take, and results averaged over them.

A row of more than W tokens holds windows one after another, each but the last of exactly W tokens (`mtlens.data.long_texts`).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Windows(NamedTuple):
    """m windows of a batch of b texts. tokens, mask: [m, W]; owner: [m], the text that each belongs to; texts: b.

    place: [m], position of each window within its text; None where each text is one window.
    """

    tokens: Tensor
    mask: Tensor
    owner: Tensor
    texts: int
    place: Tensor | None = None

    def joined(self, values: Tensor, length: int) -> Tensor:
        """[m, W, d] -> [b, length, d]: values for the tokens of each text, with its windows concatenated."""
        if self.place is None:
            return values
        parts = -(-length // values.shape[1])
        whole = values.new_zeros(self.texts * parts, *values.shape[1:])
        whole[self.owner * parts + self.place] = values
        return whole.view(self.texts, -1, *values.shape[2:])[:, :length]

    def mean(self, values: Tensor) -> Tensor:
        """[m, ...] -> [b, ...]: the mean over the windows of each text."""
        if values.shape[0] == self.texts:
            return values
        counts = torch.bincount(self.owner, minlength=self.texts).view(-1, *[1] * (values.dim() - 1))
        return self.sum(values) / counts

    def sum(self, values: Tensor) -> Tensor:
        """[m, ...] -> [b, ...]: the sum over the windows of each text."""
        return values.new_zeros(self.texts, *values.shape[1:]).index_add(0, self.owner, values)


def cut_windows(tokens: Tensor, mask: Tensor, width: int) -> Windows:
    """Windows of at most `width` tokens of a batch tokens [b, L], mask [b, L]; the batch itself where no row is longer."""
    texts, length = tokens.shape
    owner = torch.arange(texts, device=tokens.device)
    if length <= width:
        return Windows(tokens, mask, owner, texts)
    padding = -length % width
    tokens = nn.functional.pad(tokens, (0, padding)).view(-1, width)  # the mask leaves out what is added
    mask = nn.functional.pad(mask, (0, padding)).view(-1, width)
    kept = mask.any(dim=1)
    parts = len(tokens) // texts
    place = torch.arange(parts, device=tokens.device).repeat(texts)[kept]
    return Windows(tokens[kept], mask[kept], owner.repeat_interleave(parts)[kept], texts, place)
