"""Tasks of tags (token classification): spans of the text, each of a type, such as names of persons.

A cell holds a tag for each word (a list, or tags between blanks: BIO, BILOU and their kin), or spans as begin, end and type.
The head gives a tag for each word, at the word's first token; further tokens are ignored. The prediction is the likeliest
sequence of tags that the scheme allows. Words are split at blanks if all spans of the data begin and end there, else at
punctuation too.

Shapes beside those of `base`: L tokens, W words, S spans; a prediction is [W, K + 2]: the probability of each tag, and where
the word begins and ends.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mtlens.config.task import Task
from mtlens.errors import ExperimentError
from mtlens.statistics.metrics import find_metric
from mtlens.statistics.metrics.base import Reads
from mtlens.statistics.spans import NOTHING, of_types, padded
from mtlens.tasks.base import FoundSpan, TaskKind
from mtlens.tasks.labels import MISSING, Labels
from mtlens.tasks.tag_cells import spans_of_cell
from mtlens.tasks.tag_schemes import OUTSIDE, found_spans, likeliest, parsed, tag_names
from mtlens.tasks.words import PLACES, bounds, parting_of

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100
"""Target of a token that no word begins at; the value that PyTorch's cross-entropy leaves out."""


class Tags(TaskKind):
    """Spans of C types, by a softmax over the tags of each word and the cross-entropy, in which all words weigh alike."""

    name = "tags"
    metric = "span_f1"
    reported = ("span_f1",)
    columns: ClassVar[Mapping[Reads, tuple[str, str]]] = {"spans": ("true_spans", "predicted_spans")}
    groups = "types of spans"
    fewest_groups = 1
    reads_tokens = True

    def check(self, task: Task) -> None:
        """One type or more; values of the column stand for tags of these."""
        if task.columns or task.separator:
            raise ExperimentError("`columns` and `separator` should be of a task of kind multilabel; found tags")
        if not task.classes:
            raise ExperimentError(f"task {task.name!r} of kind tags should have the types of its spans as classes; found none")
        for tag in task.labels.values():
            if (found := parsed(tag)) is None or found[1] not in ("", *task.classes):
                named = ", ".join(tag_names(task.classes, "BIO"))
                raise ExperimentError(f"labels of task {task.name!r} should mean tags such as {named}; found {tag!r}")

    def read(self, task: Task, values: Sequence[str | None], where: Callable[[int], str]) -> Labels:
        """Not possible: cells cannot be read without their texts."""
        raise ExperimentError(f"task {task.name!r} of kind tags should be read with its texts")

    def read_with_texts(
        self, task: Task, cells: Mapping[str, Sequence[str | None]], texts: Sequence[str], where: Callable[[int], str]
    ) -> Labels:
        """Spans of each text. An absent or empty cell is not labelled, and an empty list is a text without spans."""
        rows: list[list[int]] = []
        known = np.zeros(len(texts), dtype=np.bool_)
        for row, (cell, text) in enumerate(zip(cells[task.column], texts, strict=True)):
            known[row] = cell is not None and bool(cell.strip()) and cell.strip() not in task.missing
            spans = spans_of_cell(task, cell or "", text, where(row)) if known[row] else []
            rows.append([number for span in spans for number in span])
        return Labels.of_values(padded(rows, 3).astype(np.float64), known)

    def remarks(self, task: Task, labels: Labels, texts: Sequence[str]) -> list[str]:
        """How words are separated, and how many spans therefore cannot be predicted."""
        spans = true_spans(labels)[labels.known]
        known = [text for text, is_known in zip(texts, labels.known.tolist(), strict=True) if is_known]
        own = [text_spans[text_spans[:, 2] != NOTHING, :2] for text_spans in spans.reshape(len(spans), -1, 3)]
        parting = parting_of(known, own)
        split = sum(
            _inside_words(bounds(text, parting), text_spans)
            for text, text_spans in zip(known, own, strict=True)
            if len(text_spans)
        )
        parted = "blanks" if parting == "blanks" else "blanks and punctuation"
        reach = f"; {split:,} begin or end inside a word, and cannot be predicted exactly" if split else ""
        return [f"{task.name}: {sum(map(len, own)):,} spans of words that are separated by {parted}{reach}"]

    def members(self, task: Task, labels: Labels) -> dict[str, NDArray[np.bool_]]:
        """The texts with a span of each type."""
        types = of_types(true_spans(labels))
        return {name: (types == index).any(axis=1) & labels.known for index, name in enumerate(task.classes)}

    def outputs(self, task: Task) -> int:
        """One output for each tag."""
        return len(tag_names(task.classes, task.scheme))

    def label_table(self, task: Task, labels: Labels, balanced: bool) -> NDArray[Any]:
        """The tag of each token of each text, `[n, L]`: IGNORED where no word begins."""
        words = labels.words
        assert words is not None
        text = np.repeat(np.arange(len(words.starts) - 1), np.diff(words.starts))
        tagged = words.tags != MISSING
        table = np.full((len(words.starts) - 1, int(words.token.max(initial=0)) + 1), IGNORED, dtype=np.int16)
        table[text[tagged], words.token[tagged]] = words.tags[tagged]
        return table

    def example_weights(self, table: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """The number of words of each text."""
        return (table[codes] != IGNORED).sum(axis=1).astype(np.float32)

    def loss(
        self, task: Task, logits: "Tensor", labels: "Tensor", table: "Tensor", reduction: Literal["sum", "mean"]
    ) -> "Tensor":
        """Cross-entropy of the words' tags. logits `[b, L, K]`."""
        from torch.nn import functional

        known = labels != MISSING
        targets = _targets(table[labels[known]], logits.shape[1])
        total = functional.cross_entropy(logits[known].flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")
        return total if reduction == "sum" else total / (targets != IGNORED).sum().clamp(min=1)

    def margin(self, task: Task, logits: "Tensor", label: int, table: "Tensor") -> "Tensor":
        """log(p / (1 - p)) with p the geometric mean over the words of the probabilities of their tags."""
        import torch

        targets = _targets(table[label][None], logits.shape[1])[0]
        words = (targets != IGNORED).nonzero()[:, 0]
        log_p = logits[0, words].log_softmax(dim=1)[torch.arange(len(words)), targets[words]].sum() / max(len(words), 1)
        return log_p - torch.log(-torch.expm1(log_p.clamp(max=-1e-7)))

    def probabilities(self, task: Task, logits: "Tensor") -> "Tensor":
        """Probability of each tag at each token, `[b, L, K]`."""
        return logits.softmax(dim=-1)

    def calibrated(self, task: Task, logits: "Tensor", scale: tuple[float, ...], temperature: float) -> "Tensor":
        """Predictions without temperature."""
        return self.predict(task, logits, scale)

    def width(self, task: Task) -> int:
        """Numbers in the prediction for one word."""
        return self.outputs(task) + PLACES

    def mean_loss(self, task: Task, labels: Labels, said: NDArray[np.float32]) -> float:
        """Mean negative log-probability of the words' tags, in nats."""
        words = labels.words
        assert words is not None
        place, exists = words.places(labels.codes.astype(np.int64), said.shape[1])
        text, word = np.nonzero(exists & ~np.isnan(said[..., 0]))
        likely = said[text, word, words.tags[place[text, word]]]
        return float(-np.log(np.maximum(likely, 1e-30)).mean()) if len(likely) else 0.0

    def stored(
        self, task: Task, labels: Labels, said: NDArray[np.float32], tuned: tuple[float, ...] = ()
    ) -> dict[str, NDArray[Any]]:
        """The true and the predicted spans, one after another: begin, end and index of the type."""
        return {"true_spans": true_spans(labels), "predicted_spans": predicted_spans(task, said)}

    def by_class(self, task: Task, columns: Mapping[str, NDArray[Any]]) -> list[tuple[str, str, float]]:
        """Span F1 of every type."""
        both = columns["true_spans"], columns["predicted_spans"]
        count = len(task.classes)
        return [("span_f1", name, find_metric(f"span_f1({name})", task.classes).value(*both, count)) for name in task.classes]

    def spans(self, task: Task, text: str, said: NDArray[np.float32]) -> tuple[FoundSpan, ...]:
        """The spans of one text from its prediction `[W, K + 2]`, each with the mean probability of its words' tags."""
        tags = likeliest(said[None, :, :-PLACES], len(task.classes), task.scheme)
        found = found_spans(tags, task.scheme)
        spans: list[FoundSpan] = []
        for first, last, kind in zip(found.first, found.last, found.kind, strict=True):
            begin, end = int(said[first, -2]), int(said[last, -1])
            likely = said[np.arange(first, last + 1), tags[0, first : last + 1]]
            spans.append(
                FoundSpan(
                    type=task.classes[kind],
                    start=begin,
                    end=end,
                    text=text[begin:end],
                    probability=round(float(likely.mean()), 4),
                )
            )
        return tuple(spans)

    def in_words(self, task: Task, said: NDArray[np.float32], tuned: tuple[float, ...] = ()) -> str:
        """Type and characters of each span, as there is no text."""
        row = predicted_spans(task, said[None])[0]
        return ", ".join(f"{task.classes[kind]} {begin}-{end}" for begin, end, kind in row.reshape(-1, 3).tolist()) or OUTSIDE

    def confidence(self, said: NDArray[np.float32]) -> float | None:
        """None: each span has a probability of its own."""
        return None

    def agreement(self, task: Task, said: NDArray[np.float32], parts: NDArray[np.float32]) -> NDArray[np.float32]:
        """The number of spans in each part."""
        return (of_types(predicted_spans(task, parts)) != NOTHING).sum(axis=1).astype(np.float32)


def true_spans(labels: Labels) -> NDArray[np.int64]:
    """The spans of each text, `[n, 3 S]`; none where it has no labels."""
    assert labels.values is not None
    spans = np.full((len(labels.codes), labels.values.shape[1]), NOTHING, dtype=np.int64)
    spans[labels.known] = labels.values[labels.codes[labels.known]]
    return spans


def predicted_spans(task: Task, said: NDArray[np.float32]) -> NDArray[np.int64]:
    """The spans of each text, `[n, 3 S]`, from the predictions for its words `[n, W, K + 2]`."""
    found = found_spans(likeliest(said[..., :-PLACES], len(task.classes), task.scheme), task.scheme)
    counts = np.bincount(found.text, minlength=len(said))
    place = np.arange(len(found.text)) - np.repeat(np.cumsum(counts) - counts, counts)
    spans = np.full((len(said), max(int(counts.max(initial=0)), 1), 3), NOTHING, dtype=np.int64)
    spans[found.text, place] = np.stack(
        [said[found.text, found.first, -2], said[found.text, found.last, -1], found.kind], axis=1
    ).astype(np.int64)
    return spans.reshape(len(said), -1)


def _targets(tags: "Tensor", length: int) -> "Tensor":
    """Tags of as many tokens as a batch has, `[b, length]`; there are fewer where the texts of other labels are shorter."""
    from torch.nn import functional

    return functional.pad(tags[:, :length], (0, max(0, length - tags.shape[1])), value=IGNORED).long()


def _inside_words(words: NDArray[np.int64], spans: NDArray[np.int64]) -> int:
    """Spans that do not begin and end where words do."""
    return int((~(np.isin(spans[:, 0], words[:, 0]) & np.isin(spans[:, 1], words[:, 1]))).sum())
