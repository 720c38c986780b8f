"""A node killed in the middle of an experiment changes nothing: python -m experiments.cluster.drill EXPERIMENT -w FOLDER

Runs an experiment file twice on three Ray nodes of this machine, with one lane each: into FOLDER/undisturbed, and into
FOLDER/disturbed, where one node is killed when half of the runs are done. Then compares every table of results row by row,
numbers to the last digit but no times, and prints what differs; exit code 1 where something does. What FOLDER holds already
is not trained again, so a drill that was stopped goes on, but a node is only killed where more than half is left to do.
"""

import argparse
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from experiments.cluster.nodes import nodes
from mtlens.config.loading import load_experiments
from mtlens.config.run import Run
from mtlens.execution.experiment import run_experiment, unfinished
from mtlens.execution.live_progress import live_progress
from mtlens.execution.plan import Plan, make_plan
from mtlens.store.database.reader import snapshot_path
from mtlens.store.ingest import ingest
from mtlens.store.workspace.workspace import Workspace

CORES = (1, 1, 1)
TRAINED = {
    "run": "run_id, tasks, method, seed, state, epochs_run, best_epoch, updates, parameters, precision, threads, reason",
    "experiment_run": "*",
    "task": "*",
    "example": "*",
    "metric": "*",
    "prediction": "*",
    "comparison": "*",
    "look": "*",
    "arm_choice": "*",
}
EXPLAINED = {
    **dict.fromkeys(("cka", "gradient_alignment", "lookahead", "linearised"), "*"),
    **dict.fromkeys(("summary.similarity", "summary.alignment", "summary.explanation"), "*"),
}
GROUPED = {
    **dict.fromkeys(("affinity", "summary.group_score", "grouping_member", "grouping_method"), "*"),
    "grouping": "* EXCLUDE discovery_seconds",
    "recommendation": "* EXCLUDE (seconds, single_seconds, inference_seconds, single_inference_seconds)",
    **dict.fromkeys(("summary.group_gain", "summary.claim", "summary.claim_predictor", "summary.claim_verdict"), "*"),
}


def differences(one: Workspace, other: Workspace, tables: dict[str, str]) -> dict[str, tuple[int, int, int]]:
    """Table -> its rows in `one`, and how many rows only `one` and only `other` has; both are brought up to date first."""
    found: dict[str, tuple[int, int, int]] = {}
    for workspace in (one, other):
        ingest(workspace, force=True)
    with closing(duckdb.connect()) as connection:
        for name, workspace in (("one", one), ("other", other)):
            connection.execute(f"ATTACH '{snapshot_path(workspace)}' AS {name} (READ_ONLY)")
        for table, columns in tables.items():
            left, right = (f"SELECT {columns} FROM {name}.{table}" for name in ("one", "other"))
            counts = (left, f"{left} EXCEPT ALL {right}", f"{right} EXCEPT ALL {left}")
            numbers = [connection.execute(f"SELECT count(*) FROM ({sql})").fetchall()[0][0] for sql in counts]
            found[table] = (numbers[0], numbers[1], numbers[2])
    return found


def markers(workspace: Workspace) -> dict[str, int]:
    """When each finished run and evidence job was finished, by its path, in nanoseconds."""
    return {str(path): path.stat().st_mtime_ns for path in workspace.root.glob("*/*/DONE")}


def taken_up(workspace: Workspace, runs: Sequence[Run]) -> int:
    """Runs that more than one process has worked on."""
    return sum(len(list((workspace.runs / run.run_id).glob("journal-*"))) > 1 for run in runs)


class Killer(threading.Thread):
    """Kills a node once half of the runs are done; `before` is what was finished then."""

    def __init__(self, cluster: Any, node: Any, plan: Plan, workspace: Workspace):
        super().__init__(daemon=True)
        self._cluster, self._node, self._plan, self._workspace = cluster, node, plan, workspace
        self.before: dict[str, int] = {}

    def run(self) -> None:
        """Wait for the moment."""
        while 2 * len(unfinished(self._plan.distinct, self._workspace.root)) > len(self._plan.distinct):
            time.sleep(0.2)
        self.before = markers(self._workspace)
        self._cluster.remove_node(self._node, allow_graceful=False)
        print(f"{time.strftime('%X')} a node was killed", file=sys.stderr)


def run_on_nodes(plan: Plan, workspace: Workspace, *, disturb: bool) -> None:
    """Run an experiment on three nodes, of which one may be killed; SystemExit where a job fails or is done twice."""
    with nodes(*CORES) as (cluster, workers), live_progress() as show:
        killer = Killer(cluster, workers[-1], plan, workspace)
        if disturb and 2 * len(unfinished(plan.distinct, workspace.root)) > len(plan.distinct):
            killer.start()
        ended = run_experiment(plan, workspace, local=False, address=cluster.address, show=show)
    reasons = [one.reason for one in ended if one.reason]
    if reasons:
        raise SystemExit(f"every job should be done; found {len(reasons)} that failed, the first with: {reasons[0]}")
    if not killer.before.items() <= markers(workspace).items():
        raise SystemExit("what was finished when the node was killed should stay; some of it was done again")
    done, again = len(killer.before), taken_up(workspace, plan.distinct)
    print(
        f"{workspace.root.name}: {len(ended)} jobs done now, {done} were finished at the kill, {again} runs were taken up again"
    )


def main() -> None:
    """Run twice, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--data", type=Path, help="folder that table paths are relative to; else that of the experiment")
    parser.add_argument("-w", "--workspace", type=Path, default=Path("drill"), help="folder of the two workspaces")
    asked = parser.parse_args()
    undisturbed, disturbed = (Workspace.open(asked.workspace / name) for name in ("undisturbed", "disturbed"))
    for experiment in load_experiments(asked.experiment):
        plan = make_plan(experiment, [asked.data or asked.experiment.parent])
        run_on_nodes(plan, undisturbed, disturb=False)
        run_on_nodes(plan, disturbed, disturb=True)
    found = differences(undisturbed, disturbed, TRAINED | EXPLAINED | GROUPED)
    print(f"{'table':24}{'rows':>10}{'only undisturbed':>18}{'only disturbed':>16}")
    for table, (rows, *only) in found.items():
        print(f"{table:24}{rows:>10,}{only[0]:>18,}{only[1]:>16,}")
    if differ := [table for table, (_, *only) in found.items() if any(only)]:
        raise SystemExit(f"what differs: {', '.join(differ)}")
    print("Nothing differs.")


if __name__ == "__main__":
    main()
