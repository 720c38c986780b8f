"""Infos of the claim say what its views say, of the latest experiments."""

from dataclasses import replace
from pathlib import Path

import pytest

from mtlens.statistics.claim.kinds import EVIDENCE_KINDS
from mtlens.statistics.claim.points import Point, Points
from mtlens.store.database.reader import query
from mtlens.store.workspace.workspace import Workspace
from mtlens_dashboard import queries
from tests.support import fake_stores
from tests.support.fake_claim import KINDS
from tests.support.fake_evidence import EXPERIMENT
from tests.support.fake_stores import Stores


@pytest.fixture(scope="module")
def sweep(stores: Stores) -> Workspace:
    return stores["with_sweep"]


def test_points_are_those_of_one_kind_of_evidence_in_all_experiments(sweep: Workspace) -> None:
    info = queries.claim(sweep, "tag")
    ((number, gain, value),) = query(sweep, "SELECT count(*), sum(gain), sum(value) FROM claim WHERE evidence = 'tag'").rows
    assert len(info.points) == number == 4 * (6 * 2 + 4)
    assert sum(one.gain or 0.0 for one in info.points) == pytest.approx(gain)
    assert sum(one.value or 0.0 for one in info.points) == pytest.approx(value)
    assert {one.evidence for one in info.predictors} == set(KINDS)
    assert {one.scope for one in info.predictors} == {info.scope} == {"within"}


def test_the_preregistered_evidence_is_shown_first(sweep: Workspace, tmp_path: Path) -> None:
    assert queries.claim(sweep).evidence == "cka_effect_min"
    other = fake_stores.with_sweep(tmp_path)
    fake_stores.change(other, "UPDATE summary.claim_verdict SET evidence = 'cosine_start', scope = 'across'")
    info = queries.claim(other)
    assert (info.evidence, info.scope) == ("cosine_start", "across")
    assert {one.evidence for one in info.points} == {"cosine_start"}


def test_baselines_come_last(sweep: Workspace) -> None:
    kinds = queries.claim_kinds(sweep)
    assert set(kinds) == set(KINDS)
    assert [EVIDENCE_KINDS[kind].baseline for kind in kinds] == [False] * 5 + [True] * 2


def test_thresholds_are_those_of_the_experiment(sweep: Workspace) -> None:
    for kind, of_experiment in (("cka_effect_mean", 0.75), ("cosine_start", 0.2), ("tag", 0.0), ("data_size_ratio", None)):
        found = {one.threshold for one in queries.claim(sweep, kind).points if one.experiment_id == EXPERIMENT}
        assert found == {of_experiment}, kind


def test_a_scope_in_which_nothing_is_defined_is_not_shown_first(sweep: Workspace) -> None:
    assert queries.claim(sweep, "task_mean").scope == "across"
    assert queries.claim(sweep, "task_mean", "within").scope == "within"


def of_statistics(one: queries.ClaimPointInfo) -> Point:
    return Point(
        one.experiment_id, one.data, one.tasks, one.task, one.gain or 0.0, one.gain_low, one.value or 0.0, None, one.verdict
    )


def test_what_was_not_learnt_or_measured_twice_counts_as_in_the_statistics(sweep: Workspace) -> None:
    """The same points as `mtlens.statistics.claim.points`: experiments that share runs have equal gains."""
    info = queries.claim(sweep)
    copies = tuple(replace(one, experiment="copy", experiment_id="copy") for one in info.points[:3])
    lost = replace(info.points[0], verdict="not learnt", gain=0.5)
    shown = replace(info, points=(*copies, *info.points, lost)).known
    counted = Points.of([of_statistics(one) for one in (*copies, *info.points, lost)])
    assert len(shown) == len(counted.gains) == len(info.points)
    assert "copy" not in {one.experiment_id for one in shown}


def test_older_experiments_of_a_name_do_not_count(tmp_path: Path) -> None:
    workspace = fake_stores.with_sweep(tmp_path)
    fake_stores.change(workspace, "UPDATE experiment SET name = 'spine', last_started = last_started - INTERVAL 1 DAY "
                       "WHERE name = 'spine 0'")  # fmt: skip
    assert {one.relatedness for one in queries.claim(workspace).points} == {None, 0.5, 1.0}


def test_the_dose_is_of_data_in_several_degrees(sweep: Workspace, full: Workspace) -> None:
    info = queries.dose(sweep)
    assert {(one.data, one.relatedness) for one in info.points} == {("cervical", degree) for degree in (0.0, 0.5, 1.0)}
    assert {one.evidence for one in info.points} == {"cka_effect_min", "cosine_training"}
    assert queries.dose(full).points == ()
