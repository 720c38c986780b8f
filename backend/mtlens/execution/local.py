"""Execution without Ray: jobs one after another in this process, with the same numbers."""

from collections.abc import Iterable, Sequence

from mtlens.config.run import Outcome
from mtlens.data.tokenize import Encoded
from mtlens.evidence.jobs import Job
from mtlens.execution.job import perform
from mtlens.execution.lanes import Lanes
from mtlens.store.workspace.workspace import Workspace


def run_local(
    jobs: Sequence[Job], encoded: Encoded, workspace: Workspace, lanes: Lanes, later: Iterable[Sequence[Job]] = ()
) -> list[Outcome]:
    """Do jobs in order, and then each later stage, with the threads of one lane; returns their outcomes."""
    outcomes = [perform(job, encoded, workspace, threads=lanes.threads, gpu=lanes.gpus > 0) for job in jobs]
    for stage in later:
        outcomes += [perform(job, encoded, workspace, threads=lanes.threads, gpu=lanes.gpus > 0) for job in stage]
    return outcomes
