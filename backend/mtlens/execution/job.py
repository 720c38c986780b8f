"""One job, whatever it is: the same call in a lane and on a laptop."""

from mtlens.config.run import Outcome, Run
from mtlens.data.tokenize import Encoded
from mtlens.evidence.jobs import Job
from mtlens.evidence.run import collect
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.run import execute


def perform(job: Job, encoded: Encoded, workspace: Workspace, *, threads: int, gpu: bool) -> Outcome:
    """Train a run, or compute an evidence job; what fails is told in the outcome."""
    if isinstance(job, Run):
        return execute(job, encoded, workspace, threads=threads, gpu=gpu)
    return collect(job, encoded, workspace, threads=threads, gpu=gpu)
