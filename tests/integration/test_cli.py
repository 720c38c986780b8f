"""The command line from end to end on a tiny encoder: what people type, what they read, and every mistake in one line."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mtlens.cli import main
from mtlens.store.workspace.workspace import Workspace

EXPERIMENT = """\
name: tiny
data:
  tables: [{{path: notes.csv, text: note, group: patient}}]
tasks:
  grade: {{classes: [none, mild, severe]}}
  side: {{classes: [left, right]}}
encoder: {{name: {encoder}}}
training: {{epochs: {epochs}, batch_size: 16, learning_rate: 3e-3, head_learning_rate: 1e-2, precision: float32}}
evidence: {{examples: 16, microbatches: 4, microbatch_size: 4}}
margin: 0.1
"""
ONE_SEED = "seeds: [0]\n"


@pytest.fixture
def folder(tmp_path, tiny_encoder, monkeypatch):
    """A folder with notes.csv and tiny.yaml, which is also the current one."""
    generator = np.random.default_rng(0)
    grades, sides = ["normal", "mild", "severe"], ["left", "right"]
    lines = ["patient,note,grade,side"]
    for i in range(240):
        grade, side = generator.integers(0, 3), generator.integers(0, 2)
        label = ["none", "mild", "severe"][grade]
        lines.append(f"p{i // 2},the disc {i} {grades[grade]} with {sides[side]},{label},{sides[side] if i % 7 else ''}")
    (tmp_path / "notes.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "tiny.yaml").write_text(EXPERIMENT.format(encoder=tiny_encoder, epochs=2))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MTLENS_DATA", raising=False)
    return tmp_path


def test_reports_in_verdict_out(folder, mtlens):
    code, out, _ = mtlens("run", "tiny.yaml", "--local")
    assert code == 0
    assert "9 runs trained, 0 were finished before." in out
    for word in ("grade", "side", "mean", "90 % interval", "Next: mtlens dashboard"):
        assert word in out

    code, out, _ = mtlens("run", "tiny.yaml", "--local")
    assert code == 0
    assert "0 runs trained, 9 were finished before." in out

    code, out, _ = mtlens("sql", "select task, seeds, verdict from matching order by task", "--format", "json")
    rows = json.loads(out)
    assert [row["task"] for row in rows] == ["grade", "side", None]
    assert {row["seeds"] for row in rows} == {3}
    assert {row["verdict"] for row in rows} <= {"matches", "better", "worse", "inconclusive"}

    code, out, _ = mtlens("sql", "select 1 as one, 'a,b' as two", "--format", "csv")
    assert out == 'one,two\n1,"a,b"\n'

    code, out, _ = mtlens("status")
    assert "tiny" in out
    assert mtlens("verify")[0] == 0
    assert "0 finished runs" in mtlens("ingest")[1]
    assert "9 finished runs" in mtlens("ingest", "--rebuild")[1]


def test_evidence_of_models_that_are_not_trained_counts_none_as_finished(folder, mtlens):
    code, out, _ = mtlens("evidence", "tiny.yaml", "--local")
    assert code == 0
    assert "0 runs trained, 0 were finished before." in out


def test_what_is_damaged_is_found_set_aside_and_made_again(folder, mtlens):
    (folder / "tiny.yaml").write_text((folder / "tiny.yaml").read_text() + ONE_SEED)
    mtlens("run", "tiny.yaml", "--local")
    workspace = Workspace.open(folder / "results")
    (workspace.runs / "lost+found").mkdir()
    assert "3 runs and 8 evidence jobs checked, 0 damaged." in mtlens("verify")[1]
    victims = next(workspace.runs.glob("*/predictions.parquet")), next(workspace.evidence.glob("*/gradients.parquet"))
    for victim in victims:
        victim.write_bytes(victim.read_bytes()[:-1])
    code, out, _ = mtlens("verify")
    assert code == 1
    problems = " ".join(out.split())  # lines are wrapped, and where depends on how long the path is
    assert "has changed since the run finished" in problems
    assert "has changed since the evidence finished" in problems
    assert mtlens("verify", "--quarantine")[0] == 0
    assert "1 run trained, 2 were finished before." in mtlens("run", "tiny.yaml", "--local")[1]
    assert all(victim.exists() for victim in victims)


@pytest.mark.fault
def test_a_run_killed_half_way_repeats_no_finished_run(folder, mtlens):
    """kill -9 of the whole process, and the same command again."""
    (folder / "tiny.yaml").write_text((folder / "tiny.yaml").read_text().replace("epochs: 2", "epochs: 40"))
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # ignored in the background of a script
    command = [sys.executable, "-c", f"{heard}; from mtlens.cli.main import main; main()", "run", "tiny.yaml", "--local"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    runs = folder / "results" / "runs"
    for _ in range(900):
        time.sleep(0.1)
        if len(list(runs.glob("*/DONE"))) >= 3:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path: path.stat().st_mtime_ns for path in runs.glob("*/DONE")}
    assert 3 <= len(finished) < 9
    code, out, _ = mtlens("run", "tiny.yaml", "--local")
    assert code == 0
    assert f"trained, {len(finished)} were finished before." in out
    assert {path: path.stat().st_mtime_ns for path in finished} == finished


def interrupted(process):
    """What a process says when Ctrl-C ends it; again after a while, as one that lands in a finaliser is lost in Python."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=40)[1]
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("the process should end after Ctrl-C; it goes on")


