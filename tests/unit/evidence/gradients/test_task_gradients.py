"""Gradients of all tasks from one model: equal to those of each task alone, and computed only where its texts are."""

from dataclasses import replace

import numpy as np
import pytest

from mtlens.evidence.gradients import task_gradients as module
from mtlens.evidence.gradients.gradient_rows import gradient_batches_of
from mtlens.evidence.gradients.task_gradients import losses_of, own_gradients, shared_gradients
from mtlens.tasks import MISSING
from mtlens.training.hardware import prepare
from mtlens.training.model import build_model

TABLES = {
    "apart": ([[0], [1]], [1, 1]),  # tasks of each table -> tables that are computed together
    "linked": ([[0], [0, 1]], [2]),
    "one": ([[0, 1]], [1]),
}


@pytest.fixture(params=TABLES)
def layout(request, encoded, make_run, tiny_encoder):
    """A model, one of each task alone with equal weights, microbatches of some tables, and how many tables go together."""
    of_tables, together = TABLES[request.param]
    sources = np.arange(len(encoded.ids), dtype=np.int16) % len(of_tables)
    labels = encoded.labels.copy()
    for table, tasks in enumerate(of_tables):
        for task in {0, 1} - set(tasks):
            labels[sources == table, task] = MISSING
    run = make_run()
    hardware = prepare("float32", threads=1, gpu=False)
    batches = gradient_batches_of(replace(encoded, sources=sources, labels=labels), run, 4, 8, hardware)
    model, *alone = (build_model(own, tiny_encoder, encoded.vocabulary) for own in (run, make_run("grade"), make_run("side")))
    return model, alone, batches, hardware, together


def test_gradients_are_those_of_each_task_alone(layout):
    model, alone, batches, hardware, _ = layout
    together = shared_gradients(model, batches, hardware, permuted=False, report=lambda: None)
    expected = own_gradients(alone, batches, hardware, lambda: None)
    for block, alignment in together.items():
        np.testing.assert_array_equal(alignment.present, expected[block].present)
        np.testing.assert_allclose(alignment.microbatch_products, expected[block].microbatch_products, rtol=1e-4, atol=1e-9)
        np.testing.assert_allclose(alignment.half_products, expected[block].half_products, rtol=1e-4, atol=1e-9)


def test_a_task_is_computed_only_on_the_tables_that_it_has_labels_in_or_shares_tasks_with(layout, monkeypatch):
    model, _, batches, hardware, together = layout
    forward, seen = module._forward, []

    def recorded(model, encoded, rows, hardware):
        seen.append(len(set(encoded.sources[rows].tolist())))
        return forward(model, encoded, rows, hardware)

    monkeypatch.setattr(module, "_forward", recorded)
    shared_gradients(model, batches, hardware, permuted=True, report=lambda: None)
    assert seen == together * len(batches.rows)
    assert all(loss is not None and loss > 0 for loss in losses_of(model, batches, batches.rows[0], hardware))
