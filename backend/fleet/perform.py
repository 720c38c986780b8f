"""One job, whatever it is: the same call in a lane and on a laptop."""

from backend.data.encode import Encoded
from backend.evidence.collect import collect
from backend.learn.execute import execute
from backend.pieces import Job
from backend.spec import Outcome, Run
from backend.store.workspace import Workspace


def perform(job: Job, encoded: Encoded, workspace: Workspace, *, threads: int, gpu: bool) -> Outcome:
    """Train a run, or compute a piece of evidence; what fails is told in the outcome."""
    if isinstance(job, Run):
        return execute(job, encoded, workspace, threads=threads, gpu=gpu)
    return collect(job, encoded, workspace, threads=threads, gpu=gpu)