@pytest.mark.fault
def test_an_interrupt_leaves_a_state_to_go_on_from(folder):
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # ignored in the background of a script
    command = [sys.executable, "-c", f"{heard}; from mtlens.cli.main import main; main()", "run", "tiny.yaml", "--local"]
    (folder / "tiny.yaml").write_text((folder / "tiny.yaml").read_text().replace("epochs: 2", "epochs: 500"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            for _ in range(600):
                time.sleep(0.1)
                if list((folder / "results" / "runs").glob("*/journal-0.jsonl")):
                    break
            err = interrupted(process)
        finally:
            process.kill()
    assert process.returncode == 130
    assert err.strip().splitlines()[-1] == "stopped; the same command continues from here"
    assert "Traceback" not in err


def test_a_failed_run_is_reported_and_the_others_count(folder, mtlens):
    text = (folder / "tiny.yaml").read_text()
    (folder / "tiny.yaml").write_text(text.replace("3e-3", "1e30").replace("1e-2", "1e30") + "seeds: [0]\n")
    code, _, err = mtlens("run", "tiny.yaml", "--local")
    assert code == 2
    assert err.splitlines()[-1].startswith("error: 3 of 3 jobs failed")
    assert "should be finite" in err
    assert "should be finite" in mtlens("status")[1]


def test_an_experiment_of_a_sweep_that_fails_does_not_stop_the_others(folder, mtlens):
    sweep = "seeds: [0]\nsweep: {training.learning_rate: [1e30, 3e-3]}\n"
    (folder / "tiny.yaml").write_text((folder / "tiny.yaml").read_text() + sweep)
    code, out, err = mtlens("run", "tiny.yaml", "--local")
    assert code == 2
    assert "3 runs trained" in out
    assert "tiny-1e30: 3 of 3 jobs failed" in err
    assert err.splitlines()[-1] == "error: 1 of 2 experiments failed: tiny-1e30"
    assert "should be finite" in mtlens("status")[1]


def test_a_sweep_goes_past_an_encoder_that_is_not_there(folder, mtlens, tiny_encoder):
    sweep = f"seeds: [0]\nsweep: {{encoder.name: [{folder / 'none'}, {tiny_encoder}]}}\n"
    (folder / "tiny.yaml").write_text((folder / "tiny.yaml").read_text() + sweep)
    code, out, err = mtlens("run", "tiny.yaml", "--local")
    assert code == 2
    assert "3 runs trained" in out
    assert "error: 1 of 2 experiments failed: tiny-" in err.splitlines()[-1]


@pytest.mark.fault
def test_two_experiments_write_to_one_workspace_at_once(folder, mtlens):
    """They share the single-task runs of the task that both have: each of these is trained once."""
    other = (folder / "tiny.yaml").read_text().replace("name: tiny", "name: other").replace("[0, 1, 2]", "[0]")
    (folder / "other.yaml").write_text(other)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "from mtlens.cli.main import main; main()", "run"]
    processes = [
        subprocess.Popen(
            [*command, name, "--local"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        for name in ("tiny.yaml", "other.yaml")
    ]
    answers = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert len(list((folder / "results" / "runs").glob("*/DONE"))) == 9
    assert len(list((folder / "results" / "runs").glob("*/journal-*.jsonl"))) == 9
    code, out, _ = mtlens("sql", "select experiment, count(*) as n from matching group by 1 order by 1", "-f", "json")
    assert code == 0
    assert json.loads(out) == [{"experiment": "other", "n": 3}, {"experiment": "tiny", "n": 3}]


def test_plan_prints_what_will_happen(folder, mtlens):
    code, out, _ = mtlens("plan", "tiny.yaml")
    assert code == 0
    for part in (
        "9 runs (3 multi, 6 single) over 3 seeds",
        "TFLOP",
        "Chance in % of a match",
        "20 seeds",
        "minutes",
        "severe",
    ):
        assert part in out
    assert not (folder / "results").exists()


@pytest.mark.parametrize("resources", ["{lanes: 800, gpus_per_run: 1}", "{lanes: 800}", "{lanes: 800, gpus_per_run: 0.25}"])
def test_a_plan_for_a_cluster_is_made_on_a_smaller_machine(folder, mtlens, resources):
    (folder / "tiny.yaml").write_text((folder / "tiny.yaml").read_text() + f"resources: {resources}\n")
    code, out, _ = mtlens("plan", "tiny.yaml")
    assert code == 0
    assert "minutes on 800 lanes" in out
    assert "This machine has less" in out
    code, _, err = mtlens("run", "tiny.yaml", "--local")
    assert code == 2
    assert "should be at most" in err


@pytest.mark.parametrize(("runs", "more"), [("[single]", "1 more groups, 3 more runs"), ("[single, multi]", "0 more groups")])
def test_a_plan_counts_the_groups_that_only_the_search_asks_for(folder, mtlens, runs, more):
    (folder / "tiny.yaml").write_text((folder / "tiny.yaml").read_text() + f"runs: {runs}\nsearch: {{}}\n")
    assert more in mtlens("plan", "tiny.yaml")[1]


def test_what_no_machine_has_is_not_planned(folder, mtlens):
    (folder / "tiny.yaml").write_text((folder / "tiny.yaml").read_text() + "resources: {gpus_per_run: 2}\n")
    code, _, err = mtlens("plan", "tiny.yaml")
    assert code == 2
    assert "gpus_per_run should be at most 1" in err


def test_init_writes_an_experiment_that_works(folder, mtlens, tiny_encoder):
    code, out, _ = mtlens(
        "init", "notes.csv", "--text", "note", "--tasks", "grade,side", "--group", "patient", "--out", "new.yaml"
    )
    assert code == 0
    assert "mild (" in out
    assert json.loads((folder / "mtlens.schema.json").read_text())["properties"]["tasks"]
    written = (folder / "new.yaml").read_text().replace("seeds: [0, 1, 2]", "seeds: [0]").replace("epochs: 10", "epochs: 1")
    (folder / "new.yaml").write_text(written + f"encoder: {{name: {tiny_encoder}}}\n")
    assert "3 runs trained" in mtlens("run", "new.yaml", "--local")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.yaml"], "none.yaml: experiment file should be readable"),
        (["plan", "bad.yaml"], "bad.yaml:1: unknown key 'nam'; did you mean 'name'?"),
        (["sql", "select 1", "-w", "nowhere"], "nothing here yet"),
        (["status", "-w", "nowhere"], "nothing here yet"),
        (["run", "tiny.yaml", "--data", "elsewhere", "-w", "notes.csv"], "should be a folder; found a file"),
        (["init", "notes.csv", "--text", "note", "--tasks", "grad"], "nearest is 'grade'"),
        (["init", "notes.csv", "--text", "note", "--tasks", "patient"], "should hold 2 to 50 classes; found 120"),
        (["init", "notes.csv", "--text", "note", "--tasks", "grade", "--out", "tiny.yaml"], "should not exist yet"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_two(folder, mtlens, arguments, message):
    (folder / "bad.yaml").write_text("nam: x\ntasks: {a: {classes: [x, y]}}\n")
    code, _, err = mtlens(*arguments)
    assert code == 2
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_debug_shows_the_traceback(folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mtlens", "--debug", "run", "none.yaml"])
    monkeypatch.setenv("MTLENS_DEBUG", "")  # the command sets it, and this takes it back afterwards
    with pytest.raises(main.MtlensError, match=r"none\.yaml"):
        main.main()


def test_every_command_explains_itself(mtlens):
    code, out, _ = mtlens("--help")
    assert code == 0
    for name in ("init", "plan", "demo", "run", "status", "sql", "ingest", "verify"):
        assert name in out
        code, text, _ = mtlens(name, "--help")
        assert code == 0
        assert "Usage" in text
