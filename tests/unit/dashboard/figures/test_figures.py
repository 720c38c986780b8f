"""Figures of every store show what the Infos say, tell it in words too, and show stored names as text."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from mtlens_dashboard.catalog import ENTRIES
from mtlens_dashboard.figures.theme import DARK, LIGHT
from mtlens_dashboard.wording.formatting import minus
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT
from tests.support.fake_stores import HOSTILE

STORES = ("empty", "partial", "without_evidence", "full", "with_arms", "with_sweep", "hostile", "many_tasks")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def spec(figure: go.Figure) -> dict[str, Any]:
    return json.loads(figure.to_json() or "")


def assert_is_a_short_sentence(title: str) -> None:
    """Of at most 90 characters, in words that need no decoding."""
    assert 0 < len(title) <= 90
    assert ". " not in title.replace("vs. ", "")
    assert not re.search("cannot be told|may do|open", title)


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("store", STORES)
def test_every_figure_of_every_store(stores: fake_stores.Stores, store: str, name: str) -> None:
    entry = ENTRIES[name]
    info = entry.read(stores[store], EXPERIMENT)
    for theme in (LIGHT, DARK):
        figure = entry.draw(info, theme=theme)
        assert_is_a_short_sentence(figures.title_of(figure))
        assert len(figures.alt_of(figure)) > 40
        assert figure.layout.uirevision == "keep"
        assert 60 < figure.layout.height < 5000
        assert figure.layout.paper_bgcolor is None  # that of the template
        drawn = spec(figure)
        del drawn["layout"]["meta"]
        shown = "\n".join(strings(drawn))
        assert not any(raw in shown for raw in ("<script", "<b>bold", "$x$", "<i>a</i>", "nan", "None", "n" * 61))
    assert all(len(row) == len(table.columns) for table in [entry.tabulate(info)] for row in table.rows)


@pytest.mark.parametrize("name", ENTRIES)
def test_empty_figures_say_what_is_missing(stores: fake_stores.Stores, name: str) -> None:
    figure = ENTRIES[name].draw(ENTRIES[name].read(stores["empty"], EXPERIMENT))
    assert len(figure.data) == 0
    assert figures.title_of(figure).startswith(("No ", "Nothing ", "Nobody "))


def test_height_grows_with_the_tasks(stores: fake_stores.Stores, full: Workspace) -> None:
    for read, draw in ((queries.matching, figures.forest), (queries.case, figures.case)):
        few, many = draw(read(full, EXPERIMENT)), draw(read(stores["many_tasks"], EXPERIMENT))
        assert many.layout.height > 3 * few.layout.height


def test_a_titled_figure_stands_alone(full: Workspace) -> None:
    figure = figures.forest(queries.matching(full, EXPERIMENT))
    alone = figures.titled(figure, DARK)
    assert alone.layout.annotations[-1].text.replace("<br>", " ") == figures.title_of(figure) == figures.title_of(alone)
    assert len(alone.layout.annotations) == len(figure.layout.annotations) + 1
    assert alone.layout.paper_bgcolor == DARK.paper
    inside = [one.layout.height - one.layout.margin.t for one in (figure, alone)]
    assert inside[0] == inside[1]


def test_confusion_shows_shares_of_the_true_class(full: Workspace) -> None:
    figure = figures.confusion(queries.confusion(full, EXPERIMENT, "cord"))
    for panel in (trace for trace in figure.data if trace.type == "heatmap"):
        assert np.array(panel.z).sum(axis=1) == pytest.approx(np.ones(3))


@pytest.mark.parametrize(
    ("first", "last", "title"),
    [
        (-0.34, 0.25, f"cosine from {minus('-0.34')} to 0.25"),
        (-0.34, 2.59, f"cosine {minus('-0.34')} at the start, hidden by noise at the end"),
        (None, 0.25, "cosine 0.25 at the end, hidden by noise at the start"),
        (-1.2, 2.59, "undecided because of noise"),
    ],
)
def test_a_cosine_beyond_1_is_told_in_words(full: Workspace, first: float | None, last: float, title: str) -> None:
    one = queries.alignments(full, EXPERIMENT)[1]
    ends = [
        replace(one, layer=layer, stage=stage, epoch=None, cosine=cosine, low=0.1, high=0.4, statement="inconclusive")
        for stage, cosine in (("start", first), ("end", last))
        for layer in (None, 0)
    ]
    assert figures.title_of(figures.stage_map(ends)) == f"Gradients of {one.task_a} and {one.task_b}: {title}"


def test_hostile_names_are_shown_as_they_are(stores: fake_stores.Stores) -> None:
    figure = figures.forest(queries.matching(stores["hostile"], EXPERIMENT))
    notes = [note.text for note in figure.layout.annotations]
    assert any(note.startswith("<b>&lt;script&gt;") for note in notes)
    assert HOSTILE[2] not in "\n".join(notes)
