"""F1 of spans: a predicted span is a hit where the text has a span of the same beginning, end and type."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mtlens.statistics.metrics.base import MetricOfClass
from mtlens.statistics.metrics.confusion import f1_from_counts
from mtlens.statistics.spans import NOTHING, as_numbers, of_types


class SpanF1(MetricOfClass):
    """2 hits / (true + predicted spans) over all texts, in [0, 1], or of the spans of one type: `span_f1(PER)`.

    `seqeval`'s `f1_score(mode="strict")`, with its micro average over types. Tjong Kim Sang and De Meulder 2003, "Introduction
    to the CoNLL-2003 shared task". Its statistics are counts of each text, so that texts or patients are resampled whole.
    """

    name = "span_f1"
    label = "span F1"
    reads = "spans"

    def statistics(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> Any:
        """True spans of each text, then hits and predicted spans of each model, `[1 + 2 M, n]`."""
        truth, said = self._numbers(labels), self._numbers(predicted)
        hits = np.stack([_are_in(of_model, truth) for of_model in said])
        counts = [(truth != NOTHING).sum(axis=1)[None], hits.sum(axis=2), (said != NOTHING).sum(axis=2)]
        return sparse.csr_array(np.concatenate(counts).astype(np.float64))

    def scores(self, sums: NDArray[np.float64], num_classes: int) -> NDArray[np.float64]:
        """2 hits / (true + predicted), `[r, M]`."""
        hits, predicted = np.split(sums[:, 1:], 2, axis=1)
        return f1_from_counts(hits, sums[:, :1], predicted)

    def by_chance(self, labels: NDArray[Any], predicted: NDArray[Any], num_classes: int) -> tuple[float, float]:
        """Mean and standard deviation of the models' mean score over all orders of the texts' true spans.

        Exact, as the numbers of spans stay: with a_ij the hits of text i's predictions among text j's spans, weighted by
        2 / (true + predicted spans) and averaged over models, the score is the sum over i of a_(i, order of i). Hoeffding 1951,
        "A combinatorial central limit theorem".
        """
        truth, said = self._numbers(labels), self._numbers(predicted)
        known, places = np.unique(np.concatenate([truth.ravel(), said.ravel()]), return_inverse=True)
        n, columns = len(labels), len(known)
        true_of = _incidence(places[: truth.size].reshape(truth.shape), truth, columns)
        said_of = sparse.csr_array((n, columns))
        for of_model, own in zip(said, places[truth.size :].reshape(said.shape), strict=True):
            found = _incidence(own, of_model, columns)
            said_of = said_of + found * (2 / max(true_of.sum() + found.sum(), 1) / len(said))
        of_place, of_label = said_of @ true_of.sum(axis=0) / n, true_of @ said_of.sum(axis=0) / n
        mean = float(of_place.sum())
        squares = float(((said_of.T @ said_of) * (true_of.T @ true_of)).sum())
        centred = squares - n * float((of_place**2).sum()) - n * float((of_label**2).sum()) + mean**2
        return mean, math.sqrt(max(centred, 0.0) / max(n - 1, 1))

    def _numbers(self, spans: NDArray[Any]) -> NDArray[np.int64]:
        """One number for each span that is judged."""
        numbers = as_numbers(spans)
        return numbers if self.positive is None else np.where(of_types(spans) == self.positive, numbers, NOTHING)


def _are_in(said: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which spans of each text are among its true ones, `[n, S]`."""
    known, places = np.unique(np.concatenate([truth.ravel(), said.ravel()]), return_inverse=True)
    texts = len(known) * np.arange(len(truth))[:, None]
    of_truth, of_said = places[: truth.size].reshape(truth.shape) + texts, places[truth.size :].reshape(said.shape) + texts
    return np.isin(of_said, of_truth[truth != NOTHING]) & (said != NOTHING)


def _incidence(places: NDArray[np.int64], spans: NDArray[np.int64], columns: int) -> Any:
    """1 for each text and span that it has, `[n, columns]`."""
    text, position = np.nonzero(spans != NOTHING)
    return sparse.csr_array((np.ones(len(text)), (text, places[text, position])), shape=(len(spans), columns))
