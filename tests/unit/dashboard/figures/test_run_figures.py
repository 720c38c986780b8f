"""Figures of runs: when they trained, and how their scores and losses went."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import figures, queries
from tests.support import fake_stores
from tests.support.fake_evidence import EXPERIMENT
from tests.support.fake_stores import START


def test_timeline_rows_do_not_overlap(stores: fake_stores.Stores) -> None:
    now = START + timedelta(minutes=7)
    figure = figures.timeline(queries.runs(stores["partial"], EXPERIMENT), now)
    bars = sorted(
        (lane, base, length) for trace in figure.data for lane, base, length in zip(trace.y, trace.base, trace.x, strict=True)
    )
    assert len(bars) == 12
    for (lane, base, length), (next_lane, next_base, _) in pairwise(bars):
        assert lane != next_lane or base + timedelta(milliseconds=length) <= next_base


def test_many_seeds_are_a_mean_and_a_range() -> None:
    curves = [
        queries.CurveInfo(run_id=f"{seed}", role="single", tasks=("a",), seed=seed, candidate=0, selected=True, state="done",
                        best_epoch=2, still_improving=False, epochs=(1, 2), validation=(0.5, 0.5 + 0.02 * seed),
                        validation_loss=(1.0, None), training_loss=(0.9, 0.2))
        for seed in range(21)
    ]  # fmt: skip
    area, line = figures.learning_curves(curves).data
    assert area.fill == "toself"
    assert "mean of 21 seeds" in line.customdata[1]
    assert "70.0 (50.0 to 90.0)" in line.customdata[1]
    few = figures.learning_curves(curves[:3]).data
    assert [trace.mode for trace in few] == ["lines+markers", "markers"]
    losses = {trace.name: list(trace.y) for trace in figures.learning_curves(curves[:1], "loss").data if trace.name}
    assert losses == {"training loss": [0.9, 0.2, None], "validation loss": [1.0, None, None]}


def test_of_more_models_than_fit_the_multi_task_one_is_shown(stores: fake_stores.Stores) -> None:
    figure = figures.learning_curves(queries.curves(stores["many_tasks"], EXPERIMENT))
    names = [note.text for note in figure.layout.annotations if note.text.startswith("<b>")]
    assert len(names) == 15
    assert names[0].startswith("<b>30 tasks</b>")
    assert any(note.text.startswith("15 of 31 models") for note in figure.layout.annotations)


def test_runs_too_short_to_be_told_apart_are_one_bar(full: Workspace) -> None:
    runs = queries.runs(full, EXPERIMENT)
    late = tuple(
        replace(
            run, started=run.started + timedelta(days=9), finished=run.finished + timedelta(days=9), run_id=f"x{run.run_id}"
        )
        for run in runs
    )
    few, many = (figures.timeline(some, START + timedelta(days=10)).data[0] for some in (runs, (*runs, *late)))
    assert len(few.x) == len(runs) == 15
    assert list(many.customdata) == ["8 runs: done", "7 runs: done"] * 2
    assert sum(many.x) == pytest.approx(sum(few.x) * 2, rel=0.2)
