"""Labels of tags laid on the tokens of their texts: for each word its first token and its tag."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mtlens.config.task import Task
from mtlens.data.examples import Examples
from mtlens.errors import DataError
from mtlens.statistics.spans import NOTHING
from mtlens.tasks import MISSING, Labels, Words, kind_of
from mtlens.tasks.tag_schemes import tags_of
from mtlens.tasks.words import Parting, parting_of, read_words

Values = tuple[NDArray[np.float64] | None, ...]
Floats = NDArray[np.float64]


def aligned(
    examples: Examples, starts: NDArray[np.int64], places: NDArray[np.int32] | None
) -> tuple[NDArray[np.int32], Values, tuple[Words | None, ...]]:
    """Labels `[n, T]`, what their codes stand for, and the words of each task, None where it has none.

    Tags belong to one text, so their code is the example's number. starts: `[n + 1]`, where the tokens of each
    example begin. places: characters of each token.
    """
    of_tokens = [index for index, task in enumerate(examples.tasks) if kind_of(task).reads_tokens]
    if places is None or not of_tokens:
        return examples.labels, examples.values, ()
    if examples.pairs is not None:
        raise DataError(f"task {examples.tasks[of_tokens[0]].name!r} of tags should be of single texts; found pairs")
    labels, values = examples.labels.copy(), list(examples.values)
    words: list[Words | None] = [None] * len(examples.tasks)
    tokens = [places[start:end] for start, end in pairwise(starts)]
    for index in of_tokens:
        own = examples.labels_of(index)
        labels[:, index] = np.where(own.known, np.arange(len(own.codes)), MISSING)
        values[index] = spans_of_examples(own)
        words[index] = _words(examples.tasks[index], examples.texts, spans_of_examples(own), own.known, tokens)
    return labels, tuple(values), tuple(words)


def spans_of_examples(labels: Labels) -> Floats:
    """The spans of each example, `[n, 3 S]`."""
    assert labels.values is not None
    spans = np.full((len(labels.codes), labels.values.shape[1]), float(NOTHING))
    spans[labels.known] = labels.values[labels.codes[labels.known]]
    return spans


def _words(
    task: Task, texts: Sequence[str], values: Floats, known: NDArray[np.bool_], tokens: Sequence[NDArray[np.int32]]
) -> Words:
    """The words that the model reads of each text, with their tags."""
    spans = [text_spans[text_spans[:, 2] != NOTHING].astype(np.int64) for text_spans in values.reshape(len(values), -1, 3)]
    words = words_of(texts, tokens, parting_of(texts, [span[:, :2] for span in spans]))
    tags = np.full(len(words.token), MISSING, dtype=np.int16)
    for index in np.flatnonzero(known).tolist():
        place = words.of_text(index)
        tags[place] = _tags(task, words.begin[place], words.end[place], spans[index])
    return replace(words, tags=tags)


def words_of(texts: Sequence[str], tokens: Sequence[NDArray[np.int32]], parting: Parting) -> Words:
    """The words that the model reads of each text. tokens: characters of each token of each text."""
    found = [read_words(text, own, parting) for text, own in zip(texts, tokens, strict=True)]
    whole = np.concatenate(found).astype(np.int32)
    return Words(
        parting=parting,
        starts=np.concatenate([[0], np.cumsum([len(words) for words in found])]),
        begin=whole[:, 0],
        end=whole[:, 1],
        token=whole[:, 2],
        tags=np.full(len(whole), MISSING, dtype=np.int16),
    )


def _tags(task: Task, begin: NDArray[np.int32], end: NDArray[np.int32], spans: NDArray[np.int64]) -> NDArray[np.int16]:
    """Tag of each word `[w]`: of a span are all words that it touches."""
    first = np.searchsorted(end, spans[:, 0], side="right")
    last = np.searchsorted(begin, spans[:, 1], side="left") - 1
    there = first <= last
    return tags_of(first[there], last[there], spans[there, 2], len(begin), task.scheme)
