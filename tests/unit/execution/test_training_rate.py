import pytest

from mtlens.execution import measured_rate, training_rate
from mtlens.training.trainer import Trainer


@pytest.fixture
def timed(monkeypatch):
    """Numbers of rows of the updates that were timed."""
    sizes, update = [], Trainer.update

    def counted(trainer, rows, factor, *, measure):
        sizes.append(len(rows))
        return update(trainer, rows, factor, measure=measure)

    monkeypatch.setattr(Trainer, "update", counted)
    return sizes


def test_updates_of_the_plan_are_timed(search_plan, timed):
    plan = search_plan(2)
    assert measured_rate.measured_rate(plan, plan.distinct[0], threads=1, gpu=False) > 0
    assert timed == [32] * 3


def test_a_large_batch_is_cut(search_plan, timed, monkeypatch):
    monkeypatch.setattr(measured_rate, "_MOST_FLOPS", 1.0)
    plan = search_plan(2)
    assert measured_rate.measured_rate(plan, plan.distinct[0], threads=1, gpu=False) > 0
    assert timed == [1] * 3


def test_a_large_encoder_is_not_loaded(search_plan, timed, monkeypatch):
    monkeypatch.setattr(measured_rate, "_MOST_WEIGHTS", 1)
    plan = search_plan(2)
    assert measured_rate.measured_rate(plan, plan.distinct[0], threads=1, gpu=False) > 0
    assert timed == []


def test_a_rate_is_kept_for_ten_minutes(search_plan, timed, tmp_path, monkeypatch):
    monkeypatch.setenv("MTLENS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(training_rate.time, "time", lambda: 1_000_000.0)
    plan = search_plan(2)
    rate = training_rate.training_rate(plan, plan.distinct[0], threads=1, gpu=False)
    assert training_rate.training_rate(plan, plan.distinct[0], threads=1, gpu=False) == rate
    assert len(timed) == 3
    training_rate.training_rate(plan, plan.distinct[0], threads=2, gpu=False)  # other lanes
    assert len(timed) == 6
    monkeypatch.setattr(training_rate.time, "time", lambda: 1_000_600.0)
    training_rate.training_rate(plan, plan.distinct[0], threads=1, gpu=False)
    assert len(timed) == 9
