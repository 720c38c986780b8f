"""One job of any kind: the same call in a lane and without Ray."""

from mtlens.config.run import Outcome, Run
from mtlens.data.tokenize import Encoded
from mtlens.evidence.jobs import Job
from mtlens.evidence.run import collect
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.run import execute


def perform(job: Job, encoded: Encoded, workspace: Workspace, *, threads: int, gpu: bool) -> Outcome:
    """Train a run, or compute an evidence job; a failure is reported in the outcome."""
    if isinstance(job, Run):
        return execute(job, encoded, workspace, threads=threads, gpu=gpu)
    return collect(job, encoded, workspace, threads=threads, gpu=gpu)
