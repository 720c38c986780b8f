"""The plain path: runs one after another in this process, without Ray, and with the same numbers."""

from collections.abc import Sequence

from backend.data.encode import Encoded
from backend.fleet.cluster import Lanes
from backend.learn.execute import execute
from backend.spec import Outcome, Run
from backend.store.workspace import Workspace


def run_local(runs: Sequence[Run], encoded: Encoded, workspace: Workspace, lanes: Lanes) -> list[Outcome]:
    """Train runs in order, each with the threads of one lane; returns their outcomes."""
    return [execute(run, encoded, workspace, threads=lanes.threads, gpu=lanes.gpus > 0) for run in runs]
