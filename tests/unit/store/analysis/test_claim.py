"""Gains and evidence of groups, what predicts gains, and verdicts on claims, from fabricated runs and evidence."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats
from typer.testing import CliRunner

import mtlens
from mtlens.cli import claim
from mtlens.cli.main import app
from mtlens.config.claim import Claim
from mtlens.errors import DataError, QueryError
from mtlens.store.analysis import claim_rows, claim_statistics, group_gains
from mtlens.store.analysis.claim_statistics import Measured
from mtlens.store.claim import write_atlas
from mtlens.store.database import reader
from mtlens.store.database.reader import snapshot_path
from mtlens.store.ingest import ingest, rebuild
from mtlens.store.workspace.workspace import Workspace
from tests.support import fake_runs
from tests.support.claimed_groups import EFFECT, fabricate


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace.open(tmp_path_factory.mktemp("claim") / "results")
    fabricate(workspace)
    ingest(workspace, force=True)
    return workspace


def rows(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    return reader.query(workspace, sql).rows


def test_every_task_of_every_group_has_a_gain_on_test_with_interval_and_verdict(workspace: Workspace) -> None:
    counts = "SELECT len(tasks), count(DISTINCT tasks), count(*) FROM claim WHERE evidence = 'tag' GROUP BY ALL ORDER BY ALL"
    assert rows(workspace, counts) == [(2, 6, 12), (3, 1, 3), (4, 1, 4)]
    means = """
        SELECT max(abs(gain - measured)), bool_and(gain_low < gain AND gain < gain_high), count(*)
        FROM claim JOIN group_scores USING (experiment_id, tasks, task) WHERE evidence = 'tag' AND method = 'task means'
    """
    ((difference, inside, count),) = rows(workspace, means)
    assert (difference, inside, count) == (pytest.approx(0, abs=1e-12), True, 19)
    joint = "SELECT task, gain, verdict, seeds FROM claim WHERE len(tasks) = 4 AND evidence = 'tag' ORDER BY task"
    assert rows(workspace, joint) == rows(
        workspace,
        "SELECT task, difference, verdict, seeds FROM matching WHERE kind = 'multi' AND task IS NOT NULL ORDER BY task",
    )
    about = "SELECT DISTINCT experiment, data, relatedness, encoder, unit, margin, latest FROM claim"
    encoder = "sentence-transformers/all-MiniLM-L6-v2"
    assert rows(workspace, about) == [("fake", "synthetic lumbar reports", 0.8, encoder, "score", 0.05, True)]


def value_of(workspace: Workspace, evidence: str, tasks: tuple[str, ...], task: str) -> tuple[float, float, float, float]:
    sql = "SELECT value, low, high, error FROM claim WHERE evidence = ? AND tasks = ? AND task = ?"
    ((value, low, high, error),) = reader.query(workspace, sql, [evidence, list(tasks), task]).rows
    return value, low, high, error


def test_evidence_of_a_pair_is_that_of_the_views_and_of_a_group_the_mean_over_partners(workspace: Workspace) -> None:
    effect = EFFECT["canal", "disc"]
    assert value_of(workspace, "cka_effect_min", ("canal", "disc"), "canal")[0] == pytest.approx(effect / 2)
    assert value_of(workspace, "cka_effect_mean", ("canal", "disc"), "disc")[0] == pytest.approx(0.75 * effect)
    value, low, high, error = value_of(workspace, "cosine_end", ("canal", "disc"), "canal")
    sql = "SELECT cosine, low, high FROM evidence_gradients WHERE stage = 'end' AND task_a = 'canal' AND task_b = 'disc'"
    assert [(value, low, high)] == rows(workspace, sql)
    assert error == pytest.approx((high - low) / 2 / stats.t.ppf(0.975, 2))
    others = [value_of(workspace, "cosine_end", ("canal", other), "canal") for other in ("cord", "disc")]
    value, low, high, error = value_of(workspace, "cosine_end", ("canal", "cord", "disc"), "canal")
    assert value == pytest.approx(np.mean([one[0] for one in others]))
    assert error == pytest.approx(np.hypot(others[0][3], others[1][3]) / 2)
    assert value - low == pytest.approx(np.hypot(*(one[0] - one[1] for one in others)) / 2)
    assert value_of(workspace, "tag", ("canal", "facet"), "canal")[0] == pytest.approx(3.01)  # the partner helps the task
    assert value_of(workspace, "tag", ("canal", "facet"), "facet")[0] == pytest.approx(0.01)


def test_baselines_look_at_validation_and_at_training_labels_alone(workspace: Workspace) -> None:
    assert value_of(workspace, "data_size_ratio", ("canal", "disc"), "canal") == (0, 0, 0, 0)
    scores = """
        SELECT avg(score) FILTER (task = 'disc') - avg(score) FILTER (task = 'canal') FROM score
        JOIN experiment_run USING (experiment_id, run_id) WHERE role = 'single' AND split = 'validation'
    """
    assert [(pytest.approx(value_of(workspace, "difficulty_difference", ("canal", "disc"), "canal")[0]),)] == rows(
        workspace, scores
    )
    others = """
        SELECT avg(score) FILTER (len(tasks) > 1) - avg(score) FILTER (len(tasks) = 1) FROM score JOIN run USING (run_id)
        WHERE split = 'validation' AND task = 'canal' AND NOT (len(tasks) = 2 AND list_contains(tasks, 'disc'))
    """
    assert rows(workspace, others) == [(pytest.approx(value_of(workspace, "task_mean", ("canal", "disc"), "canal")[0]),)]


def test_what_predicts_gains_is_told_from_what_does_not(workspace: Workspace) -> None:
    columns = "rank_correlation, low, points, tasks, groups, baseline"
    sql = f"SELECT {columns} FROM claim_predictors WHERE scope = 'within' AND evidence ="
    ((tag, low, *counts),) = rows(workspace, f"{sql} 'tag'")
    points = np.array(
        rows(workspace, "SELECT value, gain FROM claim WHERE evidence = 'tag' AND verdict <> 'not learnt'"), float
    )
    assert tag == pytest.approx(stats.spearmanr(*points.T).statistic)  # one experiment: its means change no rank
    assert tag > 0.8 > low
    assert counts == [len(points), 4, 8, False]
    assert rows(workspace, f"{sql} 'data_size_ratio'")[0][:2] == (None, None)
    reasons = "SELECT DISTINCT reason FROM claim_predictors WHERE scope = 'across'"
    assert rows(workspace, reasons) == [("3 experiments at least; found 1",)]


def test_claims_have_verdicts_of_the_experiment_that_states_them(workspace: Workspace) -> None:
    sql = "SELECT experiment, evidence, statistic, threshold, verdict, value, low, high, latest FROM claim_verdicts"
    (auc, rank) = rows(workspace, sql)
    assert auc[:4] == ("fake", "cosine_training", "auc", 0.6)
    assert rank[:5] == ("fake", "tag", "rank_correlation", 0.2, "undecided" if rank[6] < 0.2 else "supported")
    of_predictor = "SELECT rank_correlation, low, high, true FROM claim_predictors WHERE scope = 'within' AND evidence = 'tag'"
    assert [rank[5:]] == rows(workspace, of_predictor)


def test_the_command_prints_verdicts_first_and_then_predictors_in_80_columns(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(workspace.root, copy, symlinks=True)
    monkeypatch.setenv("COLUMNS", "80")
    printed = []
    for roots in ([workspace.root], [workspace.root, copy]):
        done = CliRunner().invoke(app, ["claim", *(part for root in roots for part in ("-w", str(root)))])
        assert (done.exit_code, done.exception) == (0, None)
        printed.append(done.output)
    assert printed[0] == printed[1]  # an experiment that two workspaces hold counts once
    lines = printed[0].splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("Preregistered claims")
    ((tag, low, high),) = rows(
        workspace, "SELECT rank_correlation, low, high FROM claim_predictors WHERE scope = 'within' AND evidence = 'tag'"
    )
    assert f"tag {tag:+.2f} {low:+.2f} to {high:+.2f}" in " ".join(printed[0].split())
    assert "What predicts gains across experiments: 3 experiments at least; found 1." in printed[0]


def test_the_table_of_gains_is_one_documented_file_and_the_api_gives_the_views(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "atlas.parquet"
    count = write_atlas([workspace], path, "CC-BY-4.0")
    table = pq.read_table(path)
    frame = mtlens.open(workspace.root).claim()
    assert table.num_rows == count == len(frame)
    assert table.column_names == [name for name in frame.columns if name != "latest"]
    assert table.schema.metadata[b"license"] == b"CC-BY-4.0"
    assert all(field.metadata[b"description"] for field in table.schema)
    assert sorted(table["gain"].to_pylist()) == sorted(frame["gain"])
    before = path.read_bytes()
    write_atlas([workspace, workspace], path, "CC-BY-4.0")
    assert path.read_bytes() == before
    results = mtlens.open(workspace.root)
    assert len(results.claim("claim_verdicts")) == 2
    assert set(results.claim("claim_predictors")["scope"]) == {"within", "across"}
    with pytest.raises(QueryError, match=r"view should be one of claim, .*; found 'claims'"):
        results.claim("claims")


def test_a_run_ends_with_the_verdicts_on_its_own_claims(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ((experiment_id,),) = rows(workspace, "SELECT experiment_id FROM experiment")
    claim.print_stated(reader.query(workspace, claim.STATED, [experiment_id]))
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("Preregistered claims")
    assert "fake tag rank > 0.2" in printed
    claim.print_stated(reader.query(workspace, claim.STATED, ["another"]))
    assert capsys.readouterr().out == ""


def test_gains_of_a_group_go_with_its_runs(workspace: Workspace, tmp_path: Path) -> None:
    shutil.copytree(workspace.root, copy := tmp_path / "copy", symlinks=True)
    opened = Workspace.open(copy)
    ((run_id,),) = rows(opened, "SELECT min(run_id) FROM run WHERE tasks = ['canal', 'cord']")
    shutil.rmtree(opened.runs / str(run_id))
    ingest(opened, force=True)
    assert rows(opened, "SELECT * FROM claim WHERE tasks = ['canal', 'cord']") == []
    assert rows(opened, "SELECT count(DISTINCT tasks) FROM claim") == [(7,)]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"spine": {"region": "lumbar", "relatedness": 0.5}}, ("synthetic lumbar reports", 0.5)),
        (
            {"tables": [{"path": "notes/a.csv"}, {"path": "notes/a.csv"}, {"path": "/home/me/b.csv"}]},
            ("notes/a.csv, b.csv", None),
        ),
        ({"tables": [{"path": {"train": "train.tsv", "test": "dev.tsv"}}], "spine": None}, ("train.tsv, dev.tsv", None)),
        ({"gone": 1}, ("unknown", None)),
    ],
)
def test_texts_are_named_without_folders_of_a_machine(data: dict[str, object], named: tuple[str, float | None]) -> None:
    assert claim_rows.texts_of(data) == named


def test_gains_in_different_units_are_compared_in_margins() -> None:
    def measured(experiment: str, unit: str, margin: float, metric: str) -> list[Measured]:
        return [
            Measured(experiment, experiment, ("a", "b", "c", "d", "e"), task, metric, unit, margin, 0.02 * place, 0.001,
                     "better", "tag", float(place), 0.0, True)
            for place, task in enumerate("abcde")
        ]  # fmt: skip

    alike = [*measured("x", "score", 0.05, "macro_f1"), *measured("y", "score", 0.05, "macro_f1")]
    mixed = [*measured("x", "score", 0.05, "macro_f1"), *measured("y", "score", 0.1, "macro_f1")]
    for rows_, unit, slope in ((alike, "score", 0.02), (mixed, "margin", (0.4 + 0.2) / 2)):
        found = next(row for row in claim_statistics.predictors(rows_) if row.scope == "within")
        assert (found.unit, found.slope) == (unit, pytest.approx(slope))
        assert found.experiments == 2


def test_a_workspace_without_gains_says_so(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "results")
    ingest(workspace, force=True)
    done = CliRunner().invoke(app, ["claim", "-w", str(workspace.root), "--write", str(tmp_path / "atlas.parquet")])
    assert "No experiment states a claim beforehand" in done.output
    assert "No group of tasks has measured gains yet" in done.output
    assert isinstance(done.exception, DataError)
    assert "found none" in str(done.exception)


def test_groups_are_compared_once_and_a_rebuild_is_equal(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    live = fake_runs.dump(snapshot_path(workspace))
    rebuild(workspace)
    assert fake_runs.dump(snapshot_path(workspace)) == live
    compared = []
    monkeypatch.setattr(group_gains, "compare", lambda *args, **kwargs: compared.append(args) or ())
    path = next(path for path in workspace.experiments.glob("*.json"))
    path.write_text(path.read_text() + " ")
    assert ingest(workspace, force=True).experiments == 1
    assert compared == []
    assert fake_runs.dump(snapshot_path(workspace))["summary.claim"] == live["summary.claim"]


def test_experiments_that_share_runs_count_once_and_an_older_version_keeps_its_claim(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "results")
    fake = fake_runs.fake_experiment(tasks=("a", "b", "c", "d", "e", "f"))
    claims = [(Claim(evidence="data_size_ratio", supported=above),) for above in (0.2, 0.9)]
    versions = (("one", claims[0]), ("one", claims[1]), ("two", claims[0]), ("three", claims[0]))
    for year, (name, stated) in enumerate(versions, start=2030):
        spec = fake.experiment.model_copy(update={"name": name, "claim": stated})
        saved = fake_runs.FakeExperiment(experiment=spec, planned=fake.planned, num_examples=60)
        fake_runs.save(workspace, saved, f"{year}-01-01T00:00:00+00:00")
    for run in fake.runs:
        fake_runs.finish(workspace, run)
    ingest(workspace, force=True)
    verdicts = "SELECT experiment, threshold, verdict, points, latest FROM claim_verdicts ORDER BY experiment, threshold"
    assert rows(workspace, verdicts) == [
        ("one", 0.2, "undecided", 6, False),
        ("one", 0.9, "undecided", 6, True),
        ("three", 0.2, "undecided", 6, True),
        ("two", 0.2, "undecided", 6, True),
        (None, 0.2, "undecided", 6, True),  # the latest experiments that state it, whose points are the same
    ]
    shared = "SELECT experiments, points FROM claim_predictors WHERE scope = 'within' AND evidence = 'data_size_ratio'"
    assert rows(workspace, shared) == [(1, 6)]
