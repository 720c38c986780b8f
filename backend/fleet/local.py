"""The plain path: jobs one after another in this process, without Ray, and with the same numbers."""

from collections.abc import Iterable, Sequence

from backend.data.encode import Encoded
from backend.fleet.cluster import Lanes
from backend.fleet.perform import perform
from backend.pieces import Job
from backend.spec import Outcome
from backend.store.workspace import Workspace


def run_local(
    jobs: Sequence[Job], encoded: Encoded, workspace: Workspace, lanes: Lanes, later: Iterable[Sequence[Job]] = ()
) -> list[Outcome]:
    """Do jobs in order, and then each later stage, with the threads of one lane; returns their outcomes."""
    outcomes = [perform(job, encoded, workspace, threads=lanes.threads, gpu=lanes.gpus > 0) for job in jobs]
    for stage in later:
        outcomes += [perform(job, encoded, workspace, threads=lanes.threads, gpu=lanes.gpus > 0) for job in stage]
    return outcomes
